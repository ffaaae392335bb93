"""Scoring models as plain objects."""
