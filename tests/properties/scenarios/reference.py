"""A slow interpreter of scenarios, written from docs/scenarios.md alone, to compare the engine with.

It keeps whole histories, looks everything up anew, and shares nothing with the engine but the
dataclasses of definitions and results.
"""

from dataclasses import dataclass, field, replace

from actors.playbook.scenario_model import IGNORE, PARALLEL, QUEUE, RESTART, Call, Listen, Propose
from actors.scenarios.world import Line, Offer, Progress, Signal
from tests.properties.scenarios.merging import Merging
from tests.properties.scenarios.patterns import History, asked_for, flat, is_flat, key_of
from tests.properties.scenarios.stepping import Stepping
from tests.properties.scenarios.versions import Versions


@dataclass(eq=False)
class Place:
    """A token. `fires` is when its timer acts: later than `due` where lateness is waited for."""

    id: int
    step: str = ""
    scope: int = 0
    since: int = 0
    due: int = 0
    fires: int = 0
    again: int = 0
    said: tuple = ()
    call: tuple = ()
    history: dict = field(default_factory=dict)


@dataclass(eq=False)
class Way:
    """An instance. It holds its definition; None when that is known no more."""

    id: int
    definition: object
    scenario: str
    digest: str
    key: str
    started: int
    data: dict
    tokens: list = field(default_factory=list)
    scopes: dict = field(default_factory=dict)
    sent: list = field(default_factory=list)
    rounds: dict = field(default_factory=dict)
    met: set = field(default_factory=set)
    next_id: int = 1

    def take_id(self):
        """Return a new id for a token or a scope."""
        self.next_id += 1
        return self.next_id - 1


