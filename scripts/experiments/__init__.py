"""Experiments from the command line: reports, randomised campaigns of others, and how good the tests are."""
