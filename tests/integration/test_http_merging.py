"""Merging, unmerging and the timeline of who was merged, over HTTP."""

import pytest

from actors.domain.ids import customer_text
from actors.ports import JournalKind
from tests.builders import anon, number_of, user
from tests.integration.http_people import People
from tests.integration.http_support import assert_problem

ANN, BOB, A, B = (customer_text(number_of(i)) for i in (user("ann"), user("bob"), anon("a"), anon("b")))  # fmt: skip


def three() -> People:
    """Ann and the visitors `a` and `b`, with orders in turns."""
    people = People()
    for total, who in ((1, "ann"), (2, "a"), (4, "b"), (8, "ann"), (16, "a")):
        people.order(total, **({"userId": who} if who == "ann" else {"anonymousId": who}))
    return people


people = pytest.fixture(three)
unchanged = pytest.fixture(three, scope="module")
"""For tests that change nothing: an edge takes long to build."""


def merge(people: People, who: str, other: str, **more):
    return people.post(f"/v1/customers/{who}/merge", {"with": other, **more})


def unmerge(people: People, who: str, other: str, **more):
    return people.post(f"/v1/customers/{who}/unmerge", {"other": other, **more})


def spend(people: People, who: str) -> float:
    return people.get(f"/v1/customers/{who}").json()["purchases"]["spend"]["amount"]


def totals(items) -> list:
    return [i["event"]["properties"]["total"] for i in items if "event" in i]


@pytest.mark.parametrize(
    ("who", "other"), [("user:ann", "anon:a"), ("anon:a", "user:ann"), (A, ANN)]
)
def test_whoever_is_named_first_the_same_one_remains(people: People, who: str, other: str):
    reply = merge(people, who, other, messageId="m").json()

    assert (reply["customerId"], reply["merged"], reply["messageId"]) == (ANN, A, "m")
    assert spend(people, who) == spend(people, other) == 27


def test_who_is_one_already_stays_as_they_are(people: People):
    merge(people, ANN, A)
    seq = people.get(f"/v1/customers/{ANN}").json()["seq"]

    again, itself = merge(people, "anon:a", "user:ann"), merge(people, B, "anon:b")

    assert (again.status_code, again.json()["merged"]) == (200, None)
    assert (itself.status_code, itself.json()["merged"]) == (200, None)
    assert people.get(f"/v1/customers/{ANN}").json()["seq"] == seq


def test_a_merge_sent_again_gets_the_first_answer(people: People):
    first = merge(people, "user:ann", "anon:a", messageId="m").json()
    again = merge(people, "user:ann", "anon:a", messageId="m").json()

    assert again == {**first, "status": "duplicate"}
    assert_problem(merge(people, "user:ann", "anon:b", messageId="m"), 409, "message-conflict")


def test_two_users_are_not_made_one_and_the_reason_is_told(people: People):
    people.order(1, userId="bob")

    body = assert_problem(merge(people, "user:ann", "user:bob"), 409, "refused")

    assert "user identities" in body["detail"]
    assert spend(people, "user:bob") == 1


def test_merging_takes_an_admin_and_somebody_who_exists(people: People):
    people.edge.add_key("writer", ["ingest", "read", "decide"])
    people.later(2000)

    assert_problem(people.post(f"/v1/customers/{ANN}/merge", {"with": A}, key="writer"), 403)
    assert_problem(people.post(f"/v1/customers/{ANN}/unmerge", {"other": A}, key="writer"), 403)
    assert_problem(merge(people, ANN, "user:nobody"), 404)
    assert_problem(merge(people, "user:nobody", ANN), 404)
    assert_problem(unmerge(people, ANN, "c_0000000000000"), 404)
    assert_problem(unmerge(people, ANN, "user:ann"), 422)


def test_an_unmerge_gives_each_what_is_theirs_and_says_what_went_where(people: People):
    joined = merge(people, ANN, A).json()
    theirs = people.order(32, anonymousId="a")
    people.order(64, userId="ann")
    both = people.order(128, userId="ann", anonymousId="a")

    reply = unmerge(people, ANN, A, messageId="u").json()

    assert (spend(people, ANN), spend(people, "anon:a")) == (1 + 8 + 64 + 128, 2 + 16 + 32)
    assert (reply["unmerged"], reply["customerId"]) == (A, ANN)
    assert reply["mergeSeq"] == joined["seq"]
    assert theirs["seq"] in reply["toLoser"]
    assert reply["both"] == [both["seq"]]
    assert unmerge(people, ANN, A, messageId="u").json() == {**reply, "status": "duplicate"}


def test_an_unmerge_of_strangers_is_refused(unchanged: People):
    assert_problem(unmerge(unchanged, ANN, A), 409, "refused")


def test_a_timeline_has_what_everybody_did_who_is_part_of_the_customer(people: People):
    merge(people, ANN, A)
    people.later(1)
    merge(people, ANN, B)

    items = people.seen(ANN)

    assert totals(items) == [16, 8, 4, 2, 1]
    assert items == people.seen("anon:a") == people.seen("user:ann", limit=1)
    assert {(i["customerId"], i["seq"]) for i in items if "event" in i} == {
        (ANN, 1), (ANN, 2), (A, 1), (A, 2), (B, 1)
    }  # fmt: skip
    times = [i["at"] for i in items]
    assert times == sorted(times, reverse=True)


