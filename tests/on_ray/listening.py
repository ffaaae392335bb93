"""Who listens where: the TCP ports of a process and everything below it."""

import ipaddress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP port. `who` is the process, `where` is `loopback`, or `all` for anything beyond it."""

    pid: int
    who: str
    port: int
    where: str

    @property
    def shown_port(self) -> str:
        """The port, or `any` for one that the system has chosen."""
        return str(self.port) if self.port in FIXED else "any"


FIXED = frozenset({8404, 9101, 8500, 44217, 44227, 52365, 8265})
"""Ports that are the same in every system: HAProxy's, the fallback proxy's, and those of Ray's dashboard."""


def listeners_of(root: int) -> list[Listener]:
    """Return the TCP listeners of a process and of all below it, by name and port."""
    top = psutil.Process(root)
    found: dict[tuple[int, int], Listener] = {}
    for process in (top, *top.children(recursive=True)):
        try:
            name = _name(process)
            connections = process.net_connections("tcp")
        except psutil.Error:  # it ended meanwhile
            continue
        for each in connections:
            if each.status == psutil.CONN_LISTEN and each.laddr:
                address = ipaddress.ip_address(each.laddr.ip)
                mapped = getattr(address, "ipv4_mapped", None) or address
                where = "loopback" if mapped.is_loopback else "all"
                # A port that is open to all is that, whatever else it is bound to.
                key = (process.pid, each.laddr.port)
                if key not in found or where == "all":
                    found[key] = Listener(process.pid, name, each.laddr.port, where)
    return sorted(found.values(), key=lambda each: (each.who, each.port))


def _name(process: psutil.Process) -> str:
    """Return a process's name as operators know it: Ray titles its own, others are what they run."""
    words = process.cmdline()
    first = words[0] if words else process.name()
    if first.startswith("ray::"):
        return first.split(":")[0] + "::" + first.split(":")[2]
    script = next((word for word in words[1:] if word.endswith(".py")), "")
    if script:
        return script.rpartition("/")[2]
    if "up" in words:
        return "righttime up"
    return first.rpartition("/")[2]
