"""What docs/scenarios.md says on trying a scenario: its examples work, and its tables are complete."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from scripts.trials.cases import GIVEN, KINDS, Case, CasesFile, Customer, yaml_name
from tests.unit.playbook.scenario_bundles import scenario_bundle
from tests.unit.scripts.trial_books import run

PAGE = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text()
TRYING = PAGE[PAGE.index("### Trying one") : PAGE.index("## Exactly what happens")]
LEFT_CART = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
TESTS = re.findall(r"```yaml\n(.*?)```", TRYING, re.DOTALL)[0]
ELIGIBLE = "    eligible: \"'fresh' in segments\"\n"
TRIGGERS = """
triggers:
  letter: {on: Sent, propose: [campaign/letter/spring], channels: [mail], record: true}
"""
TIMELINE = re.findall(r"```\n(Mon .*?)```", TRYING, re.DOTALL)[0]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Return the directory of a playbook with the scenario of the page, and what it proposes to all."""
    bundle = scenario_bundle(LEFT_CART)
    assert ELIGIBLE in bundle["actions.yaml"]
    bundle["actions.yaml"] = bundle["actions.yaml"].replace(ELIGIBLE, "")
    bundle["triggers.yaml"] = TRIGGERS
    for name, text in bundle.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_example_of_tests_passes(book: Path):
    (book / "tests").mkdir()
    (book / "tests" / "left_cart.yaml").write_text(TESTS)

    result = run("playbook", "test", str(book))

    assert result.exit_code == 0, result.stdout
    assert "2 tests passed" in result.stdout


def test_the_example_of_a_timeline_is_what_is_shown(book: Path):
    added = {"event": "Product Added", "properties": {"cart_id": "c1"}}
    event = {"type": "track", "userId": "ann", "timestamp": "2026-03-02T09:00:00Z", **added}
    (book / "cart.jsonl").write_text(json.dumps(event))

    result = run(
        "playbook", "try", "left_cart", "--playbook", str(book), "--events", f"{book}/cart.jsonl"
    )

    assert result.stdout == TIMELINE


def first_words(after: str, before: str) -> set[str]:
    """Return the words that begin the first cells of the table between two texts."""
    text = TRYING[TRYING.index(after) : TRYING.index(before)] if before else TRYING
    text = text[text.index(after) :]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall(r"`(\w+)[`:]", cell)}


def written(model: type[BaseModel]) -> set[str]:
    return {each.alias or name for name, each in model.model_fields.items()}


def test_every_field_of_a_file_and_of_a_test_is_in_a_table():
    assert first_words("| field of a file", "| field of a test") == written(CasesFile)
    assert first_words("| field of a test", "**Given**") == written(Case)
    assert all(f"`{name}" in TRYING for name in written(Customer))


def test_everything_that_can_be_given_and_expected_is_in_a_table():
    assert first_words("**Given**", "**Expected**") == set(GIVEN)
    expected = TRYING[TRYING.index("**Expected**") :]
    rows = [line for line in expected.splitlines() if line.startswith("| `")]
    named = {word for row in rows for word in re.findall(r"`(\w+):", row.split("|")[1])}
    assert named == {yaml_name(kind) for kind in KINDS}
