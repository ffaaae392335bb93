"""Judging models on real data."""
