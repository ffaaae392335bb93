"""Where the baseline is served, and under which flags; importing this does not import Ray."""

ROUTE_PREFIX = "/bench/echo"
SWITCH = "RIGHTTIME_BENCH_BASELINE"
"""Set to 1, it makes `righttime up` serve the baseline as well."""

FLAGS = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
}
"""The environment under which both are started."""
