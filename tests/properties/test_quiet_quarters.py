"""What is kept for a quarter of an hour against asking for every instant by itself."""

from dataclasses import replace
from random import Random

from actors.playbook.policy_model import Holidays, Policies, Quiet, Reach
from actors.policies.quiet import after_quiet, plan_send, stops_for
from actors.policies.verdicts import Planned
from tests.builders import DAY, NOW, SHOP, make_state

ZONES = (
    *("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"),
    *("Africa/Monrovia", "Pacific/Chatham", "UTC"),
)
QUARTER = 900_000


def policies_of(random):
    quiet = [
        Quiet(
            name=str(i),
            begins=random.choice([1320, 1230, 0, 720, 725]),
            ends=random.choice([420, 450, 780, 5, 0]),
            weekdays=frozenset(random.sample(range(7), random.randint(0, 3))),
            reach=Reach(),
            drop=random.random() < 0.2,
        )
        for i in range(random.randint(0, 3))
    ]
    holidays = Holidays(country="DE", subdivision="", reach=Reach(), drop=random.random() < 0.3)
    return Policies(
        quiet=tuple(quiet),
        holidays=(holidays,) if random.random() < 0.5 else (),
        zones=tuple(random.sample(ZONES, random.randint(1, 3))),
    )


def instant_of(random):
    """Any instant, those about the turn of a quarter hour and those of 1970 among them."""
    at_ms = random.choice([0, NOW, NOW]) + random.randrange(400 * DAY)
    if random.random() < 0.3:
        return at_ms // QUARTER * QUARTER + random.choice([0, -1, 1, QUARTER - 1])
    return at_ms


def test_a_message_is_planned_as_if_every_instant_were_asked_for_by_itself():
    random, held = Random(3), 0
    profile = make_state().profile
    for _ in range(25):
        book = replace(SHOP, policies=policies_of(random))
        for _ in range(60):
            now_ms = instant_of(random)
            stops = stops_for(profile, book, "email", "marketing")
            expected = after_quiet(stops, now_ms) if stops else Planned(now_ms)

            assert plan_send(profile, book, "email", "marketing", now_ms) == expected
            held += expected.at_ms != now_ms
    assert held > 200
