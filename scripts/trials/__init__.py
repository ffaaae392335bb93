"""Trying a playbook on one customer: the real session, a virtual clock, nothing leaves."""
