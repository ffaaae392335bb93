"""Questions asked again, and asked only to look, over a whole session."""

import json

from actors.wire.messages import Routed
from tests.builders import question


def test_a_dry_run_shows_what_stands_and_a_real_question_gives_it_the_same_key(world):
    first = world.reply(question(id="m1"))["actions"]
    before = world.counts()

    (dry,) = world.jobs(Routed(question(id="m2"), dry_run=True))

    assert json.loads(dry.answer.body)["actions"] == first
    assert world.counts() == before
    assert world.reply(question(id="m2"))["actions"] == first
