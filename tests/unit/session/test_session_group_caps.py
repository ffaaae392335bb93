"""Caps that members of a household share, also in batches, races and failures."""

import asyncio
import json
from functools import partial

from actors import turn as core
from actors.decisioning.record import replay
from actors.domain.ids import customer_text
from actors.playbook.loader import compile_bundle
from actors.policies.verdicts import LATE_MS
from actors.ports import Change, GroupWrite, JournalRow, Lookup
from actors.wire.messages import Routed
from tests.builders import DAY, NOW, make_event
from tests.group_books import (
    ANN,
    BOB,
    CAPS,
    CARL,
    HOME,
    HOMES,
    NOTE,
    PROMO,
    OtherCell,
    a_home,
    group_book,
    group_bundle,
    leaves,
    members,
    sound_groups,
    stored_group,
    wants,
)


def sent(world):
    return [(row.number, row.channel) for row in world.outbox()]


def test_a_customer_without_groups_reads_none(home):
    asked = []
    real = home.store.lookup

    async def lookup(want):
        asked.append(want)
        return await real(want)

    home.store.lookup = lookup
    home.reply(wants("ann"))

    assert len(asked) == 1
    assert not asked[0].groups


def test_members_share_what_a_cap_allows_their_household(home):
    a_home(home, "ann", "bob")

    home.reply(wants("ann", id="1"))
    home.reply(wants("bob", id="2"))
    home.clock.advance(7 * DAY + LATE_MS - 1)
    home.reply(wants("bob", id="3", at=home.clock.business_ms()))
    home.clock.advance(1)
    home.reply(wants("bob", id="4", at=home.clock.business_ms()))

    assert sent(home) == [(ANN, "email"), (BOB, "email")]
    refused = home.turns(BOB)[1][2].decision
    assert refused.outcome[2] == [
        [HOMES.action_index[PROMO], "email", 4, "home_weekly", NOW + 7 * DAY + LATE_MS]
    ]
    assert refused.given.caps == ((1, NOW + 7 * DAY + LATE_MS),)


def test_every_decision_under_a_groups_cap_replays_from_its_record_alone(home):
    a_home(home, "ann", "bob", "carl")
    for i, who in enumerate(("ann", "bob", "carl")):
        home.reply(wants(who, id=f"w{i}"))

    for number in (ANN, BOB, CARL):
        assert replay(home.turns(number)[-1][2].decision, HOMES).identical


def test_a_customer_without_such_a_group_counts_alone(home):
    home.reply(wants("ann", id="1"))
    home.reply(wants("ann", id="2"))
    home.reply(wants("bob", id="3"))

    assert sent(home) == [(ANN, "email"), (BOB, "email")]


def test_of_members_in_one_batch_one_gets_what_the_cap_allows(home):
    a_home(home, "ann", "bob", "carl")

    codes = home.codes(*(wants(who, id=who) for who in ("ann", "bob", "carl")))

    assert codes == ["ACCEPTED"] * 3
    assert sent(home) == [(ANN, "email")]
    counted = [home.turns(n)[-1][2].decision.given.caps[0][0] for n in (ANN, BOB, CARL)]
    assert counted == [0, 1, 1]
    assert all(replay(home.turns(n)[-1][2].decision, HOMES).identical for n in (ANN, BOB, CARL))


def test_of_members_in_one_batch_whose_letters_wait_for_the_morning_one_gets_one(world):
    """The second was judged with the first one's place in the morning, not with that of before it."""
    policies = {"caps": CAPS, "quiet": [{"from": "07:30", "to": "10:00"}]}
    world.playbook = compile_bundle(group_bundle() | {"policies.yaml": json.dumps(policies)})
    a_home(world, "ann", "bob", "carl")

    world.codes(*(wants(who, id=who) for who in ("ann", "bob", "carl")))

    records = [world.turns(n)[-1][2] for n in (ANN, BOB, CARL)]
    assert [len(record.effects) for record in records] == [1, 0, 0]
    given = [record.decision.given for record in records]
    (morning,) = given[0].caps_later
    assert morning > NOW
    assert [each.caps_later[morning][0][0] for each in given] == [0, 1, 1]
    refused = records[1].decision
    assert [row[3] for row in refused.outcome[2]] == ["home_weekly"]
    assert replay(refused, world.playbook).identical


def test_a_cap_with_room_for_two_gives_two_in_one_batch(world):
    caps = {"two": {**CAPS["home_weekly"], "limit": 2}}
    world.playbook = group_book(caps=caps)
    a_home(world, "ann", "bob", "carl")

    world.codes(*(wants(who, id=who) for who in ("ann", "bob", "carl")))

    assert sent(world) == [(ANN, "email"), (BOB, "email")]
    sound_groups(world.truth, HOME)


def test_who_joins_brings_along_what_was_said_to_her_lately(home):
    home.reply(wants("ann", id="1"))
    a_home(home, "bob", "ann")

    home.reply(wants("bob", id="2"))

    assert sent(home) == [(ANN, "email")]


