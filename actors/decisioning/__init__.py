"""Choosing the next best action: context, funnel, arbitration, record."""
