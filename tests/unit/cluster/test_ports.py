"""Serve's ports beside the API's: the usual ones, unless somebody has them."""

import socket

import pytest

from cluster.ports import moved_aside


@pytest.fixture
def taken():
    """Two ports that somebody listens on."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as another,
    ):
        yield one.getsockname()[1], another.getsockname()[1]


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_a_port_that_is_free_stays():
    assert moved_aside({"STATISTICS": free()}) == {}


def test_ports_that_are_taken_are_exchanged_for_different_free_ones(taken):
    moved = moved_aside({"STATISTICS": taken[0], "METRICS": taken[1], "OTHER": free()})

    assert moved.keys() == {"STATISTICS", "METRICS"}
    ports = {int(port) for port in moved.values()}
    assert len(ports) == 2
    assert ports.isdisjoint(taken)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_that_is_open_to_all_counts_as_taken_too():
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        assert moved_aside({"METRICS": everywhere.getsockname()[1]}).keys() == {"METRICS"}
