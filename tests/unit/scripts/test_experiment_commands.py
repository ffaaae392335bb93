"""`righttime experiment`: a campaign that is imported, its report, and the simulation."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from actors.stores.sqlite import SqliteStore
from scripts.cli.app import app
from scripts.experiments.campaign import import_rows, playbook_of

ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
HEAD = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"


def rows(count=120):
    """Customers in turn in each arm; of the men's every second visits, every fourth buys for 20."""
    found = []
    for i in range(count):
        visits = i % 3 == 1 and i % 2 == 1
        buys = visits and i % 4 == 1
        place, way = ("Urban", "Rural")[i % 2], ("Web", "Phone")[i % 2]
        tail = f"{int(visits)},{int(buys)},{20 * buys}"
        found.append(f"{i % 12 + 1},1,{50 + i},1,0,{place},0,{way},{ARMS[i % 3]},{tail}")
    return found


@pytest.fixture
def campaign(tmp_path):
    path = tmp_path / "campaign.csv"
    path.write_text("\n".join([HEAD, *rows(), ""]))
    return path


def run(*arguments):
    result = CliRunner().invoke(
        app, ["experiment", *map(str, arguments)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )
    return result, json.loads(result.stdout.splitlines()[-1]) if "--json" in arguments else None


@pytest.mark.parametrize("command", ["report", "hillstrom", "check"])
def test_every_command_explains_itself_with_an_example_and_has_json(command):
    result, _ = run(command, "--help")

    assert result.exit_code == 0
    assert {"Examples:", "--json", "--debug"} <= set(result.stdout.split())


def test_a_campaign_is_imported_as_it_was_drawn_and_reported_again_from_its_store(
    campaign, tmp_path
):
    data = tmp_path / "data"
    result, found = run("hillstrom", campaign, "--data", data, "--json")
    assert result.exit_code == 0, result.stderr

    assert found["events"] == 120 + 20 + 10
    arms = {arm["name"]: arm for arm in found["report"]["arms"]}
    assert {name: arm["reached"] for name, arm in arms.items()} == dict.fromkeys(ARMS, 40)
    assert arms["Mens E-Mail"]["outcomes"]["visit"]["mean"] == 0.5
    assert arms["Mens E-Mail"]["outcomes"]["spend"]["sum"] == 200.0
    visits = next(d for d in found["report"]["differences"] if d["outcome"] == "visit")
    assert (visits["arm"], visits["difference"]) == ("Mens E-Mail", 0.5)
    assert found["policy"]["bestArm"] == "Mens E-Mail"

    _, again = run("report", "hillstrom", "--store", f"sqlite://{data}/righttime.db", "--json")
    assert again["arms"] == found["report"]["arms"]

    second, _ = run("hillstrom", campaign, "--data", data)
    assert second.exit_code == 1
    assert "the store is in use" in second.stderr


def test_what_is_not_that_campaign_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")

    result, _ = run("hillstrom", path)

    assert result.exit_code == 1
    assert "is not Hillstrom's campaign" in result.stderr


def test_an_experiment_that_a_store_does_not_have_is_told_with_the_nearest(campaign, tmp_path):
    store = SqliteStore.open(tmp_path / "righttime.db")
    asyncio.run(_imported(store))

    result, _ = run("report", "hilstrom", "--store", f"sqlite://{tmp_path}/righttime.db")

    assert result.exit_code == 1
    assert "did you mean 'hillstrom'?" in result.stderr


async def _imported(store):
    await import_rows(store, [], playbook_of(), lambda _: None)
    await store.close()


def test_the_simulation_prints_naive_peeking_beside_the_test():
    _, found = run("check", "--streams", 200, "--looks", 20, "--json")

    assert found["same"]["sequential"] < 0.1 < found["same"]["naivePeeking"]
    assert found["different"]["sequential"] > 0.7
