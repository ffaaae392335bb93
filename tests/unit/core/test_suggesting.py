"""An action that suggests something: a candidate when there is something, and rendered with it."""

import pytest

from actors.decisioning.inputs import TREATMENT
from actors.decisioning.record import STAGE_CODES, replay
from actors.domain.errors import PlaybookError
from actors.wire.records import pack_turn, unpack_turn
from tests.builders import (
    ACTIONS,
    BANNER,
    SHOP,
    make_playbook,
    make_state,
    question,
    removals,
    take,
)

GOES_WITH = "offer/basket/goes_with"
ACTION = {
    "value": 50,
    "purpose": "onsite",
    "startingPropensity": 0.2,
    "suggest": "items",
    "treatments": {
        "web": {
            "placements": ["hero"],
            "content": {
                "title": "{{suggested.name}}, {{profile.traits.first_name|you}}?",
                "url": "/p/{{suggested.item}}?from=basket",
            },
        }
    },
}
BOOK = make_playbook(actions={BANNER: ACTIONS[BANNER], GOES_WITH: ACTION}, triggers={})


def asked(context):
    turn = take(make_state(), question(context=context), playbook=BOOK)
    return turn, {e.action: e.content for e in turn.record.effects}


def suggested(*items):
    return {"suggested": {"items": [{"item": i, "name": n} for i, n in items]}}


def test_what_is_suggested_is_put_into_the_content_escaped():
    _, said = asked(suggested(("a/b c", "Salt & Vinegar"), ("x", "Other")))

    assert said == {
        GOES_WITH: {"title": "Salt &amp; Vinegar, you?", "url": "/p/a%2Fb%20c?from=basket"}
    }


def test_an_item_without_a_name_is_called_by_its_id():
    assert (
        asked({"suggested": {"items": [{"item": "4711"}]}})[1][GOES_WITH]["title"] == "4711, you?"
    )


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"suggested": None},
        {"suggested": {"items": []}},
        {"suggested": {"others": [{"item": "a"}]}},
        {"suggested": {"items": [{"item": ""}]}},
        {"suggested": {"items": [{"item": 7}]}},
        {"suggested": {"items": "a"}},
        {"suggested": ["items"]},
    ],
)
def test_with_nothing_to_suggest_the_action_is_no_candidate_and_the_record_says_why(context):
    turn, said = asked(context)

    assert GOES_WITH not in said
    why = (GOES_WITH, "web", STAGE_CODES.index(TREATMENT), "nothing to suggest")
    assert why in removals(turn, BOOK)


def test_the_decision_replays_from_its_record_alone():
    turn, _ = asked(suggested(("a", "A")))

    record = unpack_turn(pack_turn(turn.record)).decision

    assert record.given.suggested == {"items": "a"}
    assert replay(record, BOOK).identical
    record.given.suggested = {}
    assert not replay(record, BOOK).identical


def test_a_playbook_that_suggests_nothing_records_nothing_of_it():
    turn = take(make_state(), question(context=suggested(("a", "A"))))

    assert turn.record.decision.given.suggested == {}
    assert not SHOP.suggests


def test_a_placeholder_for_a_suggestion_needs_an_action_that_suggests():
    without = {k: v for k, v in ACTION.items() if k != "suggest"}

    with pytest.raises(PlaybookError) as error:
        make_playbook(actions={GOES_WITH: without}, triggers={})

    assert "expected an action with 'suggest'" in str(error.value)
