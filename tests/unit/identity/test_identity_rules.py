"""Recognising people: what counts as an identity, and when two customers are one person."""

import pytest

from actors.domain.ids import Identity
from actors.domain.state import CustomerState
from actors.identity import RefusalCode, identities_of, may_merge, normalised, survivor_of
from actors.playbook.identity_model import DEFAULT_RULES, IdentityKind
from actors.playbook.loader import compile_bundle, library
from tests.builders import anon, user
from tests.unit.playbook.playbook_bundles import problems_of, small_bundle

EMAIL = Identity("email", "ann@x.se")
PHONE = IdentityKind(name="phone", normalise="phone", region="DE")


def rules_of(text):
    return compile_bundle({**small_bundle(), "identities.yaml": text}).identities


def customer(number, *identities):
    return CustomerState(number, 0, identities=list(identities))


def found(event_type, *identities, traits=None, context=None, rules=DEFAULT_RULES):
    return identities_of(event_type, identities, traits or {}, context or {}, rules)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "0000",
        "--00--",
        "-1",
        "null",
        "NULL",
        " None ",
        "undefined",
        "Anonymous",
        "unknown",
        "NaN",
        "empty",
        "guest",
        "[object Object]",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_what_broken_clients_send_names_nobody(value):
    assert DEFAULT_RULES.is_blocked("user", value)


@pytest.mark.parametrize("value", ["10", "a0", "nullsson", "x", "guest-17", "0x"])
def test_what_only_looks_like_it_is_somebody(value):
    assert not DEFAULT_RULES.is_blocked("user", value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("email", " Ann.Smith@Example.COM ", "ann.smith@example.com"),
        ("email", "no-address", None),
        ("email", "@x.se", None),
        ("email", "a b@c d.se", None),
        ("email", 7, None),
        ("loyalty", " 12 ", "12"),
        ("loyalty", 4711, "4711"),
        ("loyalty", True, None),
        ("loyalty", "   ", None),
        ("loyalty", "9" * 600, None),
        ("loyalty", 10**400, None),
        ("user", " Ann ", " Ann "),
    ],
)
def test_a_value_has_one_spelling_or_is_none(kind, value, expected):
    assert normalised(DEFAULT_RULES.kind(kind), value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("030 901820", "+4930901820"),
        ("+49 (0)30 90-18-20", "+4930901820"),
        ("+1 650 253 0000", "+16502530000"),
        ("+1 650 253 0000 ext. 12", None),
        ("4711", None),
        ("+290 22158", "+29022158"),
        ("+49 1", None),
        ("call me", None),
    ],
)
def test_a_phone_number_is_kept_as_e164(value, expected):
    assert normalised(PHONE, value) == expected


def test_a_number_without_a_country_needs_a_region():
    assert normalised(DEFAULT_RULES.kind("phone"), "030 901820") is None


def test_traits_of_identify_name_further_identities_and_those_of_other_events_do_not():
    traits = {"email": "Ann@X.se", "phone": "+49 30 901820", "city": "Oslo"}

    identified, notes = found("identify", user("ann"), traits=traits)

    assert identified == [EMAIL, Identity("phone", "+4930901820")]
    assert notes == []
    assert found("track", user("ann"), traits=traits) == ([], [])


def test_traits_in_the_context_count_for_identify_too_and_each_identity_comes_once():
    context = {"traits": {"email": "ANN@x.se"}, "device": {"id": "d-1"}}

    identified, _ = found(
        "identify", user("ann"), anon("b"), EMAIL, traits={"email": "ann@x.se"}, context=context
    )

    assert identified == [anon("b"), EMAIL, Identity("device", "d-1")]
    assert found("track", user("ann"), context=context)[0] == [Identity("device", "d-1")]


def test_what_is_blocked_or_no_identity_is_noted_by_kind_only():
    identified, notes = found(
        "identify", user("ann"), anon("null"), traits={"email": "nobody", "loyaltyCard": "0000"}
    )

    assert identified == []
    assert notes == [
        "blocked_identity: anon",
        "not_an_identity: email",
        "blocked_identity: loyalty",
    ]


def test_nothing_is_attached_to_a_user_id_that_stands_for_a_crowd():
    identified, notes = found("identify", user("null"), anon("b"), traits={"email": "ann@x.se"})

    assert identified == []
    assert notes == ["blocked_identity: user"]


@pytest.mark.parametrize("context", [{"device": "text"}, {"device": {"id": None}}, {"traits": 3}])
def test_a_context_of_another_shape_names_nobody(context):
    assert found("identify", user("ann"), context=context) == ([], [])


def test_a_visitor_may_become_a_known_customer():
    assert (
        may_merge(customer(1, user("ann")), customer(2, anon("b")), anon("b"), DEFAULT_RULES)
        is None
    )


def test_two_user_ids_are_two_people():
    refusal = may_merge(customer(1, user("ann")), customer(2, user("bob")), EMAIL, DEFAULT_RULES)

    assert (refusal.code, refusal.kind) == (RefusalCode.LIMIT, "user")
    assert "ann" not in refusal.detail
    assert "bob" not in refusal.detail


