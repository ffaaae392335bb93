"""Replaying against a front door that lives in this process."""

import asyncio
import json
from collections import Counter, defaultdict
from decimal import Decimal

from scripts.demo.client import Client, RawReply
from scripts.demo.households import Call, Story
from scripts.demo.readback import Known, read_back
from scripts.demo.replay import HOUR_MS, Replay, percentile, steps
from scripts.demo.run import Outcome, server_time_ms


def make_call(household, hour, kind="basket", order=0, campaign=0, total=1.0):
    if kind == "redemption":
        body = {"messageId": f"r-{household}-{order}", "outcome": "convert"}
    else:
        name = "Order Completed" if kind == "basket" else "Campaign Assigned"
        body = {
            "messageId": f"{kind[0]}-{household}-{order}",
            "userId": f"hh-{household}",
            "event": name,
            "properties": {"total": total},
        }
    return Call(household, int(hour * HOUR_MS), kind, order, body, campaign)


def make_story(calls):
    calls = sorted(calls, key=lambda call: call.at_ms)
    cents = sum(round(c.body["properties"]["total"] * 100) for c in calls if c.kind == "basket")
    return Story(
        calls=calls,
        households=sorted({call.household for call in calls}),
        days=1,
        starts_ms=0,
        sales_minor=cents,
        counts=Counter(call.kind for call in calls),
    )


class FrontDoor:
    """A fake of the HTTP edge: deduplicates, remembers totals, refuses overlap in a household."""

    def __init__(self, *, clock="virtual"):
        self.replies = {}
        self.totals = defaultdict(Decimal)
        self.order = defaultdict(list)
        self.busy = set()
        self.clock = clock
        self.now = "2016-01-01T00:00:00.000Z"
        self.advanced = []
        self.failures = []
        self.dead = False

    async def attempt(self, method, path, body):
        if self.dead:
            raise ConnectionError("refused")
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        value = json.loads(body) if body else {}
        return await self.answer(path, value)

    async def answer(self, path, value):
        if path == "/v1/clock/advance":
            if self.clock != "virtual":
                return RawReply(404, None, b'{"detail":"the clock is real"}')
            self.advanced.append(value["to"])
            return self.ok({"now": value["to"]})
        if path == "/v1/clock":
            return self.ok({"virtual": self.clock == "virtual", "now": self.now})
        if path == "/v1/status":
            return self.ok({"outbox": {"sent": 3}})
        if path.startswith("/v1/customers/"):
            household = int(path.rsplit("-", 1)[1])
            amount = {"amount": float(self.totals[household]), "currency": "USD"}
            return self.ok({"tier": "gold", "segments": ["new"], "purchases": {"spend": amount}})
        return await self.take(path, value)

    async def take(self, path, value):
        message = value["messageId"]
        known = self.replies.get(message)
        if known is not None:
            return self.ok({**known, "status": "duplicate"})
        who = message.split("-")[1]
        assert who not in self.busy, "two events of one household overlapped"
        self.busy.add(who)
        await asyncio.sleep(0)
        self.busy.discard(who)
        self.order[who].append(message)
        reply = {"status": "accepted", "messageId": message}
        if path == "/v1/track":
            key = f"e-{message}"
            reply |= {"decisionId": f"d-{message}", "outbound": 0, "actions": []}
            if value["event"] == "Order Completed":
                self.totals[int(who)] += Decimal(str(value["properties"]["total"]))
                reply["actions"] = [{"effectKey": key, "action": "a/b/c"}]
                reply["outbound"] = 1
            else:
                reply["actions"] = [{"effectKey": key, "action": "mail/campaign/booklet"}]
        else:
            assert value["effectKey"].startswith("e-a-"), value
        self.replies[message] = reply
        return self.ok(reply)

    @staticmethod
    def ok(value):
        return RawReply(200, None, json.dumps(value).encode())


