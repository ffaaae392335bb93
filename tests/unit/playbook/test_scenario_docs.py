import re
from pathlib import Path

import pytest

from actors.playbook.scenario_schema import KINDS, ScenarioModel
from tests.unit.playbook.scenario_bundles import scenario_bundle, told, with_steps

PAGE = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text()
WRITING = PAGE[PAGE.index("## Writing one") : PAGE.index("### Trying one")]
BLOCKS = re.findall(r"```yaml\n(.*?)```", WRITING, re.DOTALL)
WHOLE = [block for block in BLOCKS if "scenarios:" in block]
STEPS = [block for block in BLOCKS if "scenarios:" not in block]
WINDOW = 'windows:\n  office: {opens: "09:00", closes: "17:00"}\n'


@pytest.mark.parametrize("block", WHOLE, ids=range(len(WHOLE)))
def test_an_example_of_a_file_is_right(block):
    assert told(scenario_bundle(block)) == []


@pytest.mark.parametrize("block", STEPS, ids=range(len(STEPS)))
def test_an_example_of_steps_is_right_where_it_can_be_reached(block):
    bundle = with_steps(block)
    bundle["scenarios.yaml"] = WINDOW + bundle["scenarios.yaml"]

    problems = [each for each in told(bundle) if "no way leads to step" not in each]

    assert problems == []


def test_every_kind_of_step_has_an_example():
    named = {kind for kind in KINDS if any(f"{kind}:" in block for block in BLOCKS)}

    assert set(KINDS) - named == {"close"}
    assert "`close` ends it" in WRITING


def test_every_field_around_the_steps_is_in_the_table():
    fields = {each.alias or name for name, each in ScenarioModel.model_fields.items()}

    table = WRITING[WRITING.index("### Around the steps") : WRITING.index("### What can be heard")]

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == fields
