"""Picking from a customer's state what one purpose may see on one channel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.briefing import model as m
from actors.briefing import purposes as p
from actors.briefing.model import Briefing
from actors.briefing.positions import label_of, position_of
from actors.decisioning.membership import standing_of
from actors.domain.actions import OUTCOMES, OpenEffect
from actors.domain.conversation import CART, CASE, CUSTOMER, Answer, Utterance, open_threads
from actors.domain.dialogue import MATTER_EVENTS
from actors.domain.groups import GroupState
from actors.domain.ids import effect_text
from actors.domain.state import CustomerState
from actors.playbook.model import Action, Playbook
from actors.policies.consent import consent_refusal, consents_at
from actors.policies.contact_pressure import full_caps, room_for
from actors.scenarios.progress import TRIGGER

_PENDING = frozenset({"", "delivered", "impression"})
_FIRST_NAMES = ("first_name", "firstName", "given_name", "name")


def brief(
    state: CustomerState,
    playbook: Playbook,
    purpose: str,
    channel: str,
    now_ms: int,
    groups: Sequence[GroupState] = (),
) -> Briefing:
    """Return what a reader on `channel` may know of a customer for `purpose`, as of `now_ms`.

    `groups` are the records of those that the customer belongs to, for the caps that members share.

    Without permission for the purpose on that channel it holds nothing but the reason. Changes
    neither the state nor anything else.
    """
    consents = consents_at(state.profile.consents, now_ms)
    exempt = playbook.purposes_without_consent
    refusal = consent_refusal(consents, channel, purpose, exempt)
    briefing = Briefing(
        number=state.number,
        seq=state.seq,
        purpose=purpose,
        channel=channel,
        at_ms=now_ms,
        currency=playbook.currency,
        minor_digits=playbook.minor_digits,
        refusal=refusal or "",
    )
    if refusal is not None:
        briefing.avoid = [m.Avoid(m.NO_CONSENT, purpose)]
        return briefing
    asked = sorted({action.purpose for action in playbook.actions})
    permitted = frozenset(
        [each for each in asked if consent_refusal(consents, channel, each, exempt) is None]
    )
    parts = p.parts_for(purpose, permitted=True)
    briefing.parts = tuple([part.name for part in p.TABLE if part.name in parts])
    reader = _Reader(state, playbook, purpose, channel, now_ms, permitted, parts, briefing, groups)
    reader.read()
    briefing.avoid += [
        m.Avoid(m.NO_CONSENT, each)
        for each in asked
        if each not in permitted and (purpose in (each, p.SERVICE))
    ]
    del briefing.avoid[m.MAX_AVOID :]
    return briefing


@dataclass(frozen=True, slots=True)
class _Reader:
    """Fills the parts of one briefing that its purpose may see."""

    state: CustomerState
    playbook: Playbook
    purpose: str
    channel: str
    now_ms: int
    permitted: frozenset[str]
    parts: frozenset[str]
    briefing: Briefing
    groups: Sequence[GroupState]

    def read(self) -> None:
        """Fill in part by part, in the order of the table."""
        steps = {
            p.WHO: self._who,
            p.STANDING: self._standing,
            p.RELATIONSHIP: self._relationship,
            p.CHANNELS: self._channels,
            p.MATTERS: self._matters,
            p.MATTER_FLAG: self._matter_flag,
            p.CARTS: self._carts,
            p.OFFERS: self._offers,
            p.SCENARIOS: self._scenarios,
        }
        for part in p.TABLE:
            step = steps.get(part.name)
            if step is not None and part.name in self.parts:
                step()
        threads = self.briefing.threads
        threads.sort(key=lambda t: (t.kind == m.OFFER, -t.last_at_ms, t.kind, t.key))
        del threads[m.MAX_THREADS :]
        self._say()

    def _who(self) -> None:
        profile = self.state.profile
        names = (profile.traits.get(name) for name in _FIRST_NAMES)
        self.briefing.who = m.Who(
            next((name for name in names if isinstance(name, str) and name.strip()), ""),
            any(identity.kind == "user" for identity in self.state.identities),
            profile.first_seen_at_ms,
            profile.locale,
            profile.timezone,
        )

    def _standing(self) -> None:
        standing = standing_of(self.state, self.playbook, self.now_ms)
        self.briefing.tier = standing.tier
        level = self.playbook.level(standing.tier)
        self.briefing.service_level = level.service_level
        if self.purpose == p.SERVICE:
            self.briefing.routing = level.routing
            self.briefing.reply_within_ms = level.reply_within_ms
        self.briefing.segments = tuple(standing.segments[: m.MAX_SEGMENTS])

    def _relationship(self) -> None:
        book = self.state.profile.purchases
        self.briefing.relationship = m.Relationship(book.orders, book.spend_minor, book.last_at_ms)

    def _channels(self) -> None:
        said: dict[tuple[str, str], m.Said] = {}
        for utterance in reversed(self.state.conversation.turns):
            side = (utterance.channel, utterance.who)
            if side not in said:
                shown = self._said(utterance)
                if shown is not None:
                    said[side] = shown
        seen = {name: use.last_seen_at_ms for name, use in self.state.profile.channels.items()}
        for name, _ in said:
            seen.setdefault(name, 0)
        stands = [
            m.ChannelStand(name, at_ms, said.get((name, CUSTOMER)), said.get((name, "us")))
            for name, at_ms in seen.items()
        ]
        stands.sort(key=lambda s: (-max(s.last_seen_at_ms, _at(s.customer), _at(s.us)), s.channel))
        self.briefing.channels = stands[: m.MAX_CHANNELS]

    def _said(self, utterance: Utterance) -> m.Said | None:
        """Return what may be seen of an utterance, or None when that is nothing."""
        about = utterance.about
        outcome, colon, key = about.partition(": ")
        if colon and outcome in OUTCOMES:
            return m.Said(utterance.at_ms, key, outcome=outcome) if self._action(key) else None
        if about in MATTER_EVENTS:
            if p.MATTERS not in self.parts:
                return None
        elif utterance.who != CUSTOMER:
            if self._action(about) is None:
                return None
            answer = utterance.answer
            return m.Said(utterance.at_ms, about, outcome=answer.outcome if answer else "")
        if utterance.meaning is None or p.MEANING not in self.parts:
            return m.Said(utterance.at_ms, about)
        return m.Said(utterance.at_ms, about, *utterance.meaning)

    def _matters(self) -> None:
        self._threads(lambda kind: kind != CART)
        heard = [u for u in self.state.conversation.turns if u.meaning and u.meaning.sentiment]
        if heard and heard[-1].meaning is not None and heard[-1].meaning.sentiment == "negative":
            self.briefing.avoid.append(m.Avoid(m.NEGATIVE_SENTIMENT))

    def _matter_flag(self) -> None:
        if any(t.kind == CASE and not t.closed for t in self.state.conversation.threads):
            self.briefing.avoid.append(m.Avoid(m.OPEN_CASE))

    def _carts(self) -> None:
        self._threads(lambda kind: kind == CART)

    def _threads(self, wanted: Callable[[str], bool]) -> None:
        self.briefing.threads += [
            m.OpenThread(
                t.kind,
                t.key,
                t.channel,
                t.opened_at_ms,
                t.last_at_ms,
                t.topic,
                t.items,
                t.minor,
            )
            for t in open_threads(self.state.conversation.threads)
            if wanted(t.kind)
        ]

    def _offers(self) -> None:
        answers = {
            (u.seq, u.n, u.origin): u.answer
            for u in self.state.conversation.turns
            if u.n >= 0 and u.answer is not None
        }
        alike: dict[tuple[str, str, str, bool], m.Offered] = {}
        for effect in sorted(self.state.effects, key=lambda e: -e.at_ms):
            action = self._action(effect.action)
            if action is not None:
                answer = answers.get((effect.seq, effect.n, effect.origin))
                made = self._offered(effect, action, answer)
                last = alike.setdefault(
                    (made.action, made.channel, made.outcome, made.pending), made
                )
                last.times += last is not made
        offers = list(alike.values())
        offers.sort(key=lambda o: (not o.pending, -o.at_ms, o.effect_key))
        self.briefing.offers = offers[: m.MAX_OFFERS]
        self.briefing.threads += [
            m.OpenThread(
                m.OFFER,
                o.effect_key,
                o.channel,
                o.at_ms,
                o.at_ms,
                action=o.action,
                label=o.label,
                expires_at_ms=o.expires_at_ms,
            )
            for o in self.briefing.offers
            if o.pending
        ]
        self._refusals()

    def _offered(self, effect: OpenEffect, action: Action, answer: Answer | None) -> m.Offered:
        pending = effect.outcome in _PENDING and effect.label < 0
        return m.Offered(
            effect_text(effect.origin or self.state.number, effect.seq, effect.n),
            effect.action,
            label_of(action),
            effect.channel,
            effect.at_ms,
            effect.expires_at_ms,
            effect.outcome,
            answer.at_ms if answer is not None else 0,
            pending and effect.expires_at_ms > self.now_ms,
        )

    def _refusals(self) -> None:
        silent_ms = self.playbook.suppress_after_refusal_ms
        found = []
        for key, history in self.state.profile.responses.items():
            until_ms = history.last_refused_at_ms + silent_ms
            action = self._action(key)
            if action is not None and history.last_refused_at_ms and until_ms > self.now_ms:
                found.append(m.Avoid(m.REFUSED, key, label_of(action), until_ms))
        found.sort(key=lambda a: (-a.until_ms, a.about))
        self.briefing.avoid += found[: m.MAX_AVOID // 2]
        counts = room_for(self.state.profile, self.playbook, self.now_ms, self.groups)
        for cap, retry_at_ms in full_caps(self.playbook.caps, counts):
            here = cap.channels is None or self.channel in cap.channels
            if here and (cap.purposes is None or any(map(self._sees, cap.purposes))):
                self.briefing.avoid.append(m.Avoid(m.CONTACT_LIMIT, cap.name, until_ms=retry_at_ms))

    def _scenarios(self) -> None:
        triggers = {trigger.name: trigger for trigger in self.playbook.triggers}
        positions = []
        for timer in self.state.timers:
            trigger = triggers.get(timer.subject) if timer.kind == TRIGGER else None
            if trigger is None:
                continue
            proposed = [self.playbook.actions[index] for index in trigger.propose]
            actions = [action for action in proposed if self._sees(action.purpose)]
            if actions:
                positions.append(
                    m.Position(
                        trigger.name,
                        timer.key.rpartition("/")[2],
                        timer.due_at_ms,
                        tuple([action.key for action in actions]),
                        tuple([label_of(action) for action in actions]),
                    )
                )
        for instance in self.state.journeys.instances:
            position = position_of(instance, self.playbook, self._sees)
            if position is not None:
                positions.append(position)
        positions.sort(
            key=lambda each: (each.due_at_ms == 0, each.due_at_ms, each.scenario, each.key)
        )
        self.briefing.positions = positions[: m.MAX_POSITIONS]

    def _say(self) -> None:
        """List what is open: matters first, then carts, then offers, then what is planned."""
        briefing = self.briefing
        refused = {each.about for each in briefing.avoid if each.reason == m.REFUSED}
        order = {CART: 1, m.OFFER: 2}
        say = [
            m.Say(t.kind, t.key, t.channel, t.topic, t.action, t.label, t.expires_at_ms)
            for t in sorted(briefing.threads, key=lambda t: order.get(t.kind, 0))
            if t.action not in refused
        ]
        for position in briefing.positions:
            say += [
                m.Say(m.PLANNED, position.scenario, "", "", key, label, position.due_at_ms)
                for key, label in zip(position.actions, position.labels, strict=True)
                if key not in refused
            ]
        once: dict[tuple[str, str], m.Say] = {}
        for each in say:
            action = self._action(each.action) if each.action else None
            each.here = action is not None and self.channel in action.treatments
            once.setdefault((each.kind, each.action or each.key), each)
        briefing.say = list(once.values())[: m.MAX_SAY]

    def _sees(self, action_purpose: str) -> bool:
        return p.may_be_seen(self.purpose, action_purpose, self.permitted)

    def _action(self, key: str) -> Action | None:
        """Return an action that may be seen; what the playbook no longer knows may not."""
        action = self.playbook.action(key)
        return action if action is not None and self._sees(action.purpose) else None


def _at(said: m.Said | None) -> int:
    return said.at_ms if said is not None else 0
