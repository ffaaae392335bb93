"""What merges break elsewhere, each with what another product does. Sources: features.md, sections 1a, 2, 4."""

import asyncio

import pytest

from actors.domain.ids import Identity, customer_text
from actors.stores.memory import MemoryStore
from actors.wire.markers import Redirect, read_marker
from tests.builders import (
    DAY,
    HOUR,
    IDS,
    MINUTE,
    NOW,
    REMINDER,
    THANKS,
    added,
    anon,
    consent,
    make_event,
    number_of,
    order,
    user,
)
from tests.doubles.two_cells import TwoCells, read
from tests.unit.session.test_session_merging import command, login, spend

ANN, BOB, A, B = (number_of(i) for i in (user("ann"), user("bob"), anon("a"), anon("b")))


def cents(number):
    return number * 100


def remind(world, cart, *who, id):  # noqa: A002
    """Leave a cart and let its wait end."""
    world.reply(added(cart, *who, id=id, at=world.clock.now_ms))
    world.clock.advance(31 * MINUTE)
    world.reply(make_event("Page Seen", *who, id=f"{id}-later", at=world.clock.now_ms))


def reminders(world):
    """How many reminders are to be sent, whoever they were made for."""
    return sum(
        chosen == REMINDER
        for number in {item.number for item in world.outbox()}
        for _, _, record in world.turns(number)
        for chosen in (effect.action for effect in record.effects)
    )


@pytest.mark.parametrize("known_says_no", [False, True])
def test_an_opt_out_survives_whoever_of_the_two_said_it(world, known_says_no):
    """Mautic #5495: nothing moves DoNotContact, and an unsubscribed person was mailed after a merge."""
    world.reply(consent("ann", granted=not known_says_no, id="m1", at=NOW - DAY))
    world.reply(consent(anon("a"), granted=known_says_no, id="m2"))

    world.reply(login("ann", anon("a"), id="m3"))
    remind(world, "c1", "ann", id="m4")

    assert world.customer("ann").profile.consents["email|marketing"].status == "denied"
    assert reminders(world) == 0


def test_what_somebody_was_sent_before_counts_against_the_cap_afterwards(world):
    """Mautic: its merge moves no FrequencyRule, and the loser is deleted."""
    world.reply(consent("ann", id="m0"))
    world.reply(consent(anon("a"), id="m1"))
    remind(world, "c1", anon("a"), id="m2")
    assert reminders(world) == 1

    world.reply(login("ann", anon("a"), id="m3"))
    remind(world, "c2", "ann", id="m4")

    assert reminders(world) == 1  # once a week


def test_a_hundred_and_twenty_visitors_become_one_customer(world):
    """Segment: 100 merges, then it silently stops. Unomi: 50 a merge. AJO: beyond 50 it looks away."""
    partitions = {IDS.partition_of(anon(f"v{i}")) for i in range(120)} - world.epochs.keys()
    claims = [(partition, "", 0) for partition in sorted(partitions)]
    world.epochs.update(asyncio.run(world.truth.claim(claims, "cell-0/one")))
    world.codes(*(order(1, anon(f"v{i}"), id=f"order-{i}") for i in range(120)))
    for i in range(120):
        world.reply(login("ann", anon(f"v{i}"), id=f"login-{i}"))

    world.reply(order(1, anon("v0"), id="first"))
    world.reply(order(1, anon("v119"), id="last"))

    assert world.customer("ann").profile.purchases.orders == 122
    assert {world.customer(anon(f"v{i}")).number for i in (0, 50, 51, 99, 100, 119)} == {ANN}
    assert [t.event.type for _, _, t in world.turns(ANN) if t.event].count("identify") == 120


def test_history_has_moved_when_the_login_is_answered(world):
    """Unomi: past events are assigned anew about a second later; Tracardi #784: not at all."""
    world.reply(order(2, anon("a"), id="m1"))

    codes = world.codes(login("ann", anon("a"), id="m2"), order(4, "ann", id="m3"))

    assert codes == ["ACCEPTED", "ACCEPTED"]
    assert spend(world, "ann") == cents(6)


def test_nothing_that_hung_on_the_visitor_is_deleted(world):
    """Mautic #7559, #16240: the loser's devices and companies are gone after the merge."""
    world.reply(login(anon("a"), traits={"city": "Oslo", "email": "a@example.org"}, id="m1"))
    world.reply(make_event("Case Opened", anon("a"), properties={"case_id": "k1"}, id="m2"))
    world.reply(login("ann", traits={"company": "Acme"}, id="m3"))

    world.reply(login("ann", anon("a"), id="m4"))

    ann = world.customer("ann")
    assert ann.profile.traits == {"city": "Oslo", "email": "a@example.org", "company": "Acme"}
    assert [case.case_id for case in ann.profile.service.open_cases()] == ["k1"]
    assert Identity("email", "a@example.org") in ann.identities
    assert world.customer(Identity("email", "a@example.org")).number == ANN


