"""Serve's ports beside the API's: the usual ones, unless somebody has them."""

import socket
from pathlib import Path

import pytest

from cluster.ports import FIRST, LAST, free_port, is_free, moved_aside


@pytest.fixture
def taken():
    """Two ports that somebody listens on."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as another,
    ):
        yield one.getsockname()[1], another.getsockname()[1]


def test_a_free_port_is_none_that_the_system_hands_out_by_itself():
    ranges = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(ranges.read_text().split()[0]) if ranges.exists() else 32_768

    found = {free_port() for _ in range(50)}

    assert all(FIRST <= port <= LAST < first for port in found)
    assert len(found) > 25  # two that look at the same time do not find the same


def test_when_all_of_those_are_taken_it_is_any_other(monkeypatch, taken):
    monkeypatch.setattr("cluster.ports.FIRST", taken[0])
    monkeypatch.setattr("cluster.ports.LAST", taken[0])

    port = free_port()

    assert port not in taken
    assert is_free(port)


def test_an_address_of_another_machine_is_said_and_not_tried_again():
    with pytest.raises(OSError, match="assign"):
        free_port("192.0.2.1")


def test_a_port_that_is_free_stays():
    assert moved_aside({"STATISTICS": free_port()}) == {}


def test_ports_that_are_taken_are_exchanged_for_different_free_ones(taken):
    moved = moved_aside({"STATISTICS": taken[0], "METRICS": taken[1], "OTHER": free_port()})

    assert moved.keys() == {"STATISTICS", "METRICS"}
    ports = {int(port) for port in moved.values()}
    assert len(ports) == 2
    assert ports.isdisjoint(taken)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_that_is_open_to_all_counts_as_taken_too():
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        assert moved_aside({"METRICS": everywhere.getsockname()[1]}).keys() == {"METRICS"}
