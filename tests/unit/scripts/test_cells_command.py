"""`righttime cells` against the real edge, without sockets."""

import asyncio
import json

import httpx
import pytest
from typer.testing import CliRunner

from scripts.cli.app import app
from serve_app.cell_counts import note_settled, want_cells, wanted_cells
from tests.integration.http_support import Edge


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Run a command against an edge; a supervisor settles whatever is wanted, if there is one."""
    edge = Edge()
    asyncio.run(want_cells(edge.store, 2, afresh=True))
    monkeypatch.setattr("scripts.cli.cells._POLL_S", 0.001)

    def request(method, url, *, headers, timeout, **options):
        if run.supervised and method == "GET":
            asyncio.run(note_settled(edge.store, asyncio.run(wanted_cells(edge.store)).count))
        return edge.request(method, httpx.URL(url).path, key=None, headers=headers, **options)

    monkeypatch.setattr(httpx, "request", request)
    file = tmp_path / "admin"
    file.write_text(edge.keys["admin"])
    file.chmod(0o600)

    def run(*arguments):
        return CliRunner().invoke(app, ["cells", *arguments, "--key-file", str(file), "--json"])

    run.edge, run.supervised = edge, True
    return run


def test_cells_are_added_and_the_command_waits_until_they_serve(system):
    result = system("--count", "4")

    assert result.exit_code == 0
    shown = json.loads(result.stdout.splitlines()[-1])
    assert (shown["count"], shown["settled"]) == (4, True)


def test_without_a_number_nothing_changes(system):
    assert json.loads(system().stdout.splitlines()[-1])["count"] == 2


def test_a_system_that_does_not_follow_is_said_to_be_late(system):
    system.supervised = False

    result = system("--count", "3", "--wait-s", "0.05")

    assert result.exit_code == 1
    assert "not as wanted yet" in result.output
