"""Nodes in networks of their own, and the links between them, which can be cut, one-way or slow.

Each node has a TUN device in a namespace of its own, and a thread of this process carries the packets from
one to another. So a link can be slow where the kernel has no `netem`, and nothing outlasts us: a namespace
ends with the last process in it, a device with its descriptor.
"""

import ctypes
import fcntl
import heapq
import os
import select
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from scripts.output import Failure

NET = "198.18.0"
"""The first three numbers of the addresses: a range for tests of networks, routed nowhere (RFC 2544)."""
HEAD = f"{NET}.1"

_NEW_NET = 0x4000_0000
_NEW_UTS = 0x0400_0000
_SET_DEVICE = 0x4004_54CA
_TUN_BARE = 0x1001  # IFF_TUN, and no header of its own before each packet
_DEVICE = "chaos0"
_PACKET = 65_535
_MTU = 60_000  # few packets: each is carried by Python
_AT_ONCE = 64
_IDLE_S = 0.1
_DESTINATION = slice(16, 20)
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def own_network() -> Iterator[None]:
    """Give this thread, and what it starts meanwhile, a network that reaches nobody outside.

    Raises:
        Failure: The machine does not permit that, or has no `ip`.
    """
    with _opened("net") as home:
        _system("unshare", _NEW_NET)
        try:
            _ip("link", "set", "lo", "up")
            _ip("address", "add", f"{HEAD}/32", "dev", "lo")
            yield
        finally:
            _system("setns", home, _NEW_NET)


@dataclass(slots=True)
class Place:
    """One node's network: descriptors of its namespaces and of its device."""

    net: int
    uts: int
    device: int


class Links:
    """The networks of `count` nodes; the first is the one that this is made in, the head's.

    Between each two there is a link each way. Rules are seconds of delay, or None for a link that
    carries nothing. They are replaced as a whole, so the carrying thread needs no lock.
    """

    def __init__(self, count: int) -> None:
        self._home = (_namespace("net"), _namespace("uts"))
        self._rules: dict[tuple[int, int], float | None] = {}
        self._ending = False
        self.carried = 0
        self.places = [self._make(i) for i in range(count)]
        self._thread = threading.Thread(target=self._carry, name="links", daemon=True)
        self._thread.start()

    def address(self, i: int) -> str:
        """Return the address of a node."""
        return f"{NET}.{i + 1}"

    @contextmanager
    def inside(self, i: int) -> Iterator[None]:
        """Let this thread, and what it starts meanwhile, be in a node's network, under its host name."""
        place = self.places[i]
        _enter(place.net, place.uts)
        try:
            yield
        finally:
            _enter(*self._home)

    def heal(self) -> None:
        """Let every link carry everything at once."""
        self._rules = {}

    def cut(self, i: int, *, hears: bool = False, heard: bool = False) -> None:
        """Cut a node off from all others; it may still hear them, or be heard."""
        others = [j for j in range(len(self.places)) if j != i]
        rules: dict[tuple[int, int], float | None] = {}
        if not hears:
            rules |= {(j, i): None for j in others}
        if not heard:
            rules |= {(i, j): None for j in others}
        self._rules = rules

    def slow(self, delay_s: float) -> None:
        """Let every packet take so long, each way."""
        among = range(len(self.places))
        self._rules = {(i, j): delay_s for i in among for j in among if i != j}

    def close(self) -> None:
        """Carry nothing more, and give everything back."""
        self._ending = True
        self._thread.join()
        for place in self.places:
            for descriptor in (place.net, place.uts, place.device):
                os.close(descriptor)
        for descriptor in self._home:
            os.close(descriptor)

    def _make(self, i: int) -> Place:
        if i == 0:
            place = Place(_namespace("net"), _namespace("uts"), _device())
            _ip("link", "set", _DEVICE, "up", "mtu", str(_MTU))
            _ip("route", "add", f"{NET}.0/24", "dev", _DEVICE, "src", HEAD)
            return place
        try:
            _system("unshare", _NEW_NET | _NEW_UTS)
            # Another name is another machine: whoever shares ours would be killed by pid.
            name = f"node-{i}".encode()
            _system("sethostname", name, len(name))
            place = Place(_namespace("net"), _namespace("uts"), _device())
            _ip("link", "set", "lo", "up")
            _ip("address", "add", f"{self.address(i)}/24", "dev", _DEVICE)
            _ip("link", "set", _DEVICE, "up", "mtu", str(_MTU))
        finally:
            _enter(*self._home)
        return place

    def _carry(self) -> None:
        by_device = {place.device: i for i, place in enumerate(self.places)}
        late: list[tuple[float, int, int, bytes]] = []
        with select.epoll() as poll:
            for device in by_device:
                poll.register(device, select.EPOLLIN)
            while not self._ending:
                wait_s = min(late[0][0] - time.monotonic(), _IDLE_S) if late else _IDLE_S
                for device, _ in poll.poll(max(wait_s, 0)):
                    self._take(device, by_device[device], late)
                while late and late[0][0] <= time.monotonic():
                    _, _, target, packet = heapq.heappop(late)
                    self._give(target, packet)

    def _take(self, device: int, i: int, late: list[tuple[float, int, int, bytes]]) -> None:
        for _ in range(_AT_ONCE):
            try:
                packet = os.read(device, _PACKET)
            except BlockingIOError:
                return
            target = _target(packet, len(self.places))
            delay_s = None if target is None else self._rules.get((i, target), 0.0)
            if target is None or delay_s is None:
                continue
            self.carried += 1
            if delay_s:
                due_s = time.monotonic() + delay_s
                heapq.heappush(late, (due_s, self.carried, target, packet))
            else:
                self._give(target, packet)

    def _give(self, target: int, packet: bytes) -> None:
        with suppress(OSError):  # as networks do: whoever needs it sends it again
            os.write(self.places[target].device, packet)


def _target(packet: bytes, count: int) -> int | None:
    """Return which node an IPv4 packet is for; None for anything else."""
    if len(packet) < _DESTINATION.stop or packet[0] >> 4 != 4:
        return None
    *net, last = packet[_DESTINATION]
    known = ".".join(map(str, net)) == NET and 1 <= last <= count
    return last - 1 if known else None


def _device() -> int:
    """Make a TUN device in this thread's network; it goes with the descriptor."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(device, _SET_DEVICE, struct.pack("16sH22x", _DEVICE.encode(), _TUN_BARE))
    except OSError as error:
        raise Failure(f"no network devices can be made here: {error}") from error
    return device


def _namespace(kind: str) -> int:
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def _opened(kind: str) -> Iterator[int]:
    with ExitStack() as stack:
        descriptor = _namespace(kind)
        stack.callback(os.close, descriptor)
        yield descriptor


def _enter(net: int, uts: int) -> None:
    _system("setns", net, _NEW_NET)
    _system("setns", uts, _NEW_UTS)


def _system(name: str, *arguments: int | bytes) -> None:
    """Call the C library; Python 3.11 has none of these calls of its own."""
    if getattr(_LIBC, name)(*arguments):
        why = os.strerror(ctypes.get_errno())
        raise Failure(f"network namespaces are not permitted here: {name}: {why}")


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Failure("there is no `ip` on this machine: install iproute2") from error
    except subprocess.CalledProcessError as error:
        raise Failure(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from error
