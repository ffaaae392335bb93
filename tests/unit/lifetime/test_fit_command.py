"""`righttime fit clv`: its sources, what it keeps, and one sentence on failure."""

import asyncio
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from actors.domain.profile import Profile, Purchases
from actors.domain.state import CustomerState
from actors.lifetime.model import SETTING, WEEK_MS, from_bytes
from actors.ports import Change
from actors.stores.sqlite import SqliteStore
from actors.stores.sqlite_walk import walk_states
from actors.wire.state import pack_state
from scripts.cli.app import app

pytest.importorskip("scipy", reason="scipy is not installed (extra fit)")

DAY = np.datetime64("2024-01-01")


def run(*arguments):
    return CliRunner().invoke(
        app, ["fit", "clv", *map(str, arguments)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


def last_object(result):
    return json.loads(result.stdout.splitlines()[-1])


def drawn(customers=150, seed=1):
    """Draw (customer, day, amount in whole units), with a rhythm and a level for each customer."""
    rng = np.random.default_rng(seed)
    for customer in range(customers):
        day, level = int(rng.integers(0, 60)), rng.gamma(4.0) * 10
        pause, leaving = rng.gamma(1.5) * 20, rng.beta(0.8, 2.4)
        while day < 300:
            yield customer, day, round(float(rng.gamma(6.0) * level / 6), 2)
            if rng.random() < leaving:
                break
            day += 1 + int(rng.exponential(pause))


@pytest.fixture
def sales(tmp_path):
    path = tmp_path / "sales.csv"
    lines = [f"{DAY + day},c{customer},{amount}" for customer, day, amount in drawn()]
    path.write_text("\n".join(["Date,Customer,Amount", *lines, ""]))
    return path


@pytest.fixture
def store_url(tmp_path):
    totals = {}
    for customer, day, amount in drawn():
        had = totals.setdefault(customer, Purchases(first_at_ms=day * WEEK_MS // 7))
        had.orders += 1
        had.spend_minor += round(amount * 100)
        had.last_at_ms = day * WEEK_MS // 7

    async def fill():
        store = SqliteStore.open(tmp_path / "righttime.db")
        await store.claim([(7, "", 0)], "cell/one")
        changes = [
            Change(
                number,
                7,
                1,
                0,
                1,
                pack_state(CustomerState(number, 7, 1, profile=Profile(purchases=bought))),
            )
            for number, bought in totals.items()
        ]
        await store.commit(changes, 1)
        await store.close()

    asyncio.run(fill())
    return f"sqlite://{tmp_path / 'righttime.db'}"


def test_a_file_of_purchases_is_fitted_and_the_parameters_are_written(sales, tmp_path):
    result = run(sales, "--out", tmp_path / "clv.json", "--horizon-weeks", 26, "--json")

    assert result.exit_code == 0, result.stderr
    model = from_bytes((tmp_path / "clv.json").read_bytes())
    told = last_object(result)
    assert model.buying.alpha == told["buying"]["parameters"]["alpha"]
    assert model.spend.v == told["spend"]["parameters"]["v"]
    assert (model.horizon_weeks, model.customers) == (26.0, told["customers"])
    assert sum(told["repeats"]["observed"]) == told["customers"] == 150
    assert "Customers by repeat purchases" in result.stderr


def test_what_came_later_is_compared(sales):
    result = run(sales, "--until", "2024-06-30", "--json")

    later = last_object(result)["later"]
    assert later["observed"] > 0
    assert later["expected"] == pytest.approx(later["observed"], rel=0.5)


def test_a_file_of_customers_gives_what_its_purchases_give(sales, tmp_path):
    from scripts.fitting.sources import from_file

    cohort = from_file(sales, None, 2, lambda _done: None)
    rows = zip(cohort.x, cohort.t_x, cohort.age, cohort.mean / 100, strict=True)
    summary = tmp_path / "customers.csv"
    lines = [f"{n},{x!r},{t!r},{age!r},{m!r}" for n, (x, t, age, m) in enumerate(np_floats(rows))]
    summary.write_text("\n".join(["customer,x,t_x,T,mean_value", *lines]))

    one, other = last_object(run(sales, "--json")), last_object(run(summary, "--json"))

    for part in ("buying", "spend"):
        assert one[part]["parameters"] == pytest.approx(other[part]["parameters"], rel=1e-5)


def np_floats(rows):
    return (tuple(float(value) for value in row) for row in rows)


def test_a_store_is_read_through_and_given_its_model(store_url):
    result = run("--store", store_url, "--json")

    assert result.exit_code == 0, result.stderr

    async def stored():
        store = SqliteStore.open(path_of(store_url), read_only=True)
        try:
            return await store.setting(SETTING)
        finally:
            await store.close()

    model = from_bytes(asyncio.run(stored()))
    assert model.customers == last_object(result)["customers"] == 150
    assert model.spend.p * model.spend.v / (model.spend.q - 1) == pytest.approx(4_000, rel=0.25)


def path_of(url):
    from pathlib import Path

    return Path(url.removeprefix("sqlite://"))


def test_a_walk_in_portions_meets_every_customer_once_in_order(store_url):
    states = list(walk_states(path_of(store_url), portion=7))

    assert len(states) == 150
    assert states == list(walk_states(path_of(store_url), portion=1_000))


def test_a_model_is_not_put_into_a_store_that_is_not_there(sales, tmp_path):
    result = run(sales, "--store", f"sqlite://{tmp_path / 'none.db'}")

    assert result.exit_code == 1
    assert "there is no database" in result.stderr
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ":1: expected the columns"),
        ("a,b\n1,2\n", ":1: expected the columns"),
        ("customer,date,amount\nx,2024-01-01,1\ny,tomorrow,1\n", ":3: "),
        ("customer,date,amount\nx,2024-01-01,much\n", ":2: 'much' is not an amount"),
        ("customer,date,amount\nx\n", ":2: "),
        ("customer,x,t_x,T\n1,2,9,3\n", ":2: expected a whole x"),
        ("customer,x,t_x,T\n1,nan,0,3\n", ":2: expected a whole x"),
        ("customer,x,t_x,T\n1,0,0,3\n", "no customer bought twice"),
        ("customer,date,amount\n", "there are no customers"),
    ],
)
def test_a_file_that_cannot_be_fitted_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "sales.csv"
    path.write_text(text)

    result = run(path)

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("righttime: ") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "there is nothing to fit"),
        (("no/such.csv",), "cannot read 'no/such.csv'"),
        (("x.csv", "--until", "soon"), "--until: 'soon' is not a date"),
        (("--store", "memory://"), "only the store of a sqlite:///"),
        (("--store", "sqlite:///no/such/file.db"), "there is no database"),
        (("--store", "sqlite:///x.db", "--until", "2024-01-01"), "--until needs single purchases"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, sentence):
    result = run(*arguments)

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_the_command_explains_itself():
    result = run("--help")

    assert "Examples:" in result.stdout
    assert "--json" in result.stdout
