"""Where the baseline is served; importing this does not import Ray."""

ROUTE_PREFIX = "/bench"
PATH = "/bench/echo"
SWITCH = "RIGHTTIME_BENCH_BASELINE"
"""Set to 1, it makes `righttime up` serve the baseline as well, under `ROUTE_PREFIX`."""
