"""May a message go now? Asked before every attempt, also when it was decided long ago."""

from collections.abc import Sequence
from typing import Protocol

from actors.domain.folding.outreach import is_dead
from actors.domain.groups import GroupState
from actors.domain.profile import Contact, Profile
from actors.domain.state import CustomerState
from actors.playbook.model import Cap, Playbook
from actors.policies.consent import consent_refusal, consents_at
from actors.policies.contact_pressure import Tally, caps_over, group_of, tallies
from actors.policies.quiet import Stop, after_quiet, stops_for
from actors.policies.suppression import silenced_by, silences_since
from actors.policies.verdicts import ALLOWED, LATE_MS, Go, Planned, Verdict
from actors.policies.whereabouts import period, zones_of

_ROUNDS = 64
LATE = "late: its place under the caps is to be planned anew"


class Going(Protocol):
    """What is known of a message on its way; `Effect` and `OpenEffect` are such."""

    @property
    def seq(self) -> int: ...  # noqa: D102
    @property
    def n(self) -> int: ...  # noqa: D102
    @property
    def action(self) -> str: ...  # noqa: D102
    @property
    def channel(self) -> str: ...  # noqa: D102
    @property
    def purpose(self) -> str: ...  # noqa: D102
    @property
    def at_ms(self) -> int: ...  # noqa: D102
    @property
    def expires_at_ms(self) -> int: ...  # noqa: D102


def may_go(
    state: CustomerState,
    effect: Going,
    playbook: Playbook,
    now_ms: int,
    *,
    origin: int = 0,
    groups: Sequence[GroupState] | None = None,
) -> Go:
    """Return whether a message may be sent at `now_ms`: dropped for good, held until then, or allowed.

    `origin` is the number of the customer in whose turns the message was made, 0 for `state`'s own.
    `groups` are the records of the groups that the customer belongs to. Without them, None, a message
    that is not on time is held as `LATE`: someone who has them is to ask again. With them a late one is
    weighed against everything that is reserved, and a hold says when all policies allow it.
    """
    profile = state.profile
    why = _dropped(profile, effect, playbook, now_ms)
    if why:
        return Go(Verdict.DROP, 0, why)
    stops = stops_for(profile, playbook, effect.channel, effect.purpose)
    over = caps_over(playbook, effect.channel, effect.action, effect.purpose)
    if not stops and not over:
        return ALLOWED
    caps = [playbook.caps[i] for i in over]
    own, others = _apart(profile.contacts, (origin, effect.seq, effect.n))
    shared: list[tuple[str, Sequence[Contact]]] = []
    zones = zones_of(profile, playbook)
    if own is not None and _on_time(own, caps, now_ms, zones):
        # What is planned for later yields, should a merge have made it too much; the rest may have gone.
        # Groups hold the reservation, which was made against all of theirs.
        others = [c for c in others if c.at_ms <= now_ms]
    elif groups is None and caps:
        return Go(Verdict.HOLD, now_ms, LATE)
    else:
        place = (origin or state.number, effect.seq, effect.n)
        shared = [(group.kind, _apart(group.contacts, place)[1]) for group in groups or ()]
    return _when(
        tallies(others, playbook, over, shared), stops, now_ms, zones, effect.expires_at_ms
    )


def _when(
    counts: Sequence[Tally],
    stops: Sequence[Stop],
    now_ms: int,
    zones: Sequence[str],
    expires_at_ms: int,
) -> Go:
    """Return the verdict of the clock and the caps, which have to agree on an instant."""
    planned = first_fit(counts, stops, now_ms, zones)
    if not planned.at_ms:
        return Go(Verdict.DROP, 0, planned.why)
    if planned.at_ms == now_ms:
        return ALLOWED
    if planned.at_ms >= expires_at_ms:
        return Go(Verdict.DROP, 0, f"{planned.why}: until after it expires")
    return Go(Verdict.HOLD, planned.at_ms, planned.why)


def first_fit(
    counts: Sequence[Tally], stops: Sequence[Stop], now_ms: int, zones: Sequence[str]
) -> Planned:
    """Return the first instant from `now_ms` on that is not quiet and at which all caps have room."""
    at_ms, why = now_ms, ""
    for _ in range(_ROUNDS):
        clear = after_quiet(stops, at_ms)
        if not clear.at_ms:
            return clear
        why = clear.why or why
        retry_at_ms, name = max(
            [(tally.room(clear.at_ms, zones)[1], tally.cap.name) for tally in counts],
            default=(0, ""),
        )
        if retry_at_ms <= clear.at_ms:
            return Planned(clear.at_ms, why)
        at_ms, why = retry_at_ms, f"cap {name}"
    return Planned(0, why)


def _dropped(profile: Profile, effect: Going, playbook: Playbook, now_ms: int) -> str:
    """Return why a message is never to go; empty when that cannot be said."""
    if effect.expires_at_ms <= now_ms:
        return "expired before it was sent"
    consents = consents_at(profile.consents, now_ms)
    why = consent_refusal(
        consents, effect.channel, effect.purpose, playbook.purposes_without_consent
    )
    if why is not None:
        return f"consent {why}"
    if is_dead(profile, effect.channel):
        return "address bounced"
    return _silenced(profile, effect, playbook, now_ms)


def _silenced(profile: Profile, effect: Going, playbook: Playbook, now_ms: int) -> str:
    """Return what began to silence a message after it was decided on."""
    history = profile.responses.get(effect.action)
    if history is not None and playbook.suppress_after_refusal_ms:
        until_ms = history.last_refused_at_ms + playbook.suppress_after_refusal_ms
        if history.last_refused_at_ms > effect.at_ms and until_ms > now_ms:
            return "refused recently"
    if not playbook.policies.suppress:
        return ""
    later = [s for at_ms, s in silences_since(profile, playbook, now_ms) if at_ms > effect.at_ms]
    found = silenced_by(
        later, effect.action, group_of(effect.action), effect.channel, effect.purpose
    )
    return "" if found is None else found.rule


def _on_time(own: Contact, caps: Sequence[Cap], now_ms: int, zones: Sequence[str]) -> bool:
    """Return whether a message is attempted where it was reserved, in calendar windows too."""
    if not own.at_ms <= now_ms <= own.at_ms + LATE_MS:
        return False
    units = {cap.unit for cap in caps if cap.unit}
    return all(
        period(unit, own.at_ms, zone) == period(unit, now_ms, zone)
        for unit in units
        for zone in zones
    )


def _apart(
    contacts: Sequence[Contact], key: tuple[int, int, int]
) -> tuple[Contact | None, list[Contact]]:
    """Return the last contact of a message, by (origin, seq, n), or None; and those that are not its own."""
    origin, seq, n = key
    own, others = None, []
    for each in contacts:
        if each.seq == seq and each.n == n and each.origin == origin:
            own = each
        else:
            others.append(each)
    return own, others
