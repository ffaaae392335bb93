"""`righttime playbook graph`: scenarios as images and as text."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from actors.playbook.loader import compile_bundle, library
from scripts.cli.app import app

RETAIL = library("retail")
DIGEST = compile_bundle(RETAIL).scenarios_by_name["welcome"].digest


def run(*arguments: str):
    words = ["playbook", "graph", *arguments]
    return CliRunner().invoke(app, words, env={"COLUMNS": "200", "NO_COLOR": "1"})


@pytest.fixture
def running() -> Iterator[str]:
    """Yield the URL of a system that runs the retail playbook, with customers in one scenario."""
    told = {
        "digest": DIGEST,
        "steps": [{"name": "settle", "waiting": 12, "passed": 3, "left": 1}],
        "versions": [
            {"digest": DIGEST, "waiting": 12, "started": 16, "over": 4},
            {"digest": "old", "waiting": 99, "started": 99, "over": 0},
        ],
    }
    replies = {"/v1/playbook": {"files": RETAIL}, "/v1/scenarios/welcome": told}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path in replies and self.headers["Authorization"] == "Bearer secret"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(json.dumps(replies.get(self.path)).encode())

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_image_goes_to_stdout_and_nothing_else():
    result = run("welcome")

    assert result.exit_code == 0
    assert ElementTree.fromstring(result.stdout).tag.endswith("svg")


def test_an_image_goes_to_a_file_and_what_is_where_to_programs(tmp_path):
    out = tmp_path / "welcome.svg"

    result = run("welcome", "--out", str(out), "--json")

    assert json.loads(result.stdout.splitlines()[-1]) == {
        "scenario": "welcome",
        "digest": DIGEST,
        "format": "svg",
        "out": str(out),
    }
    assert ElementTree.parse(out).getroot().tag.endswith("svg")


def test_mermaid_is_text_for_documents():
    result = run("welcome", "--format", "mermaid")

    assert result.stdout.startswith('---\ntitle: "welcome"\n---\nflowchart TD\n')


def test_a_directory_may_hold_the_playbook(tmp_path):
    for name, text in RETAIL.items():
        (tmp_path / name).write_text(text.replace("quiet: {wait: PT30M}", "quiet: {wait: PT45M}"))

    assert "wait 45 min" in run("abandoned_cart", "--playbook", str(tmp_path)).stdout
    assert "wait 30 min" in run("abandoned_cart").stdout


def test_a_running_system_adds_how_many_are_where(running, tmp_path):
    key = tmp_path / "key"
    key.write_text("secret\n")

    result = run("welcome", "--url", running, "--key-file", str(key))

    assert "12 waiting · 3 passed · 1 left" in result.stdout
    assert "12 under way · 16 started · 4 over" in result.stdout


def test_what_is_not_there_is_said_in_a_sentence(running, tmp_path):
    key = tmp_path / "key"
    key.write_text("wrong")

    unknown = run("nope")
    refused = run("welcome", "--url", running, "--key-file", str(key))
    both = run("welcome", "--url", running, "--playbook", "retail")

    assert [r.exit_code for r in (unknown, refused, both)] == [1, 1, 1]
    assert "no scenario 'nope' (it has: abandoned_cart, welcome" in unknown.stderr
    assert "answered 404" in refused.stderr
    assert "either --playbook or --url" in both.stderr
