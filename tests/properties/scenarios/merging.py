"""How the reference makes one customer of two."""

from actors.playbook.scenario_model import PARALLEL
from tests.properties.scenarios.patterns import History


class Merging:
    """The part of the reference that takes in another customer's scenarios."""

    def merge(self, other, book, number, now_ms):
        """Take in what another customer was in; her effects are told apart by her number."""
        self._begin(book, None, now_ms)
        for way in other.ways:
            way.sent = [named(effect, number) for effect in way.sent]
            for token in way.tokens:
                token.call = named(token.call, number) if token.call else ()
        ways = sorted(self.ways + other.ways, key=lambda way: way.started)
        self.next_id = max(self.next_id, other.next_id)
        for way in ways:
            way.id = self.next_id
            self.next_id += 1
        self.ways = list(ways)
        for way in ways:
            scenario = book.scenarios_by_name.get(way.scenario) or way.definition
            limit = scenario.limit if scenario.reentry == PARALLEL else 1
            before = [one for one in self._live(way.scenario, way.key) if one.id < way.id]
            if len(before) >= limit or len([one for one in self.ways if one.id < way.id]) >= 32:
                self._finish(way, "stopped", "merged", now_ms, withdraw=True, queue=False)
        self._merge_memories(other, book)
        return self.out

    def _merge_memories(self, other, book):
        for where, last in other.last_starts.items():
            self.last_starts[where] = max(last, self.last_starts.get(where, last))
        queue = sorted(self.queue + other.queue, key=lambda entry: entry[2])
        self.queue = [entry for entry in queue if self._live(*entry[:2])][:8]
        if len(self.queue) < len(queue):
            self.out.notes.append("too many queued")
        self.kept = sorted(self.kept + other.kept, key=lambda signal: signal.at_ms)[-32:]
        patterns = {(one.name, one.digest): one.start.pattern for one in book.scenarios}
        for where, theirs in other.histories.items():
            pattern = patterns.get(where[:2])
            mine = self.histories.get(where)
            if mine is None or pattern is None:
                self.histories.setdefault(where, theirs)
            elif len(pattern.parts) > 1:
                if theirs.place(pattern) > mine.place(pattern):
                    self.histories[where] = theirs
            else:
                both = [each for each in mine.seen + theirs.seen if each.is_part[0]]
                both.sort(key=lambda each: each.at_ms)
                self.histories[where] = History(both[-(pattern.count - 1) :])


def named(effect, number):
    """Return an effect with the customer in whose turns it was made."""
    seq, n, origin = effect
    return seq, n, origin or number
