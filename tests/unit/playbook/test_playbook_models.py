"""`models.yaml`: features with units and types, which model scores an action, and what is told of mistakes."""

import json
import re
from pathlib import Path

import pytest

from actors.decisioning.context import Occasion, builder_of
from actors.decisioning.features import features_of
from actors.domain.state import CustomerState
from actors.playbook.loader import compile_bundle, library
from serve_app.models.kinds import new_model
from serve_app.models.learner import kept_for
from tests.unit.playbook.playbook_bundles import problems_of, small_bundle

MODELS = """\
features:
  orders: {from: profile.orders, type: number, unit: orders, max: 100, log: true}
  fruit: {from: profile.spend_by_department.FRUIT, type: number, unit: EUR, scale: 10}
  age: {from: profile.traits.age, type: number, unit: years, default: 40, min: 18, max: 90}
  loyal: {when: tier == 'loyal', type: flag}
  member: {from: profile.traits.member, type: flag}
  plan: {from: profile.traits.plan, type: category, values: [basic, "the rest"]}
models:
  letters: {kind: beta, appliesTo: {actions: [campaign/letter/spring]}}
  fruit:
    kind: logistic
    appliesTo: {groups: [fruit], channels: [email]}
    features: [orders, fruit, age, loyal, member, plan]
    halfLife: 1000
  others: {kind: lints, features: [loyal], width: 0.25}
"""
FRUIT = ("orders", "fruit", "age", "loyal", "member", "plan=basic", "plan=the rest")


def bundle(models=MODELS, old="", new=""):
    assert old in models
    return {**small_bundle(), "models.yaml": models.replace(old, new, 1) if old else models}


def told(traits=None, tier="loyal", orders=9, **changes):
    """The features of the model `fruit` for a customer."""
    playbook = compile_bundle(bundle(**changes))
    state = CustomerState(1, 1)
    state.profile.purchases.orders = orders
    state.profile.traits |= traits or {}
    values = builder_of(playbook).build(state, Occasion("decide", "", "web", {}, {}, False), 10**12)
    rules = playbook.learning.models[1]
    row = features_of(playbook).row(rules, values, (), tier)
    return dict(zip(rules.columns, row, strict=True))


def test_the_first_model_that_applies_scores_an_action():
    playbook = compile_bundle(bundle())

    scoring = {
        playbook.actions[i].key: model.name for i, model in playbook.learning.by_action.items()
    }

    assert scoring == {
        "campaign/letter/spring": "letters",
        "growth/fruit/box": "fruit",
        "growth/fruit/banner": "others",
    }
    assert playbook.learning.models[1].columns == FRUIT
    assert playbook.learning.models[1].numeric == (True, True, True, False, False, False, False)


def test_without_the_file_nothing_is_read_for_models():
    playbook = compile_bundle(small_bundle())

    assert features_of(playbook) is None
    assert builder_of(playbook).names == builder_of(compile_bundle(bundle("models: {}\n"))).names


