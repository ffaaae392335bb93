"""Free ports: for the API, and for what Serve has beside it where another system of this machine has the usual ones."""

import errno
import secrets
import socket
from collections.abc import Mapping

BESIDE: Mapping[str, int] = {
    "RAY_SERVE_HAPROXY_STATS_PORT": 8404,
    "RAY_SERVE_HAPROXY_METRICS_PORT": 9101,
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": 8500,
}
"""The usual ports, by the variable that names another; Serve does not start where one of them is taken."""

FIRST, LAST = 20_000, 29_999
"""Where free ports are looked for. Linux itself hands out those from 32,768 on, and Ray's processes ask it for dozens
while a system starts: one of them that is free now may be taken when HAProxy comes to it, ten seconds later.
Serve's replicas have those from 30,000 on."""

_TRIES = 200
_LOOPBACK = "127.0.0.1"


def free_port(host: str = _LOOPBACK) -> int:
    """Return a port of an address on which nobody listens now, and which nobody is given by chance.

    Raises:
        OSError: The address is not one of this machine's.
    """
    for _ in range(_TRIES):
        port = FIRST + secrets.randbelow(LAST - FIRST + 1)
        if is_free(port, host):
            return port
    return bindable(0, host)  # everything there is taken


def moved_aside(usual: Mapping[str, int] = BESIDE) -> dict[str, str]:
    """Return a free port for each variable whose usual port somebody listens on; those that are free stay."""
    moved: dict[str, str] = {}
    for name, port in usual.items():
        if not is_free(port):
            other = next(p for p in iter(free_port, None) if str(p) not in moved.values())
            moved[name] = str(other)
    return moved


def is_free(port: int, host: str = _LOOPBACK) -> bool:
    """Return whether nobody listens on a port of an address.

    Raises:
        OSError: It cannot be listened on for another reason, such as that the address is not this machine's.
    """
    try:
        bindable(port, host)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True


def bindable(port: int, host: str = _LOOPBACK) -> int:
    """Bind a port of an address for a moment, any that is free for 0, and return its number.

    Raises:
        OSError: It cannot be listened on; `strerror` says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        number: int = probe.getsockname()[1]
        return number
