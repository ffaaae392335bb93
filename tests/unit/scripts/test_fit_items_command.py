"""`righttime fit items`: its sources, what it keeps, and one sentence on failure."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from actors.stores.sqlite import SqliteStore
from actors.suggestions import SETTING, from_bytes
from scripts.cli.app import app
from tests.builders import NOW, World, order

pytest.importorskip("scipy", reason="scipy is not installed (extra fit)")


def run(*arguments):
    return CliRunner().invoke(
        app, ["fit", "items", *map(str, arguments)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


@pytest.fixture
def sold(tmp_path):
    rows = ["Basket,Item,Date,Name"]
    for i in range(40):
        items = ("tea", "milk") if i % 2 else ("ink", "paper")
        rows += [f"b{i},{item},2026-01-{i % 28 + 1:02},{item.upper()}" for item in items]
    path = tmp_path / "sold.csv"
    path.write_text("\n".join([*rows, ""]))
    return path


def test_a_file_is_judged_by_its_last_baskets_and_fitted_as_a_whole(sold, tmp_path):
    out = tmp_path / "items.model"

    result = run(sold, "--out", out, "--least", 2, "--held-out", 0.25, "--json")

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    assert (found["baskets"], found["items"], found["known_items"]) == (40, 4, 4)
    assert found["held_out"]["baskets"] == 10
    assert found["held_out"]["hit_rate"]["together"]["1"] == 1.0
    assert found["held_out"]["hit_rate"]["best_sellers"]["1"] < 1.0
    model = from_bytes(out.read_bytes())
    assert [each.name for each in model.next_items(["tea"], 1)] == ["MILK"]
    assert model.baskets == 40


def test_the_orders_of_a_store_are_read_and_the_store_is_given_the_model(tmp_path):
    file = tmp_path / "righttime.db"
    truth = SqliteStore.open(file)
    world = World(truth, truth)
    products = [{"product_id": 1, "name": "Tea"}, {"product_id": "2", "name": "Milk"}, {"price": 3}]
    for i in range(4):
        given = {"order_id": f"o{i}", "products": products}
        world.reply(order(5.0, id=f"m{i}", at=NOW + i, properties=given))
    asyncio.run(truth.close())

    result = run("--store", f"sqlite://{file}", "--least", 1, "--held-out", 0)

    assert result.exit_code == 0, result.output
    again = SqliteStore.open(file)
    data = asyncio.run(again.setting(SETTING))
    asyncio.run(again.close())
    model = from_bytes(data)
    assert model.next_items(["1"], 5)[0][:2] == ("2", "Milk")
    assert (model.baskets, model.fitted_until_ms) == (4, NOW + 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("customer,date\na,b\n", "expected the columns basket,item"),
        ("basket,item,date\na,b,yesterday\n", "sold.csv:2:"),
        ("basket,item\na,\n", "sold.csv:2: expected a basket and an item"),
        ("basket,item\n", "no baskets"),
    ],
)
def test_a_file_that_is_none_is_told_in_one_sentence(tmp_path, text, words):
    path = tmp_path / "sold.csv"
    path.write_text(text)

    result = run(path)

    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output


def test_with_nothing_to_read_it_says_so():
    assert "nothing to fit" in run().output