def test_values_become_numbers_as_the_schema_says():
    row = told({"age": 30, "member": True, "plan": "the rest"}, orders=6)

    assert row["orders"] == pytest.approx(1.9459101490553132)  # ln(1 + 6)
    assert (row["age"], row["loyal"], row["member"]) == (30.0, 1.0, 1.0)
    assert (row["plan=basic"], row["plan=the rest"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("age", "expected"),
    [(None, 40), ("old", 40), (True, 40), (float("nan"), 40), (10**400, 40), (7, 18), (1e9, 90)],
)
def test_what_comes_from_outside_is_a_number_in_its_range_or_the_default(age, expected):
    assert told({"age": age})["age"] == expected


def test_a_number_from_outside_is_never_too_large_to_be_squared():
    row = told({"age": -1e308}, old=", min: 18, max: 90", new="")

    assert row["age"] == -1e15


def test_a_number_is_cut_before_its_logarithm_and_divided_by_its_scale():
    assert told(orders=10**9)["orders"] == pytest.approx(4.61512051684126)  # ln(101)
    assert told(old="scale: 10", new="scale: 10, min: 5", orders=0)["fruit"] == 0.5


def test_the_digest_of_a_model_changes_with_what_its_rows_mean_and_with_nothing_else():
    def key(**changes):
        return compile_bundle(bundle(**changes)).learning.models[1].key

    plain = key()
    assert key(old="unit: orders", new="unit: orders, description: Of hers") == plain
    assert key(old="width: 0.25", new="width: 0.5") == plain  # of another model
    for old, new in (
        ("max: 100", "max: 99"),
        ("tier == 'loyal'", "tier != 'loyal'"),
        ("halfLife: 1000", "halfLife: 999"),
        ("[orders, fruit,", "[fruit, orders,"),
        ("values: [basic,", "values: [simple,"),
    ):
        assert key(old=old, new=new) != plain


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("profile.orders,", "profile.order,", "2:18: unknown field 'profile.order'; did you mean"),
        (
            "profile.orders,",
            "profile.locale,",
            "'profile.locale' is of type string, which is no number",
        ),
        ("department.FRUIT", "department", "is a map, expected one key in it"),
        ("profile.orders,", "segments,", "'segments' cannot be a feature by itself"),
        ("profile.orders,", "instance.x,", "'instance' cannot be a feature by itself"),
        ("profile.orders,", "attributes.x,", "unknown attribute 'x'; none is defined"),
        (", unit: orders", "", "expected a 'unit' such as days"),
        ("type: flag}\n  member", "type: flag, unit: days}\n  member", "expected a 'unit'"),
        ("when: tier == 'loyal'", "when: tier == 'royal'", "unknown tier 'royal'"),
        (
            "when: tier == 'loyal', type: flag",
            "when: 'true', type: number, unit: x",
            "'type: flag'",
        ),
        ("{when: tier == 'loyal', ", "{", "expected either 'from', a field, or 'when', a rule"),
        (', values: [basic, "the rest"]', "", "expected 'values' for a category"),
        ("[basic, ", "[basic, basic, ", "expected each of 'values' once"),
        ("max: 100", "max: 0", "expected 'min' below 'max'"),
        ("max: 100", "min: -1", "expected 'min: 0' or more with 'log'"),
        (
            "type: flag}\n  plan",
            "type: flag, max: 3}\n  plan",
            "expected no 'max' but for a number",
        ),
        ("kind: logistic", "kind: logit", "kind"),
        ("features: [orders", "features: [order", "unknown feature 'order'"),
        (
            "features: [orders, fruit",
            "features: [orders, orders",
            "feature 'orders' is listed twice",
        ),
        ("groups: [fruit]", "groups: [fruits]", "unknown group 'fruits'"),
        ("channels: [email]", "channels: [mails]", "unknown channel 'mails'"),
        ("letter/spring]", "letter/sprung]", "unknown action 'campaign/letter/sprung'"),
        ("kind: beta", "kind: linucb", "expected 'features' for any kind but beta"),
        ("kind: lints, features: [loyal]", "kind: beta", "expected no 'width' but for linucb"),
        ("halfLife: 1000", "halfLife: 1000\n    width: 1", "expected no 'width' but for linucb"),
        ("scale: 10", "scale: 0", "expected a number above 0"),
        ("halfLife", "halflife", "unknown field 'halflife'"),
    ],
)
def test_mistakes_are_told_at_their_place(old, new, problem):
    told_of = problems_of(bundle(old=old, new=new))

    assert any(each.startswith("models.yaml:") and problem in each for each in told_of), told_of


def test_columns_have_a_limit():
    values = [f"v{i}" for i in range(60)]
    features = {
        f"f{i}": {"from": "profile.locale", "type": "category", "values": values} for i in range(4)
    }
    models = {"wide": {"kind": "logistic", "features": list(features)}}

    (problem,) = problems_of(bundle(json.dumps({"features": features, "models": models})))

    assert "the features have 240 columns, expected at most 200" in problem


def test_the_retail_playbook_scores_marketing_mails_by_a_model_whose_features_cost_no_reading():
    with_models = compile_bundle(library("retail"))
    without = compile_bundle({k: v for k, v in library("retail").items() if k != "models.yaml"})

    (model,) = with_models.learning.models

    assert builder_of(with_models).names == builder_of(without).names
    assert len(model.features) == 8
    scored = [with_models.actions[i] for i in with_models.learning.by_action]
    assert all("email" in action.treatments for action in scored)
    assert len(scored) >= 8


@pytest.mark.parametrize(
    ("page", "after"), [("models.md", "# Models"), ("playbook.md", "### models.yaml")]
)
def test_the_examples_in_the_documents_are_right(page, after):
    text = (Path(__file__).parents[3] / "docs" / page).read_text()
    example = re.search(r"```yaml\n(.*?)```", text[text.index(after) :], re.DOTALL).group(1)

    playbook = compile_bundle(bundle(example))

    assert playbook.learning.by_action


@pytest.mark.parametrize("kind", ["beta", "logistic", "linucb", "lints"])
def test_there_is_a_model_for_every_kind_that_may_be_declared(kind):
    given = "{kind: beta}" if kind == "beta" else f"{{kind: {kind}, features: [loyal]}}"
    features = "features: {loyal: {when: tier == 'loyal', type: flag}}"

    kept = kept_for(
        compile_bundle(bundle(f"{features}\nmodels: {{one: {given}}}\n")).learning.models[0]
    )

    assert kept.model.kind == kind
    assert kept.model.dump() == new_model(kind, kept.setup).dump()
