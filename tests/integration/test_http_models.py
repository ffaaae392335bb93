"""Models over HTTP: figures as of the checkpoint, and going back to a version."""

import asyncio

import pytest

from serve_app.models import learner as learning
from serve_app.models.follower import Follower
from serve_app.models.learner import COUNTING
from tests.integration.http_support import Edge, assert_problem
from tests.learning_books import close_windows, learning_world, live


@pytest.fixture
def edge(monkeypatch) -> Edge:
    monkeypatch.setattr(learning, "VERSION_EVERY", 5)
    edge = Edge(currency="EUR")
    world = learning_world(edge.store)
    follower = Follower(edge.store)
    for turn in range(4):
        live(world, rounds=1, first=turn)
        asyncio.run(follower.step())
    close_windows(world)
    asyncio.run(follower.step())
    asyncio.run(follower.save())
    return edge


def rollback(edge, name, version, key="admin"):
    return edge.post(f"/v1/models/{name}/rollback", {"version": version}, key=key)


def test_models_are_listed_and_shown(edge):
    listed = edge.get("/v1/models").json()
    one = edge.get("/v1/models/banners").json()

    assert [each["name"] for each in listed["models"]] == ["banners", COUNTING]
    assert one["kind"] == "logistic"
    assert one["lessons"] == one["all"]["labels"] == 12
    assert [each["version"] for each in one["versions"]] == [2, 1]
    assert one["byPlace"][0]["tier"] == "standard"
    assert one["drift"]["told"] is False
    assert_problem(edge.get("/v1/models/nobody"), 404)


def test_a_version_answers_until_it_is_told_otherwise(edge):
    assert rollback(edge, "banners", 1).json() == {"name": "banners", "version": 1}
    assert edge.get("/v1/models/banners").json()["pinned"] == 1
    assert edge.get("/v1/models").json()["models"][0]["pinned"] == 1

    assert rollback(edge, "banners", None).json() == {"name": "banners", "version": None}
    assert "pinned" not in edge.get("/v1/models/banners").json()


def test_only_an_administrator_goes_back_and_only_to_what_is_kept(edge):
    edge.add_key("reader", ["read"])

    assert_problem(rollback(edge, "banners", 1, key="reader"), 403)
    assert_problem(rollback(edge, "banners", 7), 404)
    assert_problem(rollback(edge, "nobody", 1), 404)
    assert_problem(rollback(edge, "banners", 0), 422)
    assert_problem(rollback(edge, "banners", "1"), 422)
    assert "pinned" not in edge.get("/v1/models/banners").json()
