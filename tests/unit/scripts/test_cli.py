"""The command line: help, one sentence on failure, one JSON object on the last line."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.cli.app import app
from scripts.output import Failure, speaking

COMMANDS = (
    ("up",),
    ("demo",),
    ("status",),
    ("pause",),
    ("resume",),
    ("doctor",),
    ("chaos",),
    ("playbook", "check"),
    ("bench", "http"),
    ("bench", "core"),
    ("bench", "recovery"),
    ("bench", "memory"),
    ("bench", "merging"),
    ("fit", "clv"),
    ("patterns", "evaluate"),
)


def run(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})


def last_object(result):
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example_and_has_json(command):
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert "--json" in result.stdout
    assert "--debug" in result.stdout


def test_help_does_not_import_ray_or_pandas():
    code = (
        "import sys\n"
        "from scripts.cli.app import app\n"
        "for arguments in (['--help'], ['up', '--help'], ['demo', '--help']):\n"
        "    app(arguments, standalone_mode=False)\n"
        "print(sorted({'ray', 'pandas', 'fastapi'} & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_port_that_is_taken_is_one_sentence_and_no_traceback(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = run("up", "--port", str(port), "--data", str(tmp_path), "--json")

    assert result.exit_code == 1
    assert f"port {port}" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("righttime: ") == 1
    assert "--port" in last_object(result)["error"]


def test_a_playbook_directory_that_is_not_there_is_named(tmp_path):
    result = run("up", "--port", "0", "--data", str(tmp_path), "--playbook", "no/such")

    assert result.exit_code == 1
    assert "'no/such'" in result.stderr


def test_a_start_time_needs_the_virtual_clock(tmp_path):
    result = run(
        "up", "--port", "0", "--data", str(tmp_path), "--clock-start", "2017-01-01T00:00:00Z"
    )

    assert result.exit_code == 1
    assert "--clock virtual" in result.stderr


def test_a_start_time_must_be_a_time(tmp_path):
    result = run(
        "up",
        *("--port", "0", "--data", str(tmp_path)),
        *("--clock", "virtual", "--clock-start", "tomorrow"),
    )

    assert result.exit_code == 1
    assert "--clock-start: must be an RFC 3339 time" in result.stderr


def test_status_says_that_nobody_answers(tmp_path):
    key = tmp_path / "key"
    key.write_text("k\n")

    result = run("status", "--url", "http://127.0.0.1:9", "--key-file", str(key), "--json")

    assert result.exit_code == 1
    assert "nobody answers at http://127.0.0.1:9" in last_object(result)["error"]


def test_status_says_which_key_cannot_be_read(tmp_path):
    result = run("status", "--key-file", str(tmp_path / "none"))

    assert result.exit_code == 1
    assert "cannot read the key" in result.stderr
    assert result.stdout == ""


def test_demo_against_a_system_needs_a_key_that_can_be_read(tmp_path):
    result = run(
        "demo",
        *("--households", "1", "--days", "1"),
        *("--url", "http://127.0.0.1:9", "--key-file", str(tmp_path / "none"), "--json"),
    )

    assert result.exit_code == 1
    assert last_object(result).keys() == {"error"}


def test_the_playbook_that_comes_along_is_sound():
    result = run("playbook", "check", "retail", "--json")

    counts = last_object(result)["counts"]

    assert result.exit_code == 0
    assert counts["segments"] >= 12
    assert counts["actions"] >= 15
    assert counts["contact caps"] >= 1


def test_problems_of_a_playbook_are_listed_with_file_line_and_column(tmp_path):
    (tmp_path / "playbook.yaml").write_text("name: mine\nnmae: oops\n")

    result = run("playbook", "check", str(tmp_path), "--json")
    found = last_object(result)

    assert result.exit_code == 1
    assert found["valid"] is False
    assert any(problem.startswith("playbook.yaml:2:1:") for problem in found["problems"])
    assert all(problem in result.stderr for problem in found["problems"])


def test_a_playbook_that_is_not_there_is_answered_with_the_known_ones():
    result = run("playbook", "check", "retial")

    assert result.exit_code == 1
    assert "retail" in result.stderr


def test_an_unknown_generator_is_refused_before_anything_starts():
    result = run("bench", "http", "--generator", "ab", "--json")

    assert result.exit_code == 1
    assert "auto, wrk, python" in last_object(result)["error"]


def test_doctor_prints_one_object_with_a_verdict_a_check(tmp_path):
    result = run("doctor", "--data", str(tmp_path), "--port", "1", "--json")

    found = last_object(result)

    assert {"what", "level", "found", "remedy"} == found["findings"][0].keys()
    assert found["healthy"] is (result.exit_code == 0)
    assert list(tmp_path.iterdir()) == []


def test_an_unexpected_error_is_one_sentence_unless_debug_is_asked_for(capsys):
    import typer

    with pytest.raises(typer.Exit) as ended, speaking(as_json=True, debug=False):
        raise LookupError("no such thing\nand more")

    assert ended.value.exit_code == 1
    said = capsys.readouterr()
    assert said.err == ("righttime: LookupError: no such thing (add --debug for the traceback)\n")
    assert json.loads(said.out)["error"].startswith("LookupError")

    with pytest.raises(LookupError), speaking(as_json=True, debug=True):
        raise LookupError("no such thing")


def test_a_failure_may_bring_what_was_measured(capsys):
    import typer

    with pytest.raises(typer.Exit), speaking(as_json=True, debug=False):
        raise Failure("lost some", {"lost": 3})

    assert json.loads(capsys.readouterr().out) == {"lost": 3, "error": "lost some"}


def test_ctrl_c_ends_with_130_and_a_word(capsys):
    import typer

    with pytest.raises(typer.Exit) as ended, speaking(as_json=False, debug=False):
        raise KeyboardInterrupt

    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "righttime: interrupted\n"


def test_the_command_is_installed_under_its_name():
    command = Path(sys.executable).parent / "righttime"

    done = subprocess.run(
        [command, "--version"], capture_output=True, text=True, check=True, env={**os.environ}
    )

    assert done.stdout.strip()
