"""Links between nodes on this machine: what is cut, one-way or late is so between real network namespaces."""

import socket
import time
from pathlib import Path

import pytest

from scripts.chaos.links import HEAD, NET, Links, _target, own_network
from scripts.output import Failure

OURS = Path("/proc/thread-self/ns/net")
PORT = 5_555
LATE_S = 0.1


def packet(destination, version=4):
    head = bytearray(20)
    head[0] = version << 4
    head[16:20] = socket.inet_aton(destination)
    return bytes(head)


def test_a_packet_goes_to_the_node_whose_address_it_bears():
    assert _target(packet(HEAD), 3) == 0
    assert _target(packet(f"{NET}.3"), 3) == 2


@pytest.mark.parametrize(
    "stray",
    [
        packet(f"{NET}.4"),
        packet(f"{NET}.0"),
        packet("10.0.0.1"),
        packet(HEAD, version=6),
        packet(HEAD)[:19],
        b"",
    ],
)
def test_a_packet_for_nobody_here_goes_nowhere(stray):
    assert _target(stray, 3) is None


@pytest.fixture
def ends():
    """Three nodes, each with a socket in its network; skipped where the machine permits no namespaces."""
    before = OURS.stat().st_ino
    try:
        with own_network():
            links = Links(3)
            sockets = []
            try:
                for i in range(3):
                    with links.inside(i):
                        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    sockets[i].bind((links.address(i), PORT))
                    sockets[i].settimeout(2)
                yield links, sockets
            finally:
                for each in sockets:
                    each.close()
                links.close()
    except Failure as failure:
        pytest.skip(failure.sentence)
    assert OURS.stat().st_ino == before


def arrives(links, sockets, source, target):
    sockets[target].settimeout(0.1)
    sockets[source].sendto(b"x", (links.address(target), PORT))
    try:
        return sockets[target].recv(10) == b"x"
    except TimeoutError:
        return False


def test_what_is_cut_carries_nothing_that_way_and_everything_else_goes_on(ends):
    links, sockets = ends
    assert all(arrives(*ends, i, j) for i in range(3) for j in range(3) if i != j)

    links.cut(1)
    assert not any(arrives(*ends, *pair) for pair in [(0, 1), (1, 0), (2, 1), (1, 2)])
    assert arrives(*ends, 0, 2)

    links.cut(1, hears=True)
    assert arrives(*ends, 0, 1)
    assert not arrives(*ends, 1, 0)

    links.cut(1, heard=True)
    assert arrives(*ends, 1, 2)
    assert not arrives(*ends, 2, 1)

    links.heal()
    assert arrives(*ends, 2, 1)

    links.slow(LATE_S)
    sockets[1].settimeout(2)
    began = time.monotonic()
    for text in (b"first", b"second"):
        sockets[0].sendto(text, (links.address(1), PORT))
    assert [sockets[1].recv(10), sockets[1].recv(10)] == [b"first", b"second"]
    assert time.monotonic() - began >= LATE_S


def test_a_node_is_another_machine_to_whoever_asks_for_its_name(ends):
    links, _ = ends
    here = socket.gethostname()

    with links.inside(2):
        assert socket.gethostname() == "node-2"
    assert socket.gethostname() == here
