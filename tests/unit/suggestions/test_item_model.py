"""Items that are bought together: the formula, ties, baskets that nobody knows, and the stored form."""

import math
import zlib

import msgpack
import pytest

from actors.domain.errors import CodecError
from actors.suggestions import ItemModel, from_bytes, to_bytes

pytest.importorskip("scipy", reason="scipy is not installed (extra fit)")

from scripts.fitting.items import fit, judge, of_lines, split


def baskets(*groups, start=0):
    return of_lines(
        [(f"b{i}", item, 1000 * i) for i, group in enumerate(groups, start) for item in group],
        {"milk": "Oat milk"},
    )


TEA = baskets(*[["tea", "milk"]] * 6, *[["tea", "lemon"]] * 3, *[["bread", "milk"]] * 9)


def asked(model, basket, count=5):
    return [each.item for each in model.next_items(basket, count)]


def test_the_nearest_come_first_and_what_is_in_the_basket_does_not():
    model = fit(TEA, least=1, shrinkage=0.0)

    assert asked(model, ["tea"]) == ["lemon", "milk"]
    assert asked(model, ["tea", "lemon"]) == ["milk"]
    assert asked(model, ["milk"], 1) == ["bread"]
    assert asked(model, ["nobody knows this"]) == []
    assert model.next_items(["bread"], 1)[0].name == "Oat milk"
    assert model.next_items(["milk"], 1)[0].name == "bread"


@pytest.mark.parametrize("shrinkage", [0.0, 4.0])
def test_how_near_is_the_shrunk_cosine(shrinkage):
    model = fit(TEA, least=1, shrinkage=shrinkage)

    found = {each.item: each.score for each in model.next_items(["tea"], 5)}

    def cosine(common, one, other):
        return common / math.sqrt(one * other) * common / (common + shrinkage)

    assert found == pytest.approx(
        {"milk": cosine(6, 9, 15), "lemon": cosine(3, 9, 3)}, abs=1 / 65_535
    )


def test_what_is_near_to_more_of_the_basket_adds_up():
    pairs = baskets(*[["a", "x"], ["b", "x"], ["a", "y"]] * 4, *["y"] * 4)

    assert asked(fit(pairs, least=1), ["a", "b"], 1) == ["x"]


def test_ties_go_to_the_better_seller_then_to_the_smaller_id():
    model = fit(baskets(*[["a", "c"], ["a", "b"]] * 5), least=1)

    assert asked(model, ["a"]) == ["b", "c"]


def test_items_in_too_few_baskets_are_not_known_and_the_table_is_cut_at_its_width():
    many = baskets(*[["hub", f"i{i}"] for i in range(40)] * 3, ["hub", "rare"])

    model = fit(many, least=2, width=30)

    assert "rare" not in model.places
    assert len(asked(model, ["hub"], 100)) == 30


def test_the_order_of_lines_changes_nothing():
    lines = [(f"b{i}", item, i) for i in range(20) for item in ("a", "bc"[i % 2], "d")]

    one, other = fit(of_lines(lines), least=1), fit(of_lines(lines[::-1]), least=1)
    assert to_bytes(one) == to_bytes(other)


def test_best_sellers_leave_out_what_is_in_the_basket():
    model = fit(TEA, least=1)

    assert [each.item for each in model.best_sellers(["milk"], 2)] == ["bread", "tea"]
    assert len(model.best_sellers([], 99)) == 4


def test_later_baskets_are_judged_by_what_was_fitted_to_earlier_ones():
    together = [["tea", "milk"], ["ink", "paper"], ["sun", "hat"]]
    earlier, later = split(baskets(*together * 20), 0.25)

    found = judge(fit(earlier, least=1), later, ks=(1,))

    assert (len(earlier), len(later)) == (45, 15)
    assert found["baskets"] == 15
    assert found["hit_rate"]["together"]["1"] == 1.0
    assert found["hit_rate"]["best_sellers"]["1"] < 1.0


def test_a_model_reads_back_equal():
    model = fit(TEA, least=1)

    again = from_bytes(to_bytes(model))

    assert to_bytes(again) == to_bytes(model)
    assert asked(again, ["tea"]) == asked(model, ["tea"])
    assert (again.baskets, again.fitted_until_ms) == (18, 17_000)


def packed(*fields):
    return zlib.compress(msgpack.packb(fields))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        zlib.compress(b"\xc1"),
        packed(2, [], [], 0, b"", b"", 0, 0),
        packed(1, ["a"], [], 1, b"\0\0", b"\0\0", 0, 0),
        packed(1, ["a", "a"], ["", ""], 0, b"", b"", 0, 0),
        packed(1, ["a"], [""], 1, b"\7\0", b"\0\0", 0, 0),
        packed(1, ["a"], [""], 1, b"\0", b"\0\0", 0, 0),
        packed(1, ["a"], [""], 2, b"\0\0", b"\0\0", 0, 0),
        to_bytes(ItemModel(("a",), ("",), 0, [], []))[:-4],
    ],
)
def test_bytes_that_are_no_model_are_refused(data):
    with pytest.raises(CodecError):
        from_bytes(data)
