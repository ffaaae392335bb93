"""Seeded populations of customers who meet the real runtime in virtual time. No Ray.

Everything is a function of (seed, customer, stream, instant), so that compared policies share their
random numbers and results do not depend on how the work is divided; see docs/simulation.md.
"""
