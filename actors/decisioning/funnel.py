"""The funnel before scoring: who may be a candidate at all, and for each of the others why not."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from itertools import compress, repeat
from math import prod

from actors.decisioning.inputs import (
    APPLICABILITY,
    ARBITRATION,
    AVAILABILITY,
    BUDGET,
    BUNDLING,
    CHANNEL,
    CONSENT,
    CONTACT_POLICY,
    ELIGIBILITY,
    EXPERIMENT,
    PROPENSITY,
    SUITABILITY,
    TREATMENT,
    Candidate,
    DecisionInput,
    Prepared,
    Proposal,
    Removal,
)
from actors.decisioning.parts import Mark, Option, Part, Run
from actors.decisioning.plan import Plan, Shelf, Standing, plan_of
from actors.decisioning.restraint import STANDS, Restraint, restraint_of
from actors.playbook.model import Playbook
from actors.policies.consent import consent_refusal

STAGES = (
    AVAILABILITY,
    CHANNEL,
    ELIGIBILITY,
    APPLICABILITY,
    SUITABILITY,
    CONSENT,
    EXPERIMENT,
    CONTACT_POLICY,
    PROPENSITY,
    TREATMENT,
    ARBITRATION,
    BUNDLING,
    BUDGET,
)
"""In the order in which candidates pass them; those from propensity on need scores."""

MAX_CANDIDATES = 256
_UNASKED = "?"
_NO_MARKS: frozenset[Mark] = frozenset()


def prepare(given: DecisionInput, playbook: Playbook, standing: Standing | None = None) -> Prepared:
    """Return the candidates that reach scoring, their context weights, and the removals.

    Placements consider every action with a treatment for them; outbound channels only what was
    proposed. `standing` saves work when the caller has it for this input already.
    """
    plan = plan_of(playbook)
    standing = standing or plan.stand(given.context)
    funnel = _Funnel(given, playbook, standing, restraint_of(given, playbook))
    triggers = [""] * len(given.placements) + [each.trigger for each in given.proposals]
    if len(set(triggers)) < len(triggers):
        funnel.judged = {}
    for placement in given.placements:
        shelf = plan.placed.get((given.channel, placement))
        if shelf is None:
            funnel.removed.append(
                Removal(-1, given.channel, CHANNEL, f"no action for placement {placement!r}")
            )
        else:
            funnel.consider(shelf, placement, "")
    for proposal in given.proposals:
        funnel.propose(plan, proposal)
    return Prepared(
        standing.tier,
        standing.segments,
        tuple(funnel.candidates),
        funnel.weights,
        tuple(funnel.removed),
        tuple(funnel.runs),
    )


@dataclass(slots=True, init=False)
class _Funnel:
    """`judged` says of options, by trigger, whether they passed; None when nothing is judged twice.

    `runs` are the candidates as they came.
    """

    given: DecisionInput
    playbook: Playbook
    standing: Standing
    restraint: Restraint | None
    judged: dict[str, dict[Option, bool]] | None = None
    candidates: list[Candidate] = field(default_factory=list)
    removed: list[Removal] = field(default_factory=list)
    weights: dict[int, float] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    consents: dict[str, str | None] = field(default_factory=dict)

    def __init__(
        self,
        given: DecisionInput,
        playbook: Playbook,
        standing: Standing,
        restraint: Restraint | None,
    ) -> None:
        self.given = given
        self.playbook = playbook
        self.standing = standing
        self.restraint = restraint
        self.judged = None
        self.candidates = []
        self.removed = []
        self.weights = {}
        self.runs = []
        self.consents = {}

    def propose(self, plan: Plan, proposal: Proposal) -> None:
        """Consider what a trigger or scenario proposes, unless it is paused."""
        trigger, actions, channels = proposal.trigger, proposal.actions, proposal.channels
        restraint = self.restraint
        paused = "" if restraint is None else restraint.paused_proposal(trigger)
        if paused:
            self.removed += [Removal(index, "", AVAILABILITY, paused) for index in actions]
            return
        shelf = plan.outbound(actions, channels)
        if shelf.indices.issuperset(actions):
            self.consider(shelf, "", trigger)
            return
        self.judged = {} if self.judged is None else self.judged
        for index in actions:
            if index in shelf.indices:
                self.consider(plan.outbound((index,), channels), "", trigger)
            else:
                why = f"trigger {trigger}: no channel"
                self.removed.append(Removal(index, "", CHANNEL, why))

    def consider(self, shelf: Shelf, placement: str, trigger: str) -> None:
        """Judge the options of a shelf.

        An option is judged once for all placements, but where it stands already, and once for each
        proposal.
        """
        if not shelf.options:
            return
        answers, suspects, stands = shelf.ask(self.standing), self._suspects(shelf), -1
        if placement and self.restraint is not None:
            stands = self.restraint.standing.get(placement, -1)
        room = MAX_CANDIDATES - len(self.candidates)
        if self.judged is not None or stands >= 0 or len(shelf.options) > room or shelf.repeats:
            known = {} if self.judged is None else self.judged.setdefault(trigger, {})
            part = self._judged(shelf, shelf.refusals(answers), suspects, stands, trigger, known)
        elif suspects:
            part = self._passing(shelf, shelf.refusals(answers), suspects, trigger)
        else:  # as mostly
            part, removed = shelf.judge(answers)
            self.removed += removed
        if part is not None:
            self._add(shelf, part, placement, trigger)

    def _passing(
        self,
        shelf: Shelf,
        refusals: Sequence[Removal | None],
        suspects: Set[Mark],
        trigger: str,
    ) -> Part | None:
        """Return the options that pass, None for none; only those with a mark need a close look."""
        passing = [True] * len(shelf.options) if not refusals else [r is None for r in refusals]
        closely = {place for mark in suspects for place in shelf.marked.get(mark, ())}
        if refusals:
            closely.update([place for place, passes in enumerate(passing) if not passes])
        for place in sorted(closely):
            option, removal = shelf.options[place], refusals[place] if refusals else None
            if not option.marks.isdisjoint(suspects):
                passing[place] = self._pass(option, removal, trigger)
            elif removal is not None:
                self.removed.append(removal)
        return shelf.part(tuple(passing)) if True in passing else None

    def _judged(
        self,
        shelf: Shelf,
        refusals: Sequence[Removal | None],
        suspects: Set[Mark],
        stands: int,
        trigger: str,
        known: dict[Option, bool],
    ) -> Part | None:
        """Return the same where options may have been judged before, or one of them stands already."""
        passing: list[bool] = []
        room = MAX_CANDIDATES - len(self.candidates)
        for option, removal in zip(shelf.options, refusals or repeat(None), strict=False):
            if option.index == stands:
                passes = self._pass(option, removal, STANDS)
            elif option in known:
                passes = known[option]
            else:
                if suspects and not option.marks.isdisjoint(suspects):
                    passes = self._pass(option, removal, trigger)
                elif removal is not None:
                    self.removed.append(removal)
                    passes = False
                else:
                    passes = True
                known[option] = passes
            if passes and not room:
                self.removed.append(_too_many(option))
            passing.append(passes and room > 0)
            room -= passing[-1]
        return shelf.part(tuple(passing)) if True in passing else None

    def _suspects(self, shelf: Shelf) -> Set[Mark]:
        """Return what holds back options with such a mark; nothing when the shelf has none."""
        missing: list[str] = []
        for consent, channel, purpose in shelf.consents:
            if self._without_consent(consent, channel, purpose) is not None:
                missing.append(consent)
        if self.restraint is None and shelf.suggests:
            self.restraint = restraint_of(self.given, self.playbook, suggests=True)
        restraint = self.restraint
        if restraint is None or restraint.marks.isdisjoint(shelf.marks):
            return frozenset(missing) if missing else _NO_MARKS
        return restraint.marks.union(missing) if missing else restraint.marks

    def _without_consent(self, consent: str, channel: str, purpose: str) -> str | None:
        """Return why nothing may be said for a purpose on a channel, or None when it may."""
        why = self.consents.get(consent, _UNASKED)
        if why is _UNASKED:
            free = self.playbook.purposes_without_consent
            why = consent_refusal(self.given.consents, channel, purpose, free)
            self.consents[consent] = why
        return why

    def _pass(self, option: Option, removal: Removal | None, trigger: str) -> bool:
        """Judge one option closely, whose action's own rules may have removed it already."""
        restraint = self.restraint
        if restraint is not None:
            removal = restraint.unavailable(option, trigger) or removal
        if removal is None:
            removal = self._refusal(option, trigger)
        if removal is not None:
            self.removed.append(removal)
            return False
        return True

    def _refusal(self, option: Option, trigger: str) -> Removal | None:
        """Return why someone eligible may not get it all the same."""
        given, action, channel = self.given, option.action, option.channel
        until_ms = given.refused.get(action.key)
        if until_ms is not None:
            return Removal(option.index, channel, SUITABILITY, "refused recently", until_ms)
        why = self._without_consent(option.consent, channel, action.purpose)
        if why is not None:
            return Removal(option.index, channel, CONSENT, why)
        return None if self.restraint is None else self.restraint.refusal(option, trigger)

    def _add(self, shelf: Shelf, part: Part, placement: str, trigger: str) -> None:
        """Take options that pass as candidates."""
        self._weigh(shelf, part)
        self.candidates += part.candidates(placement, trigger)
        self.runs.append((placement, trigger, part))

    def _weigh(self, shelf: Shelf, part: Part) -> None:
        """Note the weights of options of a shelf: the product of the factors whose condition holds."""
        if shelf.conditions is None or not part.weighed:
            self._take(dict.fromkeys(part.actions, 1.0))
            return
        standing = self.standing
        asked = (standing.values, standing.segments, standing.tier)
        if 2 * len(part.options) < len(shelf.options):  # the conditions of the others may be costly
            for option in part.options:
                met = option.conditions(*asked) if option.factors else ()
                self.weights[option.index] = prod(compress(option.factors, met), start=1.0)
            return
        met = shelf.conditions(*asked)
        worth = [prod([f for i, f in each if met[i]], start=1.0) for each in shelf.formulas]
        if len(worth) == 1:
            self._take(dict.fromkeys(shelf.actions, worth[0]))
            return
        weights = map(worth.__getitem__, shelf.weighed)
        self._take(dict(zip(shelf.actions, weights, strict=True)))

    def _take(self, weights: dict[int, float]) -> None:
        if self.weights:
            self.weights.update(weights)
        else:
            self.weights = weights


def _too_many(option: Option) -> Removal:
    why = f"more than {MAX_CANDIDATES} candidates"
    return Removal(option.index, option.channel, AVAILABILITY, why)