def test_a_shared_device_makes_nobody_one():
    tablet = Identity("device", "tablet")

    refusal = may_merge(customer(1, user("ann")), customer(2, anon("b")), tablet, DEFAULT_RULES)

    assert (refusal.code, refusal.kind) == (RefusalCode.SHARED_KIND, "device")


def test_a_kind_that_nobody_declared_makes_nobody_one():
    seat = Identity("seat", "12A")

    refusal = may_merge(customer(1, user("ann")), customer(2, anon("b")), seat, DEFAULT_RULES)

    assert refusal.code == RefusalCode.SHARED_KIND


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ([user("ann")], [anon("b")], Identity("email", "null")),
        ([user("undefined")], [anon("b")], anon("b")),
        ([user("ann")], [anon("0")], None),
    ],
)
def test_a_blocked_value_on_either_side_refuses_a_merge(one, other, shared):
    refusal = may_merge(customer(1, *one), customer(2, *other), shared, DEFAULT_RULES)

    assert refusal.code == RefusalCode.BLOCKED


def test_too_many_addresses_together_refuse_a_merge_also_by_hand():
    one = customer(1, *(Identity("email", f"a{i}@x.se") for i in range(3)))
    other = customer(2, *(Identity("email", f"b{i}@x.se") for i in range(3)))

    assert may_merge(one, other, None, DEFAULT_RULES).kind == "email"
    other.identities = one.identities[:2]
    assert may_merge(one, other, None, DEFAULT_RULES) is None


def test_visitors_have_no_limit():
    one = customer(1, user("ann"), *(anon(f"a{i}") for i in range(2_000)))

    assert may_merge(one, customer(2, anon("b")), anon("b"), DEFAULT_RULES) is None


def test_an_erased_customer_and_oneself_are_not_merged():
    one, other = customer(1), customer(2)

    assert may_merge(one, other, None, DEFAULT_RULES, erased=True).code == RefusalCode.ERASED
    assert may_merge(one, one, None, DEFAULT_RULES).code == RefusalCode.SAME


@pytest.mark.parametrize(
    ("one", "other", "survivor"),
    [
        (customer(1, anon("a")), customer(2, user("u")), 2),
        (customer(1, user("a")), customer(2, user("u")), 1),
        (customer(2, anon("a")), customer(1, anon("b")), 1),
        (customer(2, user("a")), customer(1, anon("b")), 2),
    ],
)
def test_who_is_known_survives_and_else_the_smaller_number(one, other, survivor):
    assert survivor_of(one, other)[0].number == survivor
    assert survivor_of(other, one)[0].number == survivor


def test_without_the_file_the_usual_kinds_hold():
    assert compile_bundle(small_bundle()).identities == DEFAULT_RULES


def test_the_file_changes_only_what_it_names():
    rules = rules_of(
        "kinds:\n"
        "  email: {limit: 2, blocked: [Info@x.se], from: [traits.mail]}\n"
        "  anon: {limit: none}\n"
        "  seat: {normalise: lower, from: [context.seat.number]}\n"
        "  device: {unique: false}\n"
        "blockedPatterns: ['test-.*']\n"
        "traits: {points: sum}\n"
    )

    assert rules.kind("email").limit == 2
    assert rules.kind("email").merges
    assert rules.kind("email").sources == (("traits", "mail"),)
    assert rules.is_blocked("email", "info@X.se")
    assert not rules.is_blocked("user", "info@x.se")
    assert rules.is_blocked("user", "TEST-7")
    assert rules.kind("seat").merges
    assert not rules.kind("device").merges
    assert rules.kind("phone") == DEFAULT_RULES.kind("phone")
    assert rules.strategies == {"points": "sum"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("kinds:\n  phone: {region: UK}\n", 2, "ISO 3166"),
        ("kinds:\n  email: {normalise: emial}\n", 2, "did you mean 'email'?"),
        ("kinds:\n  email: {limit: 0}\n", 2, "expected 1 or more, or none"),
        ("kinds:\n  email: {from: [email]}\n", 2, "such as traits.email"),
        ("kinds:\n  email: {limt: 3}\n", 2, "unknown field 'limt'"),
        ("kinds:\n  x: {unique: false, merges: true}\n", 2, "the value is shared"),
        ("kinds:\n  user: {normalise: lower}\n", 2, "byte by byte"),
        ("kinds:\n  anon: {from: [traits.x]}\n", 2, "byte by byte"),
        ("blockedPatterns: ['[']\n", 1, "regular expression"),
        ("blockedPatterns: ['(?i)x']\n", 1, "regular expression"),
        ("blockedPatterns: ['(a|b)']\n", 1, "(?:…)"),
        ("traits:\n  points: total\n", 2, "one of latest"),
    ],
)
def test_a_mistake_is_named_with_its_place(text, line, says):
    (problem,) = problems_of({**small_bundle(), "identities.yaml": text})

    assert problem.startswith(f"identities.yaml:{line}:")
    assert says in problem


def test_the_retail_playbook_reads_its_own_cards_and_numbers():
    rules = compile_bundle(library("retail")).identities

    identified, notes = found(
        "identify",
        user("ann"),
        traits={"loyalty_card": 99999, "phone": "(650) 253-0000"},
        rules=rules,
    )

    assert identified == [Identity("phone", "+16502530000")]
    assert notes == ["blocked_identity: loyalty"]