class Clock:
    """Monotonic time that only passes while somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def read(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


def make_client(door, **options):
    clock = Clock()
    return Client(door, sleep=clock.sleep, monotonic=clock.read, **options), clock


STORY = [
    make_call(1, 1, "assignment", 1, campaign=5),
    make_call(1, 2, order=2, total=10.10),
    make_call(1, 3, order=3, total=0.29),
    make_call(2, 2, order=4, total=5.0),
    make_call(1, 30, "redemption", 5, campaign=5),
]


def replay(door, calls=None, now_ms=0, **options):
    story = make_story(STORY if calls is None else calls)
    client, _ = make_client(door)
    return story, asyncio.run(Replay(client, story, connections=8, **options).run(now_ms))


def test_steps_skip_the_hours_in_which_nothing_happens():
    calls = [make_call(1, 1), make_call(1, 5.9), make_call(2, 30)]

    found = [(end // HOUR_MS, len(batch)) for end, batch in steps(calls, 6)]

    assert found == [(6, 2), (36, 1)]


def test_an_event_on_the_edge_of_a_step_belongs_to_the_next():
    found = [(end // HOUR_MS, len(batch)) for end, batch in steps([make_call(1, 6)], 6)]

    assert found == [(12, 1)]


def test_everything_is_accepted_once_and_counted():
    door = FrontDoor()

    story, tally = replay(door)

    assert (tally.accepted, tally.duplicates, tally.rejected) == (5, 0, 0)
    assert tally.answered == len(story.calls)
    assert tally.decisions == 4
    assert tally.inline_actions == 3
    assert tally.effects == 3
    assert tally.outcomes == 1
    assert tally.actions == Counter({"a/b/c": 3})


def test_time_is_moved_to_the_end_of_each_step_before_its_events():
    door = FrontDoor()

    replay(door)

    assert door.advanced == ["1970-01-01T06:00:00Z", "1970-01-02T12:00:00Z"]


def test_time_that_is_later_already_is_left_alone():
    door = FrontDoor()

    replay(door, now_ms=10 * HOUR_MS)

    assert door.advanced == ["1970-01-02T12:00:00Z"]


def test_a_system_on_the_real_clock_is_replayed_without_moving_it():
    door = FrontDoor(clock="real")

    _, tally = replay(door)

    assert tally.accepted == 5
    assert tally.clock_stood


def test_events_of_one_household_are_sent_in_order_and_never_overlap():
    door = FrontDoor()
    calls = [make_call(h, 1 + i / 100, order=i) for h in range(1, 9) for i in range(20)]

    replay(door, calls)

    assert all(
        sent == [f"b-{household}-{i}" for i in range(20)] for household, sent in door.order.items()
    )


def test_a_second_run_finds_only_duplicates_and_still_credits_the_redemptions():
    door = FrontDoor()
    replay(door)

    _, tally = replay(door)

    assert (tally.accepted, tally.duplicates, tally.rejected) == (0, 5, 0)
    assert tally.outcomes == 1


def test_a_refusal_is_counted_and_its_reason_kept():
    door = FrontDoor()
    door.failures = [FrontDoor.ok({}), RawReply(422, None, b'{"detail":"no such currency"}')]

    _, tally = replay(door)

    assert tally.rejected >= 1
    assert "no such currency" in tally.problems[0]


def test_a_redemption_whose_assignment_named_no_effect_is_a_refusal():
    door = FrontDoor()

    _, tally = replay(door, [make_call(1, 30, "redemption", 5, campaign=5)])

    assert tally.rejected == 1
    assert "no effect" in tally.problems[0]


def test_what_may_have_been_lost_is_sent_again_under_the_same_id():
    door = FrontDoor()
    busy = RawReply(429, 2.0, b"")
    door.failures = [ConnectionError("reset"), RawReply(503, None, b""), busy, TimeoutError()]

    _, tally = replay(door)

    assert (tally.accepted, tally.rejected) == (5, 0)


def test_retry_after_is_respected():
    door = FrontDoor()
    door.failures = [RawReply(429, 3.0, b"")]
    client, clock = make_client(door)

    asyncio.run(client.get("/v1/status"))

    assert clock.now == 3.0


def test_a_silent_system_is_given_up_after_the_deadline():
    door = FrontDoor()
    door.dead = True
    story = make_story(STORY)
    client, clock = make_client(door, deadline_s=60.0)

    tally = asyncio.run(Replay(client, story).run(0))

    assert 60.0 <= clock.now < 70.0
    assert "no answer" in tally.gone
    assert Outcome(story, tally, Known()).lost == 5


def test_a_system_that_has_ended_is_given_up_at_once():
    door = FrontDoor()
    door.dead = True
    client, clock = make_client(door, alive=lambda: False)

    tally = asyncio.run(Replay(client, make_story(STORY)).run(0))

    assert clock.now == 0.0
    assert tally.gone == "the system has ended"


def test_the_result_compares_what_the_profiles_say_with_the_data():
    door = FrontDoor()
    story, tally = replay(door)
    client, _ = make_client(door)

    known = asyncio.run(read_back(client, story.households, [], 4))
    outcome = Outcome(story, tally, known)

    assert outcome.wrong() == ""
    assert outcome.result()["sales"] == outcome.result()["expectedSales"] == 15.39
    assert outcome.result()["lost"] == 0
    assert known.tiers == Counter(gold=2)


def test_a_cent_that_is_missing_is_noticed():
    door = FrontDoor()
    story, tally = replay(door)
    door.totals[1] -= Decimal("0.01")
    client, _ = make_client(door)

    known = asyncio.run(read_back(client, story.households, [], 4))

    assert "15.38" in Outcome(story, tally, known).wrong()


def test_the_servers_time_is_read_when_its_clock_is_virtual():
    client, _ = make_client(FrontDoor())
    real, _ = make_client(FrontDoor(clock="real"))

    assert asyncio.run(server_time_ms(client)) == 1_451_606_400_000
    assert asyncio.run(server_time_ms(real)) is None


def test_percentiles_are_values_that_occurred():
    values = [float(i) for i in range(1, 101)]

    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.99) == 99.0
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) == 0.0
