"""`righttime pause` and `resume` against the real edge, without sockets."""

import asyncio
import json

import httpx
import pytest
from typer.testing import CliRunner

from scripts.cli.app import app
from scripts.cli.pause import wish_of
from scripts.output import Failure
from tests.integration.http_support import Edge


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Run a command against an edge; return its exit code and what it printed."""
    edge = Edge()
    edge.add_key("reader", ["read"])

    def request(method, url, *, headers, timeout, **options):
        path = httpx.URL(url).path
        return edge.request(method, path, key=None, headers=headers, **options)

    monkeypatch.setattr(httpx, "request", request)

    def run(*arguments, key="admin"):
        file = tmp_path / key
        file.write_text(edge.keys[key])
        file.chmod(0o600)
        return CliRunner().invoke(app, [*arguments, "--key-file", str(file), "--json"])

    run.edge = edge
    return run


def test_a_switch_is_thrown_shown_and_taken_back(system):
    assert system("pause", "channel:email").exit_code == 0
    assert list(asyncio.run(system.edge.store.pauses())) == ["channel:email"]

    shown = json.loads(system("pause").stdout.splitlines()[-1])
    assert [(each["kind"], each["name"]) for each in shown["paused"]] == [("channel", "email")]

    assert system("resume", "channel:email").exit_code == 0
    assert json.loads(system("pause").stdout.splitlines()[-1])["paused"] == []


def test_who_may_only_read_throws_nothing(system):
    result = system("pause", "all", key="reader")

    assert result.exit_code != 0
    assert asyncio.run(system.edge.store.pauses()) == {}


@pytest.mark.parametrize("what", ["email", "channel:", "tier:gold", "All"])
def test_what_is_no_switch_is_said_before_anybody_is_asked(system, what):
    with pytest.raises(Failure, match="is not all"):
        wish_of(what)
    assert system("resume", what).exit_code != 0