class Reference(Stepping, Versions, Merging):
    """All scenarios of one customer."""

    place = Place

    def __init__(self):
        self.next_id = 1
        self.ways = []
        self.last_starts = {}
        self.queue = []
        self.histories = {}
        self.kept = []

    # What the turn asks

    def hear(self, signal, book, world, now_ms):
        """Hear a signal; its moment is never after now."""
        self._begin(book, world, now_ms)
        self._hear(replace(signal, at_ms=min(signal.at_ms, now_ms)))
        return self._end()

    def wake(self, way_id, book, world, now_ms):
        """Let an instance's timer fire."""
        self._begin(book, world, now_ms)
        for way in self.ways:
            if way.id == way_id:
                self._fire(way)
        return self._end()

    def offers(self, now_ms):
        """Return the tokens whose actions compete."""
        return [
            Offer(
                instance=way.id,
                token=token.id,
                scenario=way.scenario,
                step=token.step,
                actions=way.definition.steps[token.step].actions,
                channels=way.definition.steps[token.step].channels,
                mandatory=way.definition.steps[token.step].mandatory,
            )
            for way in sorted(self.ways, key=lambda way: way.id)
            for token in sorted(way.tokens, key=lambda token: token.id)
            if isinstance(way.definition.steps[token.step], Propose) and token.again <= now_ms
        ]

    def sent(self, offer, effect, book, world, now_ms):
        """Hear that an offer became an effect."""
        self._begin(book, world, now_ms, telling=True)
        way, token = self._at(offer)
        if token is not None:
            way.sent = [*way.sent, effect][-8:]
            self._line(way, "sent", token.step)
            self._go(way, token, way.definition.steps[token.step].next, now_ms)
        return self._end()

    def not_sent(self, offer, word, why, book, world, now_ms, retry_ms=0):
        """Hear that an offer was `lost`, `held`, or `refused` (until when)."""
        self._begin(book, world, now_ms, telling=word == "refused")
        way, token = self._at(offer)
        if token is None:
            return self._end()
        consent = word == "refused" and offer.mandatory and why.split(":")[0] == "consent"
        if token.said != (word, why) or consent:
            token.said = (word, why)
            until = retry_ms if retry_ms > now_ms and not consent else 0
            self._line(way, word, token.step, why, until)
        if consent:
            self._go(way, token, way.definition.steps[token.step].not_sent, now_ms)
        elif word == "refused":
            token.again = retry_ms if retry_ms > now_ms else 0
        return self._end()

    def called(self, call, effect):
        """Hear what effect a call has become."""
        _, token = self._at(call)
        if token is not None:
            token.call = effect

    def answered(self, effect, ok, properties, at_ms, book, world, now_ms):
        """Hear the answer to a call."""
        self._begin(book, world, now_ms)
        at_ms = min(at_ms, now_ms)
        for way in list(self.ways):
            for token in list(way.tokens):
                step = way.definition.steps[token.step]
                if isinstance(step, Call) and token.call == effect and at_ms <= token.due:
                    if ok:
                        self._keep(way, step.keep, properties)
                    self._line(way, "passed", token.step, "" if ok else "failed")
                    self._go(way, token, step.next if ok else step.otherwise, at_ms)
        return self._end()

    # One call

    def _begin(self, book, world, now_ms, telling=False):
        self.book, self.world, self.now_ms, self.telling = book, world, now_ms, telling
        self.out = Progress()
        self.signal = None
        self.waiting_to_be_heard = []
        self.called_out = []

    def _end(self):
        heard = 0
        while self.waiting_to_be_heard and heard < 16:
            signal = self.waiting_to_be_heard.pop(0)
            self.out.emitted.append(signal)
            self._hear(signal)
            heard += 1
        if self.waiting_to_be_heard:
            self.out.notes.append("emitted too much")
        self.out.calls = [
            call
            for call, way, token, entry in self.called_out
            if way in self.ways and token in way.tokens and token.history is entry
        ]
        return self.out

    def waits(self):
        """Return when the timer of each live instance is due, 0 for none."""
        return {way.id: self._next(way) for way in self.ways}

    def places(self):
        """Return where all instances stand."""
        return [
            (
                (way.id, way.scenario, way.digest, way.key, way.started),
                sorted((name, repr(value)) for name, value in way.data.items()),
                sorted((t.id, t.step, t.scope, t.since, t.due, t.again) for t in way.tokens),
                sorted((s.id, s.fork, s.parent, s.arrived, s.due) for s in way.scopes.values()),
                (way.sent, way.rounds, sorted(way.met)),
            )
            for way in sorted(self.ways, key=lambda way: way.id)
        ]

    def _next(self, way):
        times = [scope.due for scope in way.scopes.values()]
        times += [token.fires for token in way.tokens] + [token.again for token in way.tokens]
        return min((time for time in times if time), default=0)

    def _at(self, offer):
        for way in self.ways:
            for token in way.tokens:
                if (way.id, token.id, token.step) == (offer.instance, offer.token, offer.step):
                    return way, token
        return None, None

    def _line(self, way, what, step="", why="", until=0):
        self.out.lines.append(Line(way.scenario, way.id, way.key, what, step, why, until))

    # Signals

    def _hear(self, signal):
        before, self.signal = self.signal, signal
        for way in sorted(self.ways, key=lambda way: way.id):
            if way in self.ways and signal.instance in (0, way.id):
                self._tell(way, signal)
        if signal.instance == 0:
            for scenario in self.book.scenarios:
                self._try_start(scenario, signal)
            self._remember(signal)
        self.signal = before

    def _tell(self, way, signal):
        if self._over(way, signal):
            return
        steps = way.definition.steps
        listening = [token for token in way.tokens if isinstance(steps[token.step], Listen)]
        for token in sorted(listening, key=lambda token: token.id):
            if token in way.tokens:
                self._try_cases(way, token, signal)

    def _over(self, way, signal):
        """Try stops and goals; return whether the instance is over because of one."""
        for stop in way.definition.stops:
            if self._matches(way, stop, signal, way.started):
                self._finish(way, "stopped", signal.key, signal.at_ms, withdraw=True)
                return True
        for goal in way.definition.goals:
            if goal.name not in way.met and self._matches(way, goal.heard, signal, way.started):
                way.met.add(goal.name)
                self.out.converted += way.sent
                self._line(way, "goal", "", goal.name)
                if not goal.goes_on:
                    self._finish(way, "ended", goal.name, signal.at_ms, withdraw=True)
                    return True
        return False

    def _try_cases(self, way, token, signal):
        """Let a token at a listen hear a signal; return whether it has moved."""
        step = way.definition.steps[token.step]
        if token.due and signal.at_ms > token.due:
            return False
        for number, case in enumerate(step.cases):
            history = token.history.setdefault(number, History())
            if history.add(
                case.pattern, signal, lambda part: self._matches(way, part, signal, token.since)
            ):
                self._keep(way, case.keep, signal.properties)
                self._line(way, "passed", token.step, signal.key)
                self._go(way, token, case.next, signal.at_ms)
                return True
        return False

    def _matches(self, way, heard, signal, not_before):
        if heard.key != signal.key or signal.at_ms < not_before:
            return False
        keyed_by = way.definition.keyed_by
        if keyed_by and heard.same_key:
            key = key_of(signal.properties.get(keyed_by))
            if key is not None and key != way.key:
                return False
        return heard.when is None or self.world.met(way.definition, heard.when, way, signal)

    def _remember(self, signal):
        late = [each for each in self.book.scenarios if each.lateness_ms]
        if not any(signal.key in each.listens for each in late):
            return
        known = [*late, *(each for each in self.book.earlier.values() if each.lateness_ms)]
        properties = flat({k: v for k, v in signal.properties.items() if k in asked_for(known)})
        self.kept.append(Signal(signal.key, signal.at_ms, signal.seq, properties))
        oldest = self.now_ms - max(each.lateness_ms for each in late)
        self.kept = [each for each in self.kept if each.at_ms >= oldest]
        if len(self.kept) > 32:
            self.kept.remove(min(self.kept, key=lambda each: each.at_ms))

    def _kept_after(self, way, at_ms):
        """Return the kept signals that this instance may still hear, in order of moment."""
        lateness = way.definition.lateness_ms
        if not lateness:
            return []
        found = [s for s in self.kept if s.at_ms > at_ms and s.at_ms >= self.now_ms - lateness]
        return sorted(found, key=lambda each: each.at_ms)

    def _keep(self, way, keep, properties):
        for name, prop in keep:
            value = properties.get(prop)
            if is_flat(value) and (name in way.data or len(way.data) < 16):
                way.data[name] = value

    # Starts

    def _try_start(self, scenario, signal):
        pattern = scenario.start.pattern
        named = [heard for part in pattern.parts for heard in (part.heard, *part.without)]
        if not any(heard.key == signal.key for heard in named):
            return
        key = key_of(signal.properties.get(scenario.keyed_by)) or "" if scenario.keyed_by else ""

        def counts(heard):
            return heard.key == signal.key and (
                heard.when is None or self.world.met(scenario, heard.when, None, signal)
            )

        where = (scenario.name, scenario.digest, key)
        history = self.histories.pop(where, History())
        complete = history.add(pattern, signal, counts)
        if history.told(pattern)[1]:
            self.histories[where] = history  # as the one touched last
            if len(self.histories) > 64:
                del self.histories[next(iter(self.histories))]
        allowed = complete and all(self.world.within(name) for name in scenario.start.segments)
        if allowed and scenario.start.when is not None:
            allowed = self.world.met(scenario, scenario.start.when, None, signal)
        if allowed:
            self._admit(scenario, key, signal, flat(signal.properties, [scenario.keyed_by]))

    def _admit(self, scenario, key, signal, data):
        """Start, or do not, by `every`, the re-entry policy and the limit."""
        at_ms = signal.at_ms

        def say(what, why):
            self.out.lines.append(Line(scenario.name, 0, key, what, "", why))

        last = self.last_starts.get((scenario.name, key))
        if scenario.every_ms and last is not None and at_ms - last < scenario.every_ms:
            return say("skipped", "every")
        live = self._live(scenario.name, key)
        if live and scenario.reentry == IGNORE:
            return say("skipped", "ignore")
        if live and scenario.reentry == QUEUE:
            if len(self.queue) >= 8:
                return say("skipped", "queue")
            self.queue.append((scenario.name, key, at_ms, data))
            return say("held", "queue")
        if scenario.reentry == PARALLEL and len(live) >= scenario.limit:
            return say("skipped", "parallel")
        if live and scenario.reentry == RESTART:
            if at_ms < max(way.started for way in live):
                return say("skipped", "restart")
            for way in live:
                self._finish(way, "stopped", "restarted", at_ms, withdraw=True, queue=False)
        if len(self.ways) >= 32:
            self.out.notes.append("too many instances")
            return say("skipped", "too many")
        return self._start(scenario, key, at_ms, data, signal.key)

    def _live(self, name, key):
        return [way for way in self.ways if (way.scenario, way.key) == (name, key)]

    def _start(self, scenario, key, at_ms, data, why):
        if scenario.every_ms:
            where = (scenario.name, key)
            last = max(at_ms, self.last_starts.pop(where, at_ms))
            self.last_starts[where] = last
            if len(self.last_starts) > 64:
                del self.last_starts[next(iter(self.last_starts))]
        way = Way(self.next_id, scenario, scenario.name, scenario.digest, key, at_ms, dict(data))
        self.next_id += 1
        self.ways.append(way)
        self._line(way, "started", "", why)
        before = self.signal
        for signal in self._kept_after(way, at_ms):
            self.signal = signal
            over = self._over(way, signal)
            self.signal = before
            if over:
                return
        token = Place(way.take_id(), since=at_ms)
        way.tokens.append(token)
        self._go(way, token, scenario.first, at_ms)

    def _finish(self, way, what, why, at_ms, withdraw=False, queue=True):
        """End an instance, and start the next of its key in the queue if it was the last."""
        self.ways.remove(way)
        self._line(way, what, "", why)
        if withdraw:
            waiting = sorted(way.tokens, key=lambda token: token.id)
            self.out.withdrawn += way.sent + [token.call for token in waiting if token.call]
        way.tokens, way.scopes = [], {}
        if not queue or self._live(way.scenario, way.key):
            return
        scenario = self.book.scenarios_by_name.get(way.scenario)
        for entry in list(self.queue):
            if entry[:2] == (way.scenario, way.key):
                self.queue.remove(entry)
                if scenario is not None:
                    self._start(scenario, way.key, max(at_ms, entry[2]), entry[3], "queue")
                    return
