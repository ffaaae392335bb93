"""Compiles the pure core to machine code."""
