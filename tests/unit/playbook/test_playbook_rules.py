import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.playbook.references import terms, tokenize
from actors.playbook.rules import Rule

# (expression, paths, keys, maps used as a whole)
REFERENCES = [
    ("profile.orders > 3", {"profile.orders"}, set(), set()),
    ("profile . orders // profile.items\n > 3", {"profile.orders"}, set(), set()),
    ("profile['orders'] > 3", {"profile.orders"}, set(), set()),
    ("tier == 'gold' && 'a' in segments", {"tier", "segments"}, set(), set()),
    ("tier == 'profile.orders'", {"tier"}, set(), set()),
    ("tier == r'profile.items\\d' || tier == '''now.hour'''", {"tier"}, set(), set()),
    ('tier == "it\'s profile.items"', {"tier"}, set(), set()),
    ("tier == 'it\\'s profile.items'", {"tier"}, set(), set()),
    (
        "profile.spend_by_department['DRUG GM'] > 1.0",
        {"profile.spend_by_department"},
        {("profile.spend_by_department", "DRUG GM")},
        set(),
    ),
    (
        "profile.spend_by_department.MEAT > profile.spend",
        {"profile.spend_by_department", "profile.spend"},
        {("profile.spend_by_department", "MEAT")},
        set(),
    ),
    (
        "profile.traits['a.b\\u00e9'] == 1",
        {"profile.traits"},
        {("profile.traits", "a.bé")},
        set(),
    ),
    (
        "profile.traits.name.startsWith('profile.items')",
        {"profile.traits"},
        {("profile.traits", "name")},
        set(),
    ),
    ("profile.views[tier] > 1", {"profile.views", "tier"}, set(), {"profile.views"}),
    ("profile.views.size() > 1", {"profile.views"}, set(), {"profile.views"}),
    ("size(profile.views) > 1", {"profile.views"}, set(), {"profile.views"}),
    (
        "has(event.properties.total) && event.properties.total > 5",
        {"event.properties"},
        {("event.properties", "total")},
        set(),
    ),
    (
        "event.properties.products.exists(p, p.category == tier && p.tier > now.hour)",
        {"event.properties", "tier", "now.hour"},
        {("event.properties", "products")},
        set(),
    ),
    (
        "segments.exists(tier, tier == 'x') || tier == 'y'",
        {"segments", "tier"},
        set(),
        set(),
    ),
    ("segments.exists(tier, tier == 'x')", {"segments"}, set(), set()),
    (
        "segments.map(a, segments.filter(b, a == b && now.day > 1)).size() > 0",
        {"segments", "now.day"},
        set(),
        set(),
    ),
    ("true", set(), set(), set()),
]


@pytest.mark.parametrize("case", REFERENCES, ids=lambda case: case[0][:50])
def test_a_rule_knows_what_it_refers_to(case):
    source, paths, keys, whole = case

    rule = Rule(source)

    assert (rule.paths, rule.keys, rule.whole) == (paths, keys, whole)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return "'" + escaped.replace("\r", "\\r") + "'"


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
names = st.sampled_from(["profile.orders", "tier", "profile.views['x']", "[1]", "// no", "'", '"'])


@given(text=st.lists(st.one_of(texts, names), max_size=4).map("".join))
def test_what_stands_in_a_string_is_never_a_reference_and_a_key_is_read_exactly(text):
    rule = Rule(f"profile.traits[{_quoted(text)}] == {_quoted(text)}")

    assert rule.paths == {"profile.traits"}
    assert rule.keys == {("profile.traits", text)}


blanks = st.lists(st.sampled_from([" ", "\n", "\t", "// tier, profile.items\n"]), max_size=3)


@given(gaps=st.lists(blanks.map("".join), min_size=12, max_size=12))
def test_blanks_and_comments_change_no_reference(gaps):
    tokens = ["profile", ".", "taken", "[", "'a/b/c'", "]", ">", "profile", ".", "orders", "+", "1"]
    source = "".join(gap + token for gap, token in zip(gaps, tokens, strict=True))

    rule = Rule(source)

    assert rule.paths == {"profile.taken", "profile.orders"}
    assert rule.keys == {("profile.taken", "a/b/c")}


@pytest.mark.parametrize(
    "source",
    [
        "profile.views['missing'] > 1",
        "profile.missing > 1",
        "missing > 1",
        "profile.orders > 'a'",
        "profile.orders + profile.spend > 1.0",
        "profile.orders",
        "profile.orders / 0 > 1",
        "profile.orders ? true : false",
        "'true'",
        "nothing(profile.orders)",
        "9223372036854775807 + profile.orders > 0",
        "[true][profile.orders]",
    ],
)
def test_a_rule_that_cannot_be_evaluated_does_not_hold(source):
    values = {"orders": 5, "spend": 2.0, "views": {}}
    flat = {f"profile_{name}": value for name, value in values.items()}

    rule = Rule(source)

    assert rule.holds(cel.Context(variables={"profile": values})) is False
    assert rule.met(cel.Context(variables=flat)) is False


def test_a_rule_holds_when_it_is_true_and_only_then():
    rule = Rule("profile.orders >= 3")

    held = [rule.holds(cel.Context(variables={"profile": {"orders": n}})) for n in (2, 3, 4)]

    assert held == [False, True, True]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("profile.spend * 2.0", 5.0),
        ("profile.orders + 1", 6.0),
        ("profile.orders > 1", 9.0),
        ("'5'", 9.0),
        ("missing", 9.0),
        ("profile.spend / 0.0", 9.0),
        ("0.0 / 0.0", 9.0),
    ],
)
def test_a_value_is_a_finite_number_or_the_default(source, expected):
    ctx = cel.Context(variables={"profile": {"orders": 5, "spend": 2.5}})

    assert Rule(source).value(ctx, 9.0) == expected


def test_rules_of_the_same_source_are_equal():
    assert Rule("true") == Rule("true")
    assert hash(Rule("true")) == hash(Rule("true"))
    assert Rule("true") != Rule("false")


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("a && b", [("a", True), ("b", True)]),
        ("a", [("a", False)]),
        ("!(a || b) && c", [("a", True), ("b", True), ("c", True)]),
        ("!a", [("!a", False)]),
        ("a ? b : c", [("a", True), ("b", False), ("c", False)]),
        ("a && (b ? c : d)", [("a", True), ("b", True), ("c", False), ("d", False)]),
        ("f(a && b) > '&&'", [("f(a && b) > '&&'", False)]),
        ("(a) + (b)", [("(a) + (b)", False)]),
        ("{'a': b}['a'] || c", [("{'a': b}['a']", True), ("c", True)]),
    ],
)
def test_an_expression_falls_into_the_parts_that_short_circuits_may_skip(source, parts):
    found = [(source[s:e], must) for s, e, must in terms(tokenize(source))]

    assert found == parts