def test_an_alias_works_when_its_target_exists(world):
    """Parcelvoy, Lunogram: `aliasUser` returns silently then. Dittofeed: 400, not yet implemented."""
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, anon("a"), id="m2"))

    reply = world.reply(login("ann", anon("a"), type="alias", id="m3"))

    assert reply["customerId"] == customer_text(ANN)
    assert spend(world, anon("a")) == cents(3)


def test_the_visitor_never_wins_over_the_known_customer(world):
    """Mautic #16425: the anonymous contact wins."""
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(order(1, "ann", id="m2"))

    world.reply(login(anon("a"), "ann", id="m3"))

    assert world.customer("ann").number == world.customer(anon("a")).number == ANN
    assert read_marker(world.row(A).state) == Redirect(ANN)


def test_a_merge_is_taken_back_with_all_that_came_since(world):
    """Segment 51794122691867: there is no undo. Unomi: neither."""
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, anon("a"), id="m2"))
    world.reply(login("ann", anon("a"), id="m3"))
    world.reply(order(4, "ann", id="m4"))
    world.reply(order(8, anon("a"), id="m5"))

    world.jobs(command("unmerge", ANN, other=A))

    assert (spend(world, "ann"), spend(world, anon("a"))) == (cents(5), cents(10))


def test_after_a_split_events_go_to_the_side_they_name(world):
    """PostHog #104939: the split does nothing."""
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, anon("a"), id="m2"))
    world.reply(login("ann", anon("a"), id="m3"))
    world.jobs(command("unmerge", ANN, other=A))
    world.restart()

    first = world.reply(order(4, "ann", id="m4"))
    second = world.reply(order(8, anon("a"), id="m5"))

    assert (first["customerId"], second["customerId"]) == (customer_text(ANN), customer_text(A))
    assert (spend(world, "ann"), spend(world, anon("a"))) == (cents(5), cents(10))


def test_somebody_new_keeps_their_name_when_their_first_login_is_taken_back(world):
    """Segment, Unomi: no undo at all; here the first name must not go with the visitor."""
    world.reply(order(2, anon("a"), id="m1"))
    world.reply(login("ann", anon("a"), id="m2"))

    world.jobs(command("unmerge", ANN, other=A))

    assert world.customer("ann").number == ANN
    assert world.customer("ann").identities == [user("ann")]
    assert world.customer(anon("a")).identities == [anon("a")]


@pytest.mark.parametrize("undone", [False, True])
def test_what_is_pending_is_done_once_after_a_merge_and_after_a_split(world, undone):
    """Mautic #9797, #3669: what was scheduled is deleted, or sent twice."""
    world.reply(consent("ann", id="m0"))
    world.reply(consent(anon("a"), id="m1"))
    world.reply(added("c1", anon("a"), id="m2"))
    world.reply(login("ann", anon("a"), id="m3"))
    if undone:
        world.jobs(command("unmerge", ANN, other=A))
    sides = [world.customer(who) for who in (("ann", anon("a")) if undone else ("ann",))]
    assert world.timers().keys() == {(side.number, t.key) for side in sides for t in side.timers}
    assert len(world.timers()) == 1

    world.clock.advance(HOUR)
    for who, id_ in (("ann", "m4"), (anon("a"), "m5")):
        world.reply(make_event("Page Seen", who, id=id_, at=world.clock.now_ms))

    assert reminders(world) == 1


def test_a_message_is_not_queued_again_by_a_merge_or_a_split(world):
    """PostHog, post-mortem of 2026-04-27: double sends, and a cure that lost others."""
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(login("ann", anon("a"), id="m2"))
    world.jobs(command("unmerge", ANN, other=A, id="c1"))
    world.jobs(command("merge", ANN, other=A, id="c2"))

    made = [e.action for n in (ANN, A) for _, _, r in world.turns(n) for e in r.effects]
    keys = [(item.number, item.seq, item.n) for item in world.outbox()]
    assert made.count(THANKS) == 1
    assert len(keys) == len(set(keys)) <= 1


@pytest.mark.parametrize("kind", ["identify", "alias"])
def test_a_tablet_in_the_hall_makes_nobody_one(world, kind):
    """Mautic #7532: the data of several people is mixed."""
    context = {"device": {"id": "hall"}}
    for i, who in enumerate(("ann", "bob", anon("a"))):
        world.reply(order(1, who, id=f"order-{i}"))
        world.reply(login(who, type=kind, context=context, id=f"login-{i}"))

    assert [world.customer(who).number for who in ("ann", "bob", anon("a"))] == [ANN, BOB, A]


