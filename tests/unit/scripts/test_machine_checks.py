"""The doctor's verdicts, on machines that only exist here."""

import sys

import pytest

from scripts.machine.checks import GIB, MIB, Facts, Package, Port, judge
from scripts.machine.exposure import exposed
from scripts.machine.probes import gather

WELL = Facts(
    packages=(Package("ray", ">=2.60", "2.60.0", True),),
    haproxy="HAProxy version 2.8",
    ports=(Port(8000, "the HTTP API", True),),
    memory_available=8 * GIB,
    files_soft=65_536,
    files_hard=65_536,
    disk_free=50 * GIB,
    fsync_ms=0.4,
    file_system="ext4",
    shared_memory_free=4 * GIB,
    file_clock_skew_ms=1,
    wrk="/usr/bin/wrk",
)


def test_what_is_open_to_others_is_warned_of_with_a_remedy(tmp_path):
    token = tmp_path / "home" / ".ray" / "auth_token"
    token.parent.mkdir(parents=True)
    token.write_text("x")
    token.chmod(0o644)
    (tmp_path / "net").mkdir()
    line = "  0: {}:{:04X} 00000000:0000 {} 00000000:00000000 00:00000000 00000000"
    rows = [("00000000", 8404, "0A"), ("0100007F", 9101, "0A"), ("00000000", 9101, "01")]
    listening = "\n".join(["sl", *(line.format(*row) for row in rows)])
    (tmp_path / "net" / "tcp").write_text(listening)
    settings = {"RAY_AUTH_MODE": "disabled", "RAY_SERVE_HAPROXY_BINARY_PATH": "/usr/sbin/haproxy"}

    found = exposed(settings, tmp_path / "home", tmp_path / "data", tmp_path)
    calm = exposed({"RAY_AUTH_MODE": "token"}, tmp_path, tmp_path / "data", tmp_path / "none")

    said = " / ".join(text for text, _ in found)
    for part in ("runs code for whoever", "past cluster/haproxy.sh", "auth_token", "(8404)"):
        assert part in said
    assert "9101" not in said
    assert calm == ()
    warned = [f for f in judge(changed(exposed=found)) if f.what == "open to others"]
    assert [f.level for f in warned] == ["warn"] * len(found)
    assert all("docs/security.md" in f.remedy for f in warned)


def changed(**fields):
    values = {name: getattr(WELL, name) for name in Facts.__dataclass_fields__}
    return Facts(**{**values, **fields})


def levels(facts):
    return {finding.what: finding.level for finding in judge(facts)}


def test_a_machine_that_is_well_has_nothing_but_ok():
    assert set(levels(WELL).values()) == {"ok"}


@pytest.mark.parametrize(
    ("facts", "what", "level"),
    [
        (changed(python=(3, 10, 9)), "Python", "fail"),
        (changed(packages=(Package("ray", ">=2.60", "2.9", False),)), "package ray", "fail"),
        (changed(packages=(Package("ray", ">=2.60", None, False),)), "package ray", "fail"),
        (changed(haproxy=None), "HAProxy", "fail"),
        (changed(ports=(Port(8000, "x", True, "in use"),)), "port 8000", "fail"),
        (changed(ports=(Port(8265, "x", False, "in use"),)), "port 8265", "warn"),
        (changed(memory_available=2 * GIB - 1), "memory", "fail"),
        (changed(memory_available=2 * GIB), "memory", "warn"),
        (changed(memory_available=3 * GIB - 1), "memory", "warn"),
        (changed(memory_available=3 * GIB), "memory", "ok"),
        (changed(memory_available=None), "memory", "warn"),
        (changed(files_soft=4095), "open files", "fail"),
        (changed(files_soft=4096), "open files", "ok"),
        (changed(files_soft=None), "open files", "warn"),
        (changed(data_error="/x: read-only"), "data directory", "fail"),
        (changed(disk_free=GIB - 1), "disk", "fail"),
        (changed(file_system="nfs4"), "file system", "fail"),
        (changed(file_system="tmpfs"), "file system", "warn"),
        (changed(fsync_ms=20.1), "fsync", "warn"),
        (changed(fsync_ms=None), "fsync", "warn"),
        (changed(shared_memory_free=63 * MIB), "shared memory", "warn"),
        (changed(shared_memory_free=None), "shared memory", "warn"),
        (changed(temporary_error="/t belongs to another"), "temporary files", "fail"),
        (changed(leftovers=((7, "raylet"),)), "earlier runs", "warn"),
        (changed(now_ms=0), "clock", "fail"),
        (changed(file_clock_skew_ms=-5000), "clock", "warn"),
        (changed(wrk=None), "wrk", "ok"),
        (changed(compiled=True), "core", "ok"),
    ],
)
def test_what_is_wrong_is_found_and_has_a_remedy(facts, what, level):
    finding = next(f for f in judge(facts) if f.what == what)

    assert finding.level == level
    assert finding.found
    assert finding.remedy or level == "ok"


def test_a_soft_limit_that_can_be_raised_is_answered_with_the_command():
    finding = next(
        f for f in judge(changed(files_soft=1024, files_hard=8192)) if f.what == "open files"
    )

    assert finding.remedy == "run `ulimit -n 4096` before"


def test_leftovers_are_named_with_their_numbers_and_only_the_first_few():
    many = tuple((pid, "raylet") for pid in range(100, 110))

    finding = next(f for f in judge(changed(leftovers=many)) if f.what == "earlier runs")

    assert "raylet (100)" in finding.found
    assert "6 more" in finding.found


def test_the_facts_of_this_machine_can_be_gathered_and_leave_nothing_behind(tmp_path):
    facts = gather(tmp_path / "not" / "there" / "yet", 1)

    assert facts.python == sys.version_info[:3]
    assert facts.data_error == ""
    assert all(package.fits for package in facts.packages)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_reported(tmp_path):
    file = tmp_path / "file"
    file.touch()

    facts = gather(file / "below", 1)

    # The nearest directory above it is what would be written to.
    assert facts.data_error == ""
    assert list(tmp_path.iterdir()) == [file]