def test_who_leaves_takes_along_only_what_was_said_to_herself(home):
    a_home(home, "ann", "bob", "carl")
    home.reply(wants("ann", id="1"))

    home.reply(leaves(HOME, "ann", id="2", at=NOW + 1))
    home.reply(leaves(HOME, "bob", id="3", at=NOW + 1))
    home.codes(wants("ann", id="4"), wants("bob", id="5"), wants("carl", id="6"))

    assert sent(home) == [(ANN, "email"), (BOB, "email")]


def test_a_dry_run_reserves_nothing(home):
    a_home(home, "ann", "bob")

    home.jobs(Routed(wants("ann", id="1"), dry_run=True))
    home.jobs(Routed(leaves(HOME, "ann", id="2", at=NOW + 1), dry_run=True))

    assert stored_group(home.truth).contacts == []
    assert sorted(members(home.truth)) == sorted([ANN, BOB])


def test_a_dry_run_counts_what_was_said_to_the_household_and_leaves_it_alone(home):
    a_home(home, "ann", "bob")
    home.reply(wants("ann", id="1"))
    before = stored_group(home.truth)

    (job,) = home.jobs(Routed(wants("bob", id="2"), dry_run=True))

    assert job.answer.code.name == "ACCEPTED"
    assert len(before.contacts) == 1
    assert stored_group(home.truth) == before


def test_a_dry_run_leaves_no_trace_in_what_others_of_its_batch_write(home):
    a_home(home, "ann", "bob", "carl")

    home.jobs(
        Routed(wants("ann", id="1"), dry_run=True),
        Routed(leaves(HOME, "carl", id="2", at=NOW + 1), dry_run=True),
        wants("bob", id="3"),
    )

    assert sent(home) == [(BOB, "email")]
    assert len(stored_group(home.truth).contacts) == 1
    assert stored_group(home.truth).members == 3


def test_a_failed_turn_of_one_member_is_not_kept_by_the_turn_of_another(home, monkeypatch):
    a_home(home, "ann", "bob")
    real = core.decide

    def decide(turn, scores, playbook):
        real(turn, scores, playbook)
        if turn.state.number == ANN and turn.outbox:
            raise RuntimeError("broken")

    monkeypatch.setattr(core, "decide", decide)

    codes = home.codes(wants("ann", id="1"), wants("bob", id="2"))

    assert codes == ["FAILED", "ACCEPTED"]
    assert sent(home) == [(BOB, "email")]
    assert len(stored_group(home.truth).contacts) == 1


def test_who_loses_the_race_for_the_last_slot_is_run_again(home):
    a_home(home, "ann", "bob")
    other = OtherCell(home)

    home.store.before("commit", partial(other.run, wants("bob", id="2")))
    reply = home.reply(wants("ann", id="1"))

    assert reply["outbound"] == 0
    assert sent(home) == [(BOB, "email")]
    assert home.turns(ANN)[-1][2].decision.given.caps[0][0] == 1


def test_an_ordinary_turn_does_not_mind_what_others_do_to_the_group(home):
    a_home(home, "ann", "bob")
    other = OtherCell(home)
    commits = home.store.calls.count("commit")

    home.store.before("commit", partial(other.run, wants("bob", id="2")))
    home.reply(make_event("Page Seen", "ann", id="1"))

    assert home.store.calls.count("commit") - commits == 1


def test_a_damaged_record_fails_those_who_need_it_and_nobody_else(home):
    a_home(home, "ann", "bob")
    row = asyncio.run(home.truth.lookup(Lookup(groups=(HOME,)))).groups[HOME]
    carl = home.reply(make_event("Page Seen", "carl", id="c"))
    state = home.row(CARL)
    change = Change(
        CARL,
        state.partition,
        home.epochs[state.partition],
        1,
        2,
        state.state,
        journal=[JournalRow(2, NOW, 1, b"x")],
        groups=[GroupWrite(HOME, row.seq, b"not a record")],
    )
    asyncio.run(home.truth.commit([change], NOW))
    assert carl["customerId"] == customer_text(CARL)

    codes = home.codes(wants("ann", id="1"), wants("b", id="2"))

    assert codes == ["FAILED", "ACCEPTED"]
    fixed = asyncio.run(home.truth.lookup(Lookup(groups=(HOME,)))).groups[HOME].seq
    change.seq_before, change.seq_after = 2, 3
    change.journal = [JournalRow(3, NOW, 1, b"x")]
    change.groups = [GroupWrite(HOME, fixed, row.state)]
    asyncio.run(home.truth.commit([change], NOW))
    assert home.codes(wants("ann", id="3")) == ["ACCEPTED"]


def test_notes_and_offers_to_others_do_not_count(home):
    a_home(home, "ann")
    home.reply(wants("ann", id="1", name="Note Wanted"))

    assert stored_group(home.truth).contacts == []
    assert NOTE in [effect.action for effect in home.turns(ANN)[-1][2].effects]
