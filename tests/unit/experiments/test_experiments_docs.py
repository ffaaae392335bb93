"""The page on experiments: its examples compile."""

import re
from pathlib import Path

from actors.playbook.loader import compile_bundle
from tests.unit.playbook.playbook_bundles import small_bundle

PAGE = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text()


def test_the_examples_compile():
    first, logged = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    book = compile_bundle({**small_bundle(), "experiments.yaml": first})
    assert [each.name for each in book.experiments.all] == [
        "global_holdout",
        "cart_reminder",
        "engine",
    ]
    book = compile_bundle({**small_bundle(), "experiments.yaml": logged})
    assert list(book.experiments.by_event) == ["Campaign Assigned"]
