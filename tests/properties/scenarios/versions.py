"""How the reference moves instances to the version of a scenario that is in force."""

from actors.playbook.scenario_model import Call, Listen, Propose, Wait, WaitUntil

RESTING = (Wait, WaitUntil, Listen, Propose, Call)


class Versions:
    """The part of the reference that knows of other versions."""

    def touch(self, book, world, now_ms):
        """Move instances of other versions, or stop them."""
        self._begin(book, world, now_ms)
        for way in sorted(self.ways, key=lambda way: way.id):
            if way in self.ways:
                self._touch(way)
        return self._end()

    def _touch(self, way):
        in_force = self.book.scenarios_by_name.get(way.scenario)
        if in_force is not None and in_force.digest == way.digest:
            return
        own = self.book.earlier.get((way.scenario, way.digest))
        moves = in_force.moves if in_force is not None else None
        if own is not None and moves is None:
            return
        targets = [(moves or {}).get(token.step, token.step) for token in way.tokens]
        if in_force is None or way.scopes or not all(name in in_force.steps for name in targets):
            if own is None:
                self._finish(way, "stopped", "version gone", self.now_ms, withdraw=True)
            return
        self._move(way, own, in_force, targets)

    def _move(self, way, own, in_force, targets):
        way.definition, way.digest = in_force, in_force.digest
        self._line(way, "moved")
        entering = []
        for token, target in zip(way.tokens, targets, strict=True):
            new = in_force.steps[target]
            if own is None:
                stays = isinstance(new, RESTING) and (token.due or isinstance(new, Listen))
                same_patterns = False
            else:
                old = own.steps[token.step]
                stays = type(old) is type(new)
                same_patterns = isinstance(old, Listen) and isinstance(new, Listen)
                same_patterns = same_patterns and [each.pattern for each in old.cases] == [
                    each.pattern for each in new.cases
                ]
            token.step = target
            if not stays:
                entering.append((token, target))
                continue
            if not same_patterns:
                token.history = {}
            late = in_force.lateness_ms if isinstance(new, Listen) and token.due else 0
            token.fires = token.due + late
        for token, target in entering:
            self._go(way, token, target, self.now_ms)
