"""What researchers run: policies judged on logs, uplift of scores, and whether intervals keep their word."""
