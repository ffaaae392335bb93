"""`groups.yaml`, caps per group, and the fields of groups in rules."""

import pytest

from actors.domain.groups import GroupKey
from actors.playbook.loader import compile_bundle
from tests.unit.playbook.playbook_bundles import problems_of, small_bundle

GROUPS = """\
default: household
kindFrom: [traits.kind, context.group.kind]
kinds:
  household: {description: One roof., maxMembers: 12}
  account: {perCustomer: 3}
"""


def bundle(groups=GROUPS, **changes):
    files = {**small_bundle(), "groups.yaml": groups}
    for name, (old, new) in changes.items():
        assert old in files[f"{name}.yaml"]
        files[f"{name}.yaml"] = files[f"{name}.yaml"].replace(old, new, 1)
    return files


def rules(groups=GROUPS):
    return compile_bundle(bundle(groups)).groups


def test_kinds_have_limits_and_defaults():
    kinds = rules().kinds

    assert (kinds["household"].max_members, kinds["household"].per_customer) == (12, 1)
    assert (kinds["account"].max_members, kinds["account"].per_customer) == (1000, 3)
    assert kinds["household"].description == "One roof."


@pytest.mark.parametrize(
    ("traits", "context", "expected"),
    [
        ({}, {}, "household"),
        ({"kind": "account"}, {}, "account"),
        ({}, {"group": {"kind": "account"}}, "account"),
        ({"kind": "planet"}, {}, None),
        ({"kind": 7}, {}, None),
        ({}, {"group": "account"}, "household"),
    ],
)
def test_a_call_names_its_kind_or_means_the_default(traits, context, expected):
    key = rules().key_of({"groupId": "g"}, traits, context)

    assert key == (None if expected is None else GroupKey(expected, "g"))


def test_the_only_kind_is_the_default_and_of_several_none_is():
    one = rules("kinds:\n  household: {}\n")
    two = rules("kinds:\n  household: {}\n  account: {}\n")

    assert one.key_of({"groupId": "g"}, {}, {}) == GroupKey("household", "g")
    assert two.key_of({"groupId": "g"}, {}, {}) is None
    assert two.key_of({"groupId": "g"}, {"groupType": "account"}, {}) == GroupKey("account", "g")


def test_without_the_file_there_are_no_groups():
    assert compile_bundle(small_bundle()).groups.kinds == {}


def test_what_names_the_kind_or_ends_the_membership_is_no_trait_of_the_group():
    assert rules().own_traits({"kind": "account", "left": False, "size": 2}) == {"size": 2}


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            bundle("default: home\nkinds:\n  household: {}\n"),
            "unknown kind 'home' as the default; expected household",
        ),
        (bundle("kinds:\n  customer: {}\n"), "expected another name than 'customer'"),
        (bundle("kinds:\n  household: {maxMembers: 0}\n"), "groups.yaml:2:27"),
        (bundle("kinds:\n  household: {members: 4}\n"), "unknown field 'members'"),
        (bundle("kinds: {}\nkindFrom: [email]\n"), "where it is found"),
        (
            bundle(policies=("limit: 1,", "limit: 1, per: hous,")),
            "policies.yaml:2:27: unknown kind of group 'hous'; expected one of account, customer,",
        ),
        (
            bundle(segments=("profile.orders >= 10", "group.members['household'] > 1")),
            "'group.members' cannot be used in a segment",
        ),
        (
            bundle(segments=("profile.orders >= 10", "profile.groups['house'] != ''")),
            "unknown kind of group 'house'; expected one of account, household",
        ),
        (
            bundle(segments=("profile.orders >= 10", "has(profile.groups.household)")),
            "where a missing key reads empty; compare its value instead",
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_is(files, problem):
    assert any(problem in each for each in problems_of(files)), problems_of(files)


def test_caps_per_group_may_not_count_more_than_a_group_remembers():
    caps = "\n".join(
        f"  c{i}: {{limit: 50, window: P{i + 1}D, per: household, channels: [email]}}"
        for i in range(3)
    )
    files = bundle(policies=("caps:\n", f"caps:\n{caps}\n"))

    problems = [each for each in problems_of(files) if "add up" in each]

    assert "the limits of all caps per household add up to 150, expected at most" in problems[0]


def test_a_cap_is_per_customer_unless_it_says_otherwise():
    files = bundle(policies=("limit: 1,", "limit: 1, per: household,"))

    assert [cap.per for cap in compile_bundle(files).caps] == ["household", ""]
    assert [cap.per for cap in compile_bundle(bundle()).caps] == ["", ""]
