import re
from pathlib import Path

import pytest

from actors.playbook.checks import FUNCTIONS
from actors.playbook.fields import FIELDS
from tests.unit.playbook.playbook_bundles import problems_of, small_bundle

PAGE = (Path(__file__).parents[3] / "docs" / "playbook.md").read_text()


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_every_field_is_in_the_table_with_its_type_and_meaning(field):
    assert f"| `{field.path}` | `{field.type}` | {field.doc} |" in PAGE


def test_every_function_is_named():
    named = set(re.findall(r"`(\w+)`", PAGE[PAGE.index("Functions:") : PAGE.index("### Fields")]))

    assert named == FUNCTIONS


def test_the_examples_make_a_playbook_that_is_right():
    bundle = {}
    for name in small_bundle():
        section = PAGE[PAGE.index(f"### {name}") :]
        bundle[name] = re.search(r"```yaml\n(.*?)```", section, re.DOTALL).group(1)
    bundle["actions.yaml"] += (
        "  campaign/letter/spring:\n    value: 1\n    purpose: marketing\n"
        "    startingPropensity: 0.1\n    treatments: {mail: {}}\n"
    )

    assert problems_of(bundle) == ()
