"""`righttime models`: what it prints of a store, and one sentence on failure."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from actors.stores.sqlite import SqliteStore
from scripts.cli.app import app
from serve_app.models import learner as learning
from serve_app.models.follower import Follower
from tests.learning_books import close_windows, learning_world, live


def run(*arguments):
    return CliRunner().invoke(
        app, ["models", *map(str, arguments)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


def last_object(result):
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture
def url(tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "VERSION_EVERY", 5)
    store = SqliteStore.open(tmp_path / "s.db")
    world = learning_world(store)
    live(world, rounds=2)
    close_windows(world)
    follower = Follower(store)
    asyncio.run(follower.step())
    asyncio.run(follower.save())
    yield f"sqlite://{tmp_path}/s.db"
    asyncio.run(store.close())


def test_models_are_listed_shown_and_gone_back_to(url):
    listed = last_object(run("list", "--store", url, "--json"))
    assert {each["name"]: each["lessons"] for each in listed["models"]} == {
        "banners": 6,
        "beta-bernoulli": 6,
    }

    back = run("rollback", "banners", 1, "--store", url)
    assert back.exit_code == 0, back.output
    shown = run("show", "banners", "--store", url)
    assert "version 1 answers" in shown.output
    assert "features: orders, spend, regular, asked_on=web, asked_on=app" in shown.output
    assert last_object(run("show", "banners", "--store", url, "--json"))["pinned"] == 1

    assert run("rollback", "banners", "latest", "--store", url).exit_code == 0
    assert "pinned" not in last_object(run("show", "banners", "--store", url, "--json"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "nobody"), "there is no model 'nobody'"),
        (("rollback", "banners", "9"), "version 9 of 'banners' is not kept"),
        (("rollback", "banners", "new"), "neither a version's number nor latest"),
        (("rollback", "banners", "latest"), "no version of 'banners' is pinned"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(url, arguments, sentence):
    result = run(*arguments, "--store", url)

    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_a_file_that_is_another_one_is_named(tmp_path):
    file = tmp_path / "other.csv"
    file.write_text("a;b\n1;2\n")

    result = run("evaluate", "bank", file)

    assert result.exit_code == 1
    assert "other.csv has no column" in result.output