def test_late_events_stand_at_their_own_time(people: People):
    merge(people, ANN, A)
    people.order(32, anonymousId="a", timestamp="2027-01-01T00:00:00Z")

    assert totals(people.seen(ANN, limit=2)) == [16, 8, 2, 1, 32]


def test_a_timeline_of_several_can_be_narrowed(people: People):
    merge(people, ANN, A)

    assert [i["kind"] for i in people.seen(ANN, kind="merge,unmerge,command")] == ["merge"] * 2
    assert totals(people.seen(ANN, kind="event", limit=3)) == [16, 8, 2, 1]


@pytest.mark.parametrize("limit", [1, 2])
def test_pages_go_on_where_they_were_when_a_merge_comes_between(people: People, limit: int):
    people.order(32, anonymousId="a")
    path, query = "/v1/customers/anon:a/timeline", {"limit": limit}
    first = people.get(path, params=query).json()

    merge(people, ANN, A)
    rest, cursor = [], first["nextCursor"]
    while cursor:
        page = people.get(path, params={**query, "cursor": cursor}).json()
        rest += page["items"]
        cursor = page.get("nextCursor")

    assert totals(first["items"]) + totals(rest) == [32, 16, 8, 2, 1]


@pytest.mark.parametrize("cursor", ["x", "s1", "s5.ZZZZZZZZZZZZZ", "t1", "s1.0000000000000"])
def test_a_cursor_that_no_page_gave_is_refused(unchanged: People, cursor: str):
    response = unchanged.get(f"/v1/customers/{ANN}/timeline", params={"cursor": cursor})

    assert_problem(response, 422, "invalid")


def test_a_merge_shows_of_the_other_side_no_more_than_the_id(people: People):
    people.say("identify", anonymousId="a", traits={"first_name": "Secretia"})
    merge(people, ANN, A)
    unmerge(people, ANN, A)

    shown = people.get(f"/v1/customers/{ANN}/timeline").text

    assert A in shown
    assert "Secretia" not in shown
    assert "anonymous" not in shown
    unmerged, merged, *_ = (i for i in people.seen(ANN) if i["kind"] != "event")
    assert merged["merge"] == {"survivor": ANN, "loser": A, "source": "manual", "sharedKind": None}
    assert merged["command"]["arguments"] == {"other": A}
    assert (unmerged["kind"], unmerged["result"]["unmerged"]) == ("unmerge", A)


def test_after_an_unmerge_each_timeline_has_what_went_to_its_side(people: People):
    merge(people, ANN, A)
    for total in (32, 64, 128):
        people.order(total, anonymousId="a")
        people.order(total * 1000, userId="ann")
    unmerge(people, ANN, A)
    people.order(256, anonymousId="a")

    for limit in (1, 2, 50):
        assert totals(people.seen(ANN, limit=limit)) == [128_000, 64_000, 32_000, 8, 1]
        assert totals(people.seen("anon:a", limit=limit)) == [256, 128, 64, 32, 16, 2]

    people.later(1)
    merge(people, ANN, A)
    whole = totals(people.seen(ANN, limit=2))
    assert whole == [256, 128_000, 128, 64_000, 64, 32_000, 32, 16, 8, 2, 1]


def test_what_came_while_both_were_anothers_is_told_by_whose_journal_it_is_in(people: People):
    low, high = sorted((A, B), key=lambda text: number_of(anon("a")) if text == A else number_of(anon("b")))  # fmt: skip
    name = {A: "a", B: "b"}
    merge(people, low, high)
    merge(people, ANN, low)
    hers = people.order(32, anonymousId=name[high])
    lows = people.order(64, anonymousId=name[low])
    unmerge(people, ANN, low)
    assert {32, 64} <= set(totals(people.seen(low, limit=2)))

    reply = unmerge(people, low, high).json()

    (told,) = reply["elsewhere"]
    assert told == {"customerId": ANN, "toLoser": [hers["seq"]], "toSurvivor": 1, "both": [], "skipped": []}  # fmt: skip
    for limit in (1, 50):
        assert (32 in totals(people.seen(high, limit=limit)), 32 in totals(people.seen(low, limit=limit))) == (True, False)  # fmt: skip
        assert (64 in totals(people.seen(high, limit=limit)), 64 in totals(people.seen(low, limit=limit))) == (False, True)  # fmt: skip
    assert lows["seq"] not in told["toLoser"]
    people.later(1)
    merge(people, low, high)
    assert {32, 64} <= set(totals(people.seen(low, limit=3)))


def test_a_customer_who_never_merged_is_read_turn_by_turn(people: People):
    calls = []
    timeline = people.store.timeline

    async def watched(*args):
        calls.append(args[1:])
        return await timeline(*args)

    people.store.timeline = watched
    people.seen(ANN, limit=1)

    assert calls == [
        (
            None,
            (JournalKind.MERGE, JournalKind.UNMERGE),
            1,
        ),  # who was never merged has no such turn
        (None, [], 2),
        (2, [], 2),
    ]
