import pytest

from tests.unit.attributes.attribute_books import problems_of

RIGHT = """\
attributes:
  orders_30d: {kind: count, on: Order Completed, window: P30D, bucket: day}
  coupons_30d:
    kind: count
    on: [Order Completed, {type: page}]
    channels: [web]
    where: event.properties.coupons > 0
    window: P30D
    bucket: P1D
  share_30d: {kind: ratio, of: coupons_30d, to: orders_30d, default: 0.5}
  spend: {kind: sum, property: total, decimals: 0}
  stores: {kind: distinct, property: store, limit: 5, window: PT1H, bucket: minute}
  store: {kind: last, property: store, default: none yet}
"""

# (what is replaced, by what, where the problem is, words that its text holds)
WRONG = [
    ("kind: count, on", "kind: cuont, on", "2:22", "did you mean 'count'?"),
    ("bucket: day", "bucket: dya", "2:72", "did you mean 'day'?"),
    ("bucket: day", "bucket: P1M", "2:72", "a duration such as PT15M"),
    ("bucket: day", "bucket: 3", "2:72", "a width such as day or PT15M"),
    ("bucket: day", "bukcet: day", "2:64", "did you mean 'bucket'?"),
    (", bucket: day", "", "2:50", "'window' without 'bucket'"),
    ("window: P30D, ", "", "2:50", "'bucket' without 'window'"),
    ("window: P30D, bucket: day", "window: P30D, bucket: week", "2:58", "a window of 4.28571 buckets"),
    ("window: P30D, bucket: day", "window: P30D, bucket: hour", "2:72", "a window of 720 buckets"),
    ("orders_30d: {k", "orders-30d: {k", "2:3", "as rules can write it"),
    ("on: Order Completed", "on: {type: trak}", "2:33", "expected a type of identify"),
    ("on: [Order Completed, {type: page}]", "on: []", "5:9", "at least 1 entry"),
    ("channels: [web]", "channels: [store, wbe]", "6:23", "did you mean 'web'?"),
    ("kind: sum, property: total", "kind: sum", "11:3", "missing field 'property', expected by kind 'sum'"),
    ("kind: sum, property", "kind: count, property", "11:24", "'property' with kind 'count'"),
    ("kind: sum, property", "kind: last, property", "11:40", "'decimals' without 'type: number'"),
    ("decimals: 0", "decimals: 9", "11:49", "expected 6 or less"),
    ("decimals: 0", "limit: 9", "11:39", "'limit' with kind 'sum'"),
    ("kind: sum, property: total", "kind: mean, property: total, default: none", "11:49", "expected a number"),
    ("kind: sum, property: total, decimals: 0", "kind: active", "11:3", "missing field 'window'"),
    ("property: total", "property: a..b", "11:32", "names with dots between them"),
    ("limit: 5", "limit: 1000", "12:52", "expected 256 or less"),
    ("default: none yet", "default: 3", "13:49", "expected text"),
    ("default: none yet", "type: txet", "13:46", "did you mean 'text'?"),
    ("of: coupons_30d", "of: coupon_30d", "10:32", "did you mean 'coupons_30d'?"),
    ("of: coupons_30d", "of: store", "10:32", "is not an attribute that a ratio can be made of"),
    ("of: coupons_30d", "of: share_30d", "10:32", "is not an attribute that a ratio can be made of"),
    ("of: coupons_30d, ", "", "10:3", "missing field 'of'"),
    ("to: orders_30d", "to: orders_30d, window: P1D", "10:61", "'window' with kind 'ratio'"),
    ("event.properties.coupons > 0", "event.propertys.coupons > 0", "7:12", "'event.properties'?"),
    ("event.properties.coupons > 0", "profile.orders > 0", "7:12", "is not known here"),
    ("event.properties.coupons > 0", "event.late", "7:12", "'event.late' is not known here"),
    ("event.properties.coupons > 0", "event.properties.a >", "7:32", "not a CEL expression"),
    ("event.properties.coupons > 0", "event.channel", "7:12", "expected true or false"),
    ("event.properties.coupons > 0", "event.type == 'trak'", "7:26", "did you mean 'track'?"),
]  # fmt: skip


def test_what_is_right_has_no_problems():
    assert problems_of(RIGHT) == ()
    assert problems_of("") == ()


@pytest.mark.parametrize(("old", "new", "place", "words"), WRONG)
def test_what_is_wrong_is_told_with_its_place(old, new, place, words):
    assert old in RIGHT

    problems = problems_of(RIGHT.replace(old, new, 1))

    assert any(p.startswith(f"attributes.yaml:{place}: ") and words in p for p in problems), (
        problems
    )


def test_no_more_attributes_than_a_customer_can_carry():
    many = "attributes:\n" + "".join(f"  a{i}: {{kind: count, on: E{i}}}\n" for i in range(65))

    assert "expected at most 64 entries" in " ".join(problems_of(many))


def test_no_more_state_than_a_customer_can_carry():
    one = "  {}: {{kind: first, property: p, on: {}, window: P120D, bucket: day}}\n"
    many = "attributes:\n" + "".join(one.format(name, name.upper()) for name in "abc")

    (problem,) = problems_of(many)

    assert problem.startswith("attributes.yaml:3:3: the attributes up to this one may take 12,")


def test_attributes_that_share_what_is_kept_are_counted_once():
    one = "  a{}: {{kind: sum, property: p, window: P{}D, bucket: day}}\n"
    many = "attributes:\n" + "".join(one.format(i, 300 + i) for i in range(60))

    assert problems_of(many) == ()
