"""Durable truth: one contract, several stores."""
