"""`righttime playbook check --against`: whom an edit strands."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from actors.playbook.loader import library
from scripts.cli.app import app

OLD = "      quiet: {wait: PT30M}"


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})


def edited(folder: Path, old: str = OLD, new: str = "      quiet: {wait: PT45M}") -> str:
    """Write the retail playbook with one change to its scenarios, and return where."""
    files = dict(library("retail"))
    assert old in files["scenarios.yaml"]
    files["scenarios.yaml"] = files["scenarios.yaml"].replace(old, new, 1)
    for name, text in files.items():
        (folder / name).write_text(text)
    return str(folder)


def changes(result) -> dict[str, dict[str, object]]:
    found = json.loads(result.stdout.splitlines()[-1])["scenarios"]
    return {each["name"]: each for each in found}


@pytest.fixture
def running() -> Iterator[str]:
    """Yield the URL of a system that runs the retail playbook, with customers at one step."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["Authorization"])
            body: dict[str, object] | None = None
            if self.path == "/v1/playbook":
                body = {"version": "1", "files": library("retail")}
            elif self.path.startswith("/v1/scenarios/"):
                step = {"name": "quiet", "kind": "wait", "waiting": 12, "passed": 3, "left": 1}
                mine = self.path.endswith("/abandoned_cart")
                versions = [{"digest": "d2", "waiting": 12}, {"digest": "d1", "waiting": 4}]
                body = {"digest": "d2", "steps": [step] if mine else [], "versions": versions}
            data = json.dumps(body).encode()
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    assert set(asked) == {"Bearer secret"}


def test_an_edit_is_told_by_scenario(tmp_path):
    result = run("playbook", "check", edited(tmp_path), "--against", "retail", "--json")

    found = changes(result)
    assert result.exit_code == 0
    assert [name for name, each in found.items() if each["change"] != "unchanged"] == [
        "abandoned_cart"
    ]
    stays = found["abandoned_cart"]["stays"]
    assert {"step": "quiet", "why": "the new version declares no 'migrate'"} in stays
    assert "finish on the version they began with" in result.stderr


def test_with_migrate_an_edit_says_who_moves(tmp_path):
    directory = edited(tmp_path, OLD, "      calm: {wait: PT30M}")
    path = tmp_path / "scenarios.yaml"
    text = path.read_text().replace(
        "    keyedBy: cart_id", "    migrate: {steps: {quiet: calm}}\n    keyedBy: cart_id", 1
    )
    path.write_text(text)

    result = run("playbook", "check", directory, "--against", "retail", "--json")

    change = changes(result)["abandoned_cart"]
    assert change["stays"] == []
    assert {"step": "quiet", "to": "calm"} in change["moves"]
    assert "quiet to calm" in result.stderr


def test_of_a_running_system_those_who_wait_are_counted(tmp_path, running):
    (tmp_path / "key").write_text("secret")
    directory = edited(tmp_path)

    result = run(
        "playbook", "check", directory, "--against", running,
        "--key-file", str(tmp_path / "key"), "--json",
    )  # fmt: skip

    stays = {each["step"]: each["waiting"] for each in changes(result)["abandoned_cart"]["stays"]}
    assert stays["quiet"] == 12
    assert stays["push"] == 0
    assert changes(result)["abandoned_cart"]["earlier"] == 4
    assert "quiet (12 waiting)" in result.stderr
    assert "4 more are on earlier versions" in result.stderr


def test_a_system_that_does_not_answer_is_one_sentence(tmp_path):
    (tmp_path / "key").write_text("secret")

    result = run(
        "playbook", "check", "retail", "--against", "http://127.0.0.1:9",
        "--key-file", str(tmp_path / "key"),
    )  # fmt: skip

    assert result.exit_code == 1
    assert "nobody answers at http://127.0.0.1:9" in result.stderr


def test_a_playbook_that_cannot_be_compared_with_is_named(tmp_path):
    (tmp_path / "playbook.yaml").write_text("nmae: oops\n")

    result = run("playbook", "check", "retail", "--against", str(tmp_path))

    assert result.exit_code == 1
    assert "cannot be compared with: playbook.yaml:1:1" in result.stderr


def test_playbooks_without_scenarios_have_nothing_to_tell(tmp_path):
    for name, text in library("retail").items():
        if name != "scenarios.yaml":
            (tmp_path / name).write_text(text)

    result = run("playbook", "check", str(tmp_path), "--against", str(tmp_path), "--json")

    assert changes(result) == {}
    assert "Neither playbook has scenarios." in result.stderr
