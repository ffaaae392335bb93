"""What the lock says of everything that is installed."""

import tomllib
from pathlib import Path

LOCK = tomllib.loads((Path(__file__).parents[2] / "uv.lock").read_text(encoding="utf-8"))


def test_every_package_is_from_a_registry_and_has_its_hash_in_the_lock():
    others = [each for each in LOCK["package"] if each["name"] != "righttime"]
    files = [
        (each["name"], file)
        for each in others
        for file in [*each.get("wheels", ()), *([each["sdist"]] if "sdist" in each else [])]
    ]

    assert len(others) > 100
    assert {tuple(each["source"]) for each in others} == {("registry",)}
    assert {each["name"] for each in others} == {name for name, _ in files}
    assert [name for name, file in files if not file.get("hash", "").startswith("sha256:")] == []
