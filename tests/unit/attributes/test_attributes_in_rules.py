import json

import pytest

from actors import attributes as core
from actors.decisioning.context import Occasion, builder_of
from actors.decisioning.plan import plan_of
from actors.domain.errors import PlaybookError
from actors.playbook.loader import compile_bundle
from tests.builders import NOW, make_state
from tests.unit.attributes.attribute_books import BUNDLE

ATTRIBUTES = """\
attributes:
  orders_30d: {kind: count, on: Order Completed, window: P30D, bucket: day}
  mean_30d: {kind: mean, on: Order Completed, property: total, window: P30D, bucket: day, default: 1.5}
  last_store: {kind: last, property: store}
"""


def bundle(rule):
    return {
        **BUNDLE,
        "attributes.yaml": ATTRIBUTES,
        "segments.yaml": json.dumps({"segments": {"s": {"when": rule}}}),
    }


def problems(rule):
    try:
        compile_bundle(bundle(rule))
    except PlaybookError as error:
        return " ".join(error.problems)
    return ""


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("attributes.orders_30d >= 3 && attributes['mean_30d'] > 1.0", ""),
        ("attributes.last_store == 'north' && 'n' in ['a']", ""),
        ("attributes.order_30d >= 3", "did you mean 'orders_30d'?"),
        ("attributes.orders_30d > 1.5 * 2", "types do not fit"),
        ("attributes.last_store > 3", "types do not fit"),
        ("has(attributes.orders_30d)", "one attribute by its name"),
        ("attributes.size() > 0", "one attribute by its name"),
    ],
)
def test_a_rule_may_use_an_attribute_as_what_it_is(rule, words):
    found = problems(rule)

    assert words in found
    assert bool(found) == bool(words), found


def test_a_segment_follows_an_attribute():
    playbook = compile_bundle(bundle("attributes.orders_30d >= 2 && attributes.mean_30d > 4.0"))
    state = make_state()
    occasion = Occasion("track", "Order Completed", "web", {}, {}, late=False)

    def holds():
        values = builder_of(playbook).build(state, occasion, NOW)
        return bool(plan_of(playbook).stand(values).segments)

    assert not holds()
    for _ in range(2):
        core.update(
            state.attributes, "track", "Order Completed", "web", {"total": 5}, NOW, playbook
        )
    assert holds()


def test_a_text_may_show_an_attribute_that_is_declared():
    def told(name):
        text = BUNDLE["actions.yaml"].replace(
            "[hero]}}", f"[hero], content: {{t: '{{{{attributes.{name}|0}}}}'}}}}}}"
        )
        try:
            compile_bundle({**BUNDLE, "attributes.yaml": ATTRIBUTES, "actions.yaml": text})
        except PlaybookError as error:
            return error.problems
        return ()

    assert told("orders_30d") == ()
    assert "did you mean 'orders_30d'?" in told("order_30d")[0]
