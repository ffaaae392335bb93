"""Nothing that rules can read moves with time unseen by the timer of segments."""

from actors.decisioning.context import Occasion, builder_of
from actors.decisioning.crossings import moving_fields
from actors.domain.fold import fold
from actors.domain.folding.outreach import note_sent
from actors.domain.profile import Contact, ResponseHistory
from actors.playbook.fields import AFTER_SEGMENTS, CATALOGUE, INSTANCE, OF_GROUPS
from tests.builders import DAY, HOUR, NOW, REMINDER, consent, make_playbook, make_state, order
from tests.unit.core.test_profile_fields import EVENTS

NOT_IN_SEGMENTS = AFTER_SEGMENTS | OF_GROUPS | {INSTANCE}
FIELDS = [
    path
    for path in CATALOGUE
    if path not in NOT_IN_SEGMENTS and not path.startswith(("event.", "attributes"))
]
BOOK = make_playbook(
    segments={
        f"s{i}": {"when": f"size({path}) >= 0" if CATALOGUE[path].is_map else f"{path} == {path}"}
        for i, path in enumerate(FIELDS)
    }
)


def a_rich_state():
    state = make_state()
    orders = [order(30.0, at=NOW + i * HOUR, id=f"o{i}", channel="web") for i in range(5)]
    for event in (*EVENTS, *orders, consent()):
        fold(state, event, event.at_ms, NOW + 5 * DAY, 2)
    profile = state.profile
    note_sent(profile, "email", NOW)
    profile.contacts.append(Contact(NOW, "email", REMINDER, "marketing"))
    profile.responses[REMINDER] = ResponseHistory(refused=1, last_refused_at_ms=NOW)
    profile.service.last_rating = 3
    profile.voice.referrals = 0
    return state


def test_every_field_that_moves_with_time_is_followed():
    builder, state = builder_of(BOOK), a_rich_state()
    paths = {path.replace(".", "_"): path for path in FIELDS}
    nothing = Occasion("", "", "", {}, {}, late=False)
    first = builder.build(state, nothing, NOW + 5 * DAY)
    moved = set()

    for later_ms in (7 * HOUR, 3 * DAY, 40 * DAY, 400 * DAY):
        values = builder.build(state, nothing, NOW + 5 * DAY + later_ms)
        pairs = zip(builder.names, first, values, strict=True)
        moved |= {paths[name] for name, before, after in pairs if before != after}

    assert moved <= moving_fields().keys()
    assert {"profile.recency_days", "profile.contacts_7d", "profile.loyalty_stage"} <= moved
