"""The shell scripts, on machines that lack things."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = [ROOT / "scripts" / name for name in ("run.sh", "test.sh", "check.sh", "_env.sh")]
BASH = shutil.which("bash")


def bash(*arguments, **environment):
    return subprocess.run(
        [BASH, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
    )


def tool(folder, name, body):
    path = folder / name
    path.write_text(f"#!{BASH}\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def checkout(tmp_path):
    """Return a copy of the scripts alone, as a project that has no environment yet."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "scripts", project / "scripts", ignore=shutil.ignore_patterns("__*__"))
    return project


def path_of(tmp_path, *names):
    """Return a PATH with the named system tools only, and the folder to put others in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return folder


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda p: p.name)
def test_a_script_is_sound_shell(script):
    assert bash("-n", script).returncode == 0


@pytest.mark.parametrize("script", [*SCRIPTS[:3], ROOT / ".ci" / "run"], ids=lambda p: p.name)
def test_a_script_stops_at_the_first_error(script):
    assert "set -euo pipefail" in script.read_text()


def test_continuous_integration_runs_the_tests_and_then_the_long_ones():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert lines[-2:] == ["bash scripts/test.sh", "bash scripts/test.sh --long"]


def test_an_unknown_option_is_refused_before_anything_is_made():
    done = bash(ROOT / "scripts" / "test.sh", "--fats")

    assert done.returncode == 1
    assert "'--fats'" in done.stderr


def test_the_help_needs_no_environment():
    done = bash(ROOT / "scripts" / "test.sh", "--help")

    assert done.returncode == 0
    assert "--long" in done.stdout


def test_a_machine_without_a_new_enough_python_is_told_so(tmp_path):
    project, folder = checkout(tmp_path), path_of(tmp_path, "dirname", "mkdir")
    tool(folder, "python3", "exit 1")

    done = bash(project / "scripts" / "run.sh", PATH=str(folder))

    assert done.returncode == 1
    assert "no Python of at least 3.11" in done.stderr


def test_a_machine_without_uv_gets_one_by_pip_that_touches_nothing_else(tmp_path):
    project, folder = checkout(tmp_path), path_of(tmp_path, "dirname", "mkdir", "chmod", "cat")
    log = tmp_path / "log"
    # Stands for a Python whose pip refuses whatever is not put into a folder of its own.
    tool(
        folder,
        "python3",
        f"""
if [ "$1" = -c ]; then
  case "$2" in *executable*) echo "$0" ;; esac
  exit 0
fi
[ "$3" = --version ] && exit 0
echo "pip ${{*:3}}" >> {log}
case "$*" in *--target*) ;; *) echo externally-managed-environment >&2; exit 1 ;; esac
mkdir -p {project}/.righttime/tools/bin {project}/.venv/bin
cat > {project}/.righttime/tools/bin/uv <<'UV'
#!{BASH}
echo "uv $*" >> {log}
UV
chmod +x {project}/.righttime/tools/bin/uv
printf '#!{BASH}\\necho "demo got: $*"\\n' > {project}/.venv/bin/righttime
chmod +x {project}/.venv/bin/righttime""",
    )

    done = bash(project / "scripts" / "run.sh", "--households", "5", PATH=str(folder))

    assert done.returncode == 0, done.stderr
    assert done.stdout == "demo got: demo --households 5\n"
    said = log.read_text()
    assert f"--target {project}/.righttime/tools" in said
    assert "--frozen" in said
    assert "--no-dev --extra demo" in said


def test_the_checks_say_where_the_tools_come_from_when_there_are_none(tmp_path):
    project, folder = checkout(tmp_path), path_of(tmp_path, "dirname")

    done = bash(project / "scripts" / "check.sh", PATH=str(folder))

    assert done.returncode == 1
    assert "scripts/test.sh" in done.stderr


def test_the_python_that_runs_these_tests_is_one_that_the_scripts_accept():
    done = bash(
        "-c",
        f"source {ROOT}/scripts/_env.sh && is_new_enough {sys.executable} && echo yes",
    )

    assert done.stdout == "yes\n"
