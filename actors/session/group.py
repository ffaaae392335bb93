"""One group of turns, from items to answers, with one scoring call a wave and one commit."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from actors import turn as core
from actors.domain.errors import RetryableError
from actors.domain.events import Command, Event, Response
from actors.domain.ids import IdSpace, parse_effect
from actors.domain.scores import NO_SCORES, ScoreRow, Scores
from actors.playbook.model import Playbook
from actors.ports import Change, Clock, Lookup, Scorer, Store, Verdict
from actors.session.activations import Activations
from actors.session.answers import (
    CHANGED_NOTHING,
    answer,
    answer_again,
    answer_without,
)
from actors.session.changes import Chain
from actors.session.commanding import carry_out
from actors.session.faults import place_of
from actors.session.grouping import SharedGroups, gather
from actors.session.jobs import Job, TimerJob
from actors.session.joining import join
from actors.session.opening import Opener
from actors.session.quarantine import POISON, Quarantine
from actors.session.recalling import recall_effects, recall_for
from actors.session.resolving import Resolved, Resolver
from actors.session.spending import Purse, own_copy
from actors.session.trusting import Trust, ask_about
from actors.session.waiting import Place, Waiting, unsent_of, waiting_now, waiting_of
from actors.wire.messages import Answer, Code
from actors.wire.state import pack_state, unpack_state

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
"""How often a group is tried without any of its jobs getting anywhere: merges race with other cells."""
RETRY_AFTER_S = 1.0


class Session:
    """Runs groups of jobs, one group at a time.

    `epoch_of` tells under which epoch a partition is owned here, or None. `paused` are the switches thrown,
    in order, as far as the host knows. `decide` is another way to decide, for simulations; `unread` says that nobody
    will read journal rows, replies, hashes of messages, or who is in segments and scenarios, which stay empty then. A job
    whose answer is still None after `run` was a timer that had nothing to do.
    """

    def __init__(
        self,
        store: Store,
        scorer: Scorer,
        ids: IdSpace,
        clock: Clock,
        activations: Activations,
        epoch_of: Callable[[int], int | None],
        decide: Callable[[core.Turn, Scores, Playbook], None] | None = None,
    ) -> None:
        self._decide = decide
        self._store = store
        self._scorer = scorer
        self._ids = ids
        self._clock = clock
        self.quarantine = Quarantine(clock.machine_ms)
        self._opener = Opener(epoch_of, activations, self.quarantine)
        self.activations = activations
        self.paused: tuple[str, ...] = ()
        self.unread = False
        self._resolver = Resolver(store, ids, activations)
        self._shared = SharedGroups()
        self._purse = Purse(store)
        self._trust = Trust()
        self._unasked = False
        self._at_hand = core.NOTHING
        self._waiting: Waiting = {}
        self._unsent: Collection[Place] = ()

    async def run(self, jobs: Sequence[Job], playbook: Playbook) -> bool:
        """Answer every job; return whether anything was queued for delivery.

        Jobs of one customer run in the order given and never overlap. When the store's answer is
        lost, what was touched is forgotten and the jobs are answered RETRY: the truth is read again
        when the client's retry comes.
        """
        for job in jobs:
            job.label(self._ids, playbook.identities, hashed=not self.unread)
            if job.answer is None and self.quarantine.refuses(job, playbook.version):
                job.answer = Answer(Code.POISON, detail=POISON)
        outbox = False
        open_jobs = [job for job in jobs if job.answer is None]
        in_vain = 0
        trusting = not self.unread and self._trust.permits(open_jobs)
        while open_jobs and in_vain < MAX_ATTEMPTS:
            try:
                outbox |= await self._attempt(open_jobs, playbook, trusting=trusting)
            except RetryableError as error:
                self._purse.forget()
                self._give_up(open_jobs, str(error))
                return outbox
            trusting = False
            left = [j for j in open_jobs if j.answer is None and j.again]
            in_vain = in_vain + 1 if len(left) == len(open_jobs) else 0
            open_jobs = left
        self._give_up(open_jobs, "the customer is written by several at once")
        return outbox

    def _give_up(self, jobs: Sequence[Job], why: str) -> None:
        for job in jobs:
            if job.answer is None:
                job.answer = Answer(Code.RETRY, detail=why, retry_after_s=RETRY_AFTER_S)

    async def _attempt(self, jobs: list[Job], playbook: Playbook, *, trusting: bool) -> bool:
        for job in jobs:
            job.again = False
        now_machine_ms = self._clock.machine_ms()
        budgets = self._purse.windows(playbook, self._clock.business_ms())
        spent = self._purse.spent(budgets, now_machine_ms) if trusting else None
        known = await self._resolver.resolve(
            [job.wanted() for job in jobs], now_machine_ms, budgets, spent
        )
        self._unasked = spent is not None and not known.asked
        if known.asked and not self.unread:
            self._purse.found(budgets, known.spent, now_machine_ms)
        at_hand = await self._purse.at_hand(playbook, budgets, known.spent, now_machine_ms)
        if at_hand.paused != self.paused:  # mostly nothing is paused
            at_hand = replace(at_hand, paused=self.paused)
        self._at_hand = at_hand
        fresh_jobs = await self._first_answers(jobs, known, playbook)
        now_ms = self._clock.business_ms()
        chains = self._opener.open(fresh_jobs, known, playbook, now_ms, indexed=not self.unread)
        await join(self._store, chains, known, playbook, now_ms)
        await carry_out(self._store, chains, playbook, self._ids, now_ms)
        self._shared = await gather(self._store, chains, playbook)
        self._waiting = await waiting_of(self._store, chains, now_ms)
        self._unsent = await unsent_of(self._store, chains, now_ms)
        await recall_effects(self._store, chains, playbook)
        if self._unasked:
            ask_about(fresh_jobs, chains)
        await self._waves(chains, known, playbook)
        return await self._commit(chains, playbook, now_machine_ms)

    async def _first_answers(
        self, jobs: list[Job], known: Resolved, playbook: Playbook
    ) -> list[Job]:
        """Answer messages that were taken before; return the jobs that are new.

        A message that is twice in the group waits for the first one's fate.
        """
        fresh, again, seen = [], [], set()
        for job in jobs:
            first = known.messages.get(job.hash) if job.hash is not None else None
            if first is None:
                if job.hash is not None and not job.dry_run:
                    if job.hash in seen:
                        job.again = True  # looked up again after the first one is committed
                        continue
                    seen.add(job.hash)
                fresh.append(job)
            elif first.fingerprint != job.fingerprint:
                job.answer = Answer(
                    Code.CONFLICT, detail="this messageId was already used with another body"
                )
            else:
                again.append((job, (first.number, first.seq)))
        if again:
            self._trust.lose()
            found = await self._store.lookup(Lookup(turns=tuple({where for _, where in again})))
            for job, where in again:
                payload = found.turns.get(where)
                if payload:
                    job.answer = answer_again(payload, *where, playbook)
                elif not isinstance(job.item, TimerJob):
                    job.answer = await answer_without(self._store, job.item, *where, playbook)
        return fresh

    async def _waves(self, chains: list[Chain], known: Resolved, playbook: Playbook) -> None:
        """Run every customer's first job, then every second one, and so on."""
        queues = [(chain, self._plan(chain, playbook)) for chain in chains]
        position = 0
        while True:
            wave = [
                (chain, queue[position])
                for chain, queue in queues
                if position < len(queue) and not chain.broken
            ]
            if not wave:
                return
            await self._wave(wave, known, playbook)
            position += 1

    def _plan(self, chain: Chain, playbook: Playbook) -> list[Job]:
        """Put the customer's due timers before what arrived; one asked for may be among both."""
        jobs = chain.turns_to_take()
        if not jobs or all(job.dry_run for job in jobs):
            return jobs
        now_ms = self._clock.business_ms()
        due = sorted(
            (
                t
                for t in chain.state.timers
                if t.due_at_ms <= now_ms
                and not self.quarantine.refuses_timer(chain.number, t.key, playbook.version)
            ),
            key=lambda t: (t.due_at_ms, t.key),
        )
        return [Job(TimerJob(chain.number, t.key, now_ms), chain.number) for t in due] + jobs

    async def _wave(
        self, wave: list[tuple[Chain, Job]], known: Resolved, playbook: Playbook
    ) -> None:
        begun: list[tuple[Chain, Job, core.Turn]] = []
        rows: dict[ScoreRow, int] = {}
        for chain, job in wave:
            if job.answer is not None:
                continue
            turn = self._begin(chain, job, known, playbook)
            if turn is not None:
                begun.append((chain, job, turn))
                for row in turn.rows:
                    rows.setdefault(row, len(rows))
        scores = await self._scorer.score(list(rows)) if rows else NO_SCORES
        for chain, job, turn in begun:
            try:
                core.recount(turn, playbook)
                decide = self._decide or core.decide
                decide(turn, scores.of(turn.rows, rows), playbook)
            except Exception as error:  # noqa: BLE001  one customer's fault stops no other
                self._break(chain, job, error, playbook.version)
                continue
            if job.dry_run:
                job.answer = answer(turn.record, chain.number, turn.state.seq, playbook)
            else:
                self._shared.touch(turn.touched)
                chain.done.append((job, turn, turn.state.seq))

    def _begin(
        self, chain: Chain, job: Job, known: Resolved, playbook: Playbook
    ) -> core.Turn | None:
        item, state, now_ms = job.item, chain.state, self._clock.business_ms()
        groups = self._shared.for_turn(dry_run=job.dry_run)
        at_hand = self._given(chain, job)
        try:
            if isinstance(item, Event):
                if job.dry_run:
                    state = unpack_state(pack_state(state))
                recall_for(chain, state, item, now_ms, playbook)
                turn = core.begin(state, item, playbook, now_ms, known.owners, groups, at_hand)
                turn.record.notes += job.notes
                turn.record.notes += [
                    f"not_merged: {r.code} {r.kind}".rstrip() for r in job.refused
                ]
                return turn
            if isinstance(item, Response):
                key = parse_effect(item.effect_key)
                effect = state.effect(key[1], key[2], chain.origin(key[0])) or chain.recalled[key]
                turn = core.respond(state, item, effect, now_ms, playbook)
                turn.groups = groups
                at_hand.give(turn)
                core.reconsider(turn, playbook)
                return turn
            if isinstance(item, Command):
                turn = core.obey(state, item, playbook, now_ms)
                turn.groups = groups
                at_hand.give(turn)
                core.reconsider(turn, playbook)
                return turn
            if self.quarantine.refuses_timer(chain.number, item.key, playbook.version):
                job.answer = Answer(Code.POISON, detail=POISON)
                return None
            timer = next((t for t in state.timers if t.key == item.key), None)
            if item.key == core.RETENTION:
                timer = core.asked(state, timer, playbook, item.now_ms)
            if timer is None:
                chain.stale.append(item.key)
                return None
            if timer.due_at_ms > item.now_ms:
                chain.prolonged[item.key] = timer.due_at_ms
                return None
            return core.wake(state, timer, playbook, item.now_ms, groups, at_hand)
        except Exception as error:  # noqa: BLE001  one customer's fault stops no other
            self._break(chain, job, error, playbook.version)
            return None

    def _given(self, chain: Chain, job: Job) -> core.AtHand:
        """Return what a turn is given besides its customer and groups."""
        if job.dry_run:
            return own_copy(self._at_hand)
        if isinstance(job.item, TimerJob) and job.item.key == core.SEND:
            return replace(self._at_hand, waiting=waiting_now(chain, self._waiting))
        if self._unsent and isinstance(job.item, TimerJob):
            return replace(self._at_hand, unsent=self._unsent)
        return self._at_hand

    def _break(self, chain: Chain, job: Job, error: Exception, playbook: str) -> None:
        """Fail one job, and run the customer's others again from the committed state."""
        if not self._unasked or job.hash is None:
            log.error("a turn of customer %d failed: %s", chain.number, place_of(error))
            self.quarantine.failed(job, chain.number, error, playbook)
            job.answer = Answer(Code.FAILED, detail=CHANGED_NOTHING)
        self._run_again(chain)

    def _run_again(self, chain: Chain) -> None:
        """Leave a customer's jobs that have no answer for the next attempt."""
        self._shared.spoil(chain)
        self.activations.undo(chain.number)
        chain.run_again()

    async def _commit(self, chains: list[Chain], playbook: Playbook, now_machine_ms: int) -> bool:
        ready: list[tuple[Chain, Change]] = []
        for chain in chains:
            change = None if chain.broken else self._change(chain, playbook)
            if change is not None:
                ready.append((chain, change))
        ready = self._shared.settle(ready)
        changes = [each for chain, change in ready for each in (change, *chain.companions)]
        if not changes:
            return False
        try:
            verdicts = await self._store.commit(changes, now_machine_ms)
        except RetryableError:
            for chain in chains:
                self._drop(chain)
            raise
        fate = {change.number: v for change, v in zip(changes, verdicts, strict=True)}
        for chain, change in ready:
            if fate[chain.number] is Verdict.COMMITTED:
                self._release(chain, change, playbook, now_machine_ms)
                self._purse.written(change)
            else:
                self._refuse(chain, fate[chain.number])
        return any(
            change.outbox or change.outbox_released
            for chain, change in ready
            if fate[chain.number] is Verdict.COMMITTED
        )

    def _change(self, chain: Chain, playbook: Playbook) -> Change | None:
        """Return what to write of a customer; None when nothing happened or it cannot be packed."""
        try:
            return chain.change(
                playbook, unread=self.unread, kept=self.activations.kept is not None
            )
        except Exception as error:  # noqa: BLE001  one customer's fault stops no other
            if not self._unasked:
                log.error("turns of %d cannot be packed: %s", chain.number, place_of(error))  # noqa: TRY400
                for job in chain.jobs:
                    job.answer = job.answer or Answer(Code.FAILED, detail=CHANGED_NOTHING)
            self._run_again(chain)
            return None

    def _drop(self, chain: Chain) -> None:
        """Forget everybody whom a chain writes, and what its turns have done."""
        self.activations.undo(chain.number)
        self.activations.drop(chain.number)
        for companion in chain.companions:
            self.activations.drop(companion.number)

    def _refuse(self, chain: Chain, verdict: Verdict) -> None:
        """Forget a customer whose turns were fenced or lost a race; a lost race is run again."""
        self._drop(chain)
        self._purse.forget()
        if self._unasked:
            self._trust.lose()
        for job in chain.jobs:
            if job.answer is None and verdict is Verdict.FENCED:
                job.answer = Answer(Code.NOT_MINE, number=chain.number, partition=chain.partition)
            job.again = job.answer is None

    def _release(
        self, chain: Chain, change: Change, playbook: Playbook, now_machine_ms: int
    ) -> None:
        if chain.marker or chain.companions:
            self._drop(chain)
        if not chain.marker:
            self.activations.renew(change, chain.state, now_machine_ms)
        for job, record, seq in chain.settled:
            job.answer = answer(record, chain.number, seq, playbook)
        fired: set[str] = set()
        for job, turn, seq in chain.done:
            if isinstance(job.item, TimerJob):
                fired.add(job.item.key)
            elif self.unread:
                job.answer = Answer(Code.ACCEPTED)
            else:
                job.answer = answer(turn.record, chain.number, seq, playbook)
        for job in chain.jobs:
            job.taken = isinstance(job.item, TimerJob) and job.item.key in fired
