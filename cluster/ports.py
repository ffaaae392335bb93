"""Ports that Serve has beside the one it serves on: aside where another system of this machine has them."""

import socket
from collections.abc import Mapping

BESIDE: Mapping[str, int] = {
    "RAY_SERVE_HAPROXY_STATS_PORT": 8404,
    "RAY_SERVE_HAPROXY_METRICS_PORT": 9101,
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": 8500,
}
"""The usual ports, by the variable that names another; Serve does not start where one of them is taken."""

_LOOPBACK = "127.0.0.1"


def moved_aside(usual: Mapping[str, int] = BESIDE) -> dict[str, str]:
    """Return a free port for each variable whose usual port somebody listens on; those that are free stay."""
    taken = [name for name, port in usual.items() if not _is_free(port)]
    held = [socket.create_server((_LOOPBACK, 0)) for _ in taken]  # all at once: no port twice
    try:
        return {name: str(each.getsockname()[1]) for name, each in zip(taken, held, strict=True)}
    finally:
        for each in held:
            each.close()


def _is_free(port: int) -> bool:
    try:
        socket.create_server((_LOOPBACK, port)).close()
    except OSError:
        return False
    return True
