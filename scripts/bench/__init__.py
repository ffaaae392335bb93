"""Benchmarks: the system against a fixed baseline on the same machine, in the same run."""
