"""Instances on which prices of budgets can be judged, because the optimum is known."""
