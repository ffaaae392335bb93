"""How the reference walks: what each step does, forks, timers, and moves to other versions."""

from dataclasses import dataclass

from actors.playbook.scenario_model import (
    END,
    Branch,
    Call,
    Emit,
    End,
    Filter,
    Fork,
    Join,
    Listen,
    Propose,
    Repeat,
    Split,
    Thread,
    Update,
    Wait,
    WaitUntil,
)
from actors.scenarios.world import CallOut, Signal
from tests.properties.scenarios.moments import next_moment
from tests.properties.scenarios.patterns import arm_of


@dataclass(eq=False)
class Around:
    """The scope of a fork."""

    id: int
    fork: str
    join: str
    parent: int
    due: int
    arrived: int = 0


class Stepping:
    """The part of the reference that moves tokens."""

    def _go(self, way, token, target, at_ms):
        """Let a token go on to a step at a moment, and as far as it gets."""
        while way in self.ways and token in way.tokens:
            at_ms = max(at_ms, token.since)
            if target == END:
                self._branch_ends(way, token, at_ms, "")
                return
            step = way.definition.steps[target]
            token.step, token.since = target, at_ms
            token.due = token.fires = token.again = 0
            token.said, token.call, token.history = (), (), {}
            target = self._enter(way, token, step, at_ms)
            if target is None:
                return

    def _enter(self, way, token, step, at_ms):
        """Do a step; return where to go on at once, or None."""
        match step:
            case Wait():
                return self._until(way, token, at_ms + step.span_ms, step)
            case WaitUntil():
                return self._until_moment(way, token, step, at_ms)
            case Listen():
                self._listen(way, token, step, at_ms)
            case Propose():
                if self.telling:
                    token.again = self.now_ms
                self._rest(way, token, at_ms + step.offer_for_ms)
            case Call():
                due = at_ms + step.timeout_ms
                self._rest(way, token, due, step.channel)
                content = self._text(way, step.content)
                call = CallOut(
                    way.id, token.id, way.scenario, step.name, step.channel, content, due
                )
                self.called_out.append((call, way, token, token.history))
            case Filter():
                good = self.world.met(way.definition, step.rule, way, self.signal)
                return self._pass(way, step, "" if good else "otherwise", good)
            case Branch():
                for rule, target in step.cases:
                    if self.world.met(way.definition, rule, way, self.signal):
                        self._line(way, "passed", step.name)
                        return target
                return self._pass(way, step, "otherwise", False)
            case Split():
                arm = arm_of(step, self.world.number, way.scenario)
                self._line(way, "passed", step.name, arm.name)
                return arm.next
            case Fork():
                return self._fork(way, token, step, at_ms)
            case Join():
                return self._arrive(way, token, step, at_ms)
            case Repeat():
                return self._repeat(way, token, step)
            case End():
                self._line(way, "passed", step.name, step.label)
                self._branch_ends(way, token, at_ms, step.label)
            case _:
                self._act(way, step, at_ms)
                return self._pass(way, step, "", True)
        return None

    def _pass(self, way, step, why, good):
        self._line(way, "passed", step.name, why)
        return step.next if good else step.otherwise

    def _text(self, way, template):
        return self.world.text(way.definition, template, way, self.signal)

    # Time

    def _rest(self, way, token, due, why=""):
        token.due = token.fires = due
        self._line(way, "entered", token.step, why, due)

    def _until(self, way, token, due, step):
        if due <= token.since:
            return self._pass(way, step, "", True)
        self._rest(way, token, due)
        return None

    def _until_moment(self, way, token, step, at_ms):
        definition = way.definition
        due = next_moment(
            step.moment,
            at_ms,
            self.world.zone(definition),
            tuple(definition.windows.items()),
            self.world.date(step.moment) if hasattr(step.moment, "path") else "",
        )
        if due is None:
            return self._pass(way, step, "no date", False)
        return self._until(way, token, due, step)

    def _listen(self, way, token, step, at_ms):
        token.due = at_ms + step.timeout_ms if step.timeout_ms else 0
        token.fires = token.due + way.definition.lateness_ms if token.due else 0
        entry, before = token.history, self.signal
        for signal in self._kept_after(way, at_ms):
            if token in way.tokens and token.history is entry:
                self.signal = signal
                self._try_cases(way, token, signal)
                self.signal = before
        if token in way.tokens and token.history is entry:
            keys = [part.heard.key for case in step.cases for part in case.pattern.parts]
            self._line(way, "entered", step.name, ", ".join(dict.fromkeys(keys)), token.due)

    def _fire(self, way):
        for token in way.tokens:
            if token.again <= self.now_ms:
                token.again = 0
        for _ in range(64):
            due = [(scope.due, 0, scope.id, scope) for scope in way.scopes.values() if scope.due]
            due += [(token.fires, 1, token.id, token) for token in way.tokens if token.fires]
            due = [each for each in due if each[0] <= self.now_ms]
            if not due or way not in self.ways:
                return
            _, kind, _, what = min(due, key=lambda each: each[:3])
            if kind == 0:
                self._give_up(way, what, "timeout", what.due)
            else:
                self._due(way, what)

    def _due(self, way, token):
        step = way.definition.steps[token.step]
        if isinstance(step, Wait | WaitUntil):
            self._line(way, "passed", token.step)
            self._go(way, token, step.next, token.due)
        elif isinstance(step, Propose):
            self._line(way, "expired", token.step)
            self._go(way, token, step.not_sent, token.due)
        else:
            self._line(way, "passed", token.step, "timeout")
            self._go(way, token, step.otherwise, token.due)

    # Forks

    def _fork(self, way, token, step, at_ms):
        join = way.definition.steps[step.join]
        if len(way.tokens) - 1 + len(step.branches) > 16:
            self.out.notes.append("too many tokens")
            self._line(way, "passed", step.name, "too many tokens")
            return join.otherwise
        self._line(way, "passed", step.name)
        due = at_ms + join.timeout_ms if join.timeout_ms else 0
        scope = Around(way.take_id(), step.name, step.join, token.scope, due)
        way.scopes[scope.id] = scope
        way.tokens.remove(token)
        made = [type(token)(way.take_id(), "", scope.id, at_ms) for _ in step.branches]
        for each, branch in zip(made, step.branches, strict=True):
            each.step = branch
        way.tokens += made
        for each, branch in zip(made, step.branches, strict=True):
            self._go(way, each, branch, at_ms)
        return None

    def _arrive(self, way, token, step, at_ms):
        scope = way.scopes.get(token.scope)
        if scope is None or scope.join != step.name:
            return self._pass(way, step, "", True)
        scope.arrived += 1
        if scope.arrived < step.need:
            way.tokens.remove(token)
            if not self._inside(way, scope):
                self._give_up(way, scope, "too few", at_ms)
            return None
        token.scope = scope.parent
        self._clear(way, scope)
        return self._pass(way, step, "", True)

    def _inside(self, way, scope):
        """Return the tokens under way in a scope, and in those inside it."""
        inner = [each for each in way.scopes.values() if each.parent == scope.id]
        own = [token for token in way.tokens if token.scope == scope.id]
        return own + [token for each in inner for token in self._inside(way, each)]

    def _clear(self, way, scope):
        """Take a scope away with all that is in it."""
        for token in self._inside(way, scope):
            way.tokens.remove(token)
        for each in [each for each in way.scopes.values() if each.parent == scope.id]:
            self._clear(way, each)
        del way.scopes[scope.id]

    def _give_up(self, way, scope, why, at_ms):
        """Go on at the join's `otherwise`."""
        self._clear(way, scope)
        self._line(way, "passed", scope.join, why)
        token = type(self).place(way.take_id(), scope.join, scope.parent, at_ms)
        way.tokens.append(token)
        self._go(way, token, way.definition.steps[scope.join].otherwise, at_ms)

    def _branch_ends(self, way, token, at_ms, label):
        way.tokens.remove(token)
        if token.scope:
            scope = way.scopes[token.scope]
            if not self._inside(way, scope):
                self._give_up(way, scope, "too few", at_ms)
        elif not way.tokens:
            self._finish(way, "ended", label, at_ms)

    # The rest

    def _repeat(self, way, token, step):
        done = way.rounds.get(step.name, 0)
        holds = step.rule is None or self.world.met(way.definition, step.rule, way, self.signal)
        if done < step.times and holds:
            way.rounds[step.name] = done + 1
            self._line(way, "passed", step.name, "again")
            token.since += 1
            return step.back
        way.rounds.pop(step.name, None)
        return self._pass(way, step, "", True)

    def _act(self, way, step, at_ms):
        match step:
            case Update():
                traits = self._text(way, step.traits)
                self.world.take(traits, at_ms)
                self.out.traits += [(name, value, at_ms) for name, value in traits.items()]
            case Thread():
                subject = self._text(way, step.subject)["subject"]
                self.out.threads.append((step.opens, step.kind, subject, at_ms))
            case Emit():
                properties = self._text(way, step.properties)
                self.waiting_to_be_heard.append(Signal(step.event, at_ms, 0, properties))