@pytest.mark.parametrize("value", ["null", "00000000-0000-0000-0000-000000000000", "anonymous"])
def test_a_value_that_broken_clients_send_joins_no_strangers(world, value):
    """Segment needs a list of blocked values for it: strangers merge over what clients send."""
    partition = IDS.partition_of(anon(value))
    claims = [(partition, "", 0)] if partition not in world.epochs else []
    world.epochs.update(asyncio.run(world.truth.claim(claims, "cell-0/one")))
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, "bob", id="m2"))

    world.reply(login("ann", anon(value), id="m3"))
    world.reply(login("bob", anon(value), id="m4"))
    world.reply(login(anon(value), "ann", id="m5"))

    assert (spend(world, "ann"), spend(world, "bob")) == (cents(1), cents(2))
    assert world.customer("ann").identities == [user("ann")]


def test_who_logs_in_on_the_browser_of_another_is_not_mixed_with_them(world):
    """Mautic #6947: the data of several people is mixed."""
    world.reply(login("ann", anon("a"), id="m1"))
    world.reply(order(1, anon("a"), id="m2"))

    world.reply(login("bob", anon("a"), id="m3"))
    world.reply(order(2, "bob", id="m4"))

    assert (spend(world, "ann"), spend(world, "bob")) == (cents(1), cents(2))
    notes = [note for _, _, turn in world.turns(BOB) for note in turn.notes]
    assert any(note.startswith("not_merged") for note in notes)


def test_a_refused_merge_is_answered_with_a_reason(world):
    """Segment 51242345584027: it did not merge, and nobody could say why."""
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, "bob", id="m2"))

    (job,) = world.jobs(command("merge", ANN, other=BOB))

    assert job.answer.code.name == "REFUSED"
    assert "at most 1" in job.answer.detail


def test_two_profiles_of_one_person_do_not_come_back_with_an_old_message(world):
    """Tracardi #638: the profile is there twice, once a monthly index."""
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(login("ann", anon("a"), id="m2"))
    world.restart()

    late = world.reply(order(2, anon("a"), id="m3", at=NOW - 40 * DAY))

    assert late["customerId"] == customer_text(ANN)
    assert world.counts()["customers"] == 2  # Ann, and where the visitor went


def two_cells(*apart):
    """Two cells; the identities given belong to the second, those of Bob and the visitor to the first."""
    cells = TwoCells(MemoryStore(), [user("ann"), user("bob"), anon("a")])
    for identity in (user("ann"), user("bob"), anon("a")):
        partition = IDS.partition_of(identity)
        owner = cells.run(cells.owner_of(partition))
        if owner is not cells.cells[identity in apart]:
            cells.move(partition, told=True)
    return cells


def test_a_login_is_not_turned_away_for_ever_by_what_a_cell_remembers():
    """Unomi's documentation has its users test simultaneous merges themselves."""
    cells = two_cells(user("ann"))
    cells.send(order(1, anon("a"), id="m1"))
    cells.send(login("ann", anon("a"), id="m2"))

    answer, _, _ = cells.send(login("bob", anon("a"), id="m3"))

    assert read(answer)["customerId"] == customer_text(BOB)
    assert cells.owners([anon("a")]) == {anon("a"): ANN}
    cells.close()


def test_crossing_logins_in_two_cells_make_one_customer():
    """Unomi UNOMI-371: profiles written at the same time end up inconsistent."""
    cells = two_cells(user("ann"))
    cells.send(order(1, anon("a"), id="m1"))
    cells.send(order(2, "ann", id="m2"))

    crossing = (order(4, anon("a"), id="m4"), 0)
    cells.send(login("ann", anon("a"), id="m3"), race=crossing)
    cells.send(*crossing)

    assert cells.owners([anon("a"), user("ann")]) == {anon("a"): ANN, user("ann"): ANN}
    orders = [t for _, t in (*cells.turns(ANN), *cells.turns(A)) if t.event and t.event.name]
    assert len(orders) == 3
    cells.close()


def test_what_came_while_both_were_a_third_ones_is_divided_too(world):
    """Nobody documents this case: two were merged, became a third one's, and came back with orders."""
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(order(2, anon("b"), id="m2"))
    low, high = sorted((A, B))
    name = {A: anon("a"), B: anon("b")}
    world.jobs(command("merge", low, other=high, id="c1"))
    world.reply(login("ann", name[low], id="m3"))
    late = world.reply(order(4, name[high], id="m4"))
    world.jobs(command("unmerge", ANN, other=low, id="c2"))
    assert spend(world, name[low]) == cents(7)

    reply = world.reply(command("unmerge", low, other=high, id="c3"))

    assert spend(world, name[high]) == cents(4 + (2 if high == B else 1))
    assert spend(world, name[low]) == cents(1 if low == A else 2)
    (elsewhere,) = reply["elsewhere"]
    assert (elsewhere["customerId"], elsewhere["toLoser"]) == (customer_text(ANN), [late["seq"]])
