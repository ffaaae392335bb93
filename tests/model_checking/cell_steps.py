"""What a cell can do next: turns, sending, and everything about what it owns."""

from collections.abc import Iterator

from actors.ports import Verdict
from tests.model_checking.leases import with_spent
from tests.model_checking.moving import begins, ends
from tests.model_checking.protocol import (
    FROM_BUDGET,
    FROM_LEASE,
    Protocol,
    Write,
    forgotten,
    held,
    judged,
    to_give,
    won,
)
from tests.model_checking.world import (
    NO_ROW,
    NONE,
    NOT_HELD,
    PENDING,
    SENDING,
    SENT,
    TICK_MS,
    Beat,
    Cell,
    Effect,
    Row,
    Sizes,
    World,
    changed_hands,
    owner_of,
    put,
    with_cell,
)

Steps = Iterator[tuple[str, World]]
RELOAD = ("reload",)
RETRY_TICKS = 20


def cell_steps(sizes: Sizes, protocol: Protocol, world: World, place: int) -> Steps:
    """Yield everything that a living cell can do next, and what goes wrong on the way."""
    yield from turn_steps(sizes, protocol, world, place)
    if sizes.sends:
        yield from send_steps(protocol, world, place)
    if sizes.timer:
        yield from timer_steps(world, place)
    yield from own_steps(protocol, world, place)
    if sizes.supervised:
        yield from beat(world, place)


def asked_to_reload(cell: Cell) -> tuple[tuple, ...]:
    """Return a cell's inbox after it has found out that its map is old."""
    return cell.inbox if RELOAD in cell.inbox else (*cell.inbox, RELOAD)


def turn_steps(sizes: Sizes, protocol: Protocol, world: World, place: int) -> Steps:
    """Yield what the group under way can do; between two groups, which can begin."""
    cell = world.cells[place]
    if not cell.turn:
        waits = ("giving", "moving") if protocol.moves_between_turns else ("giving",)
        if cell.own and cell.own[0] in waits:
            return
        if cell.alarm >= 0:
            yield (
                f"cell-{place} takes the timer of customer {cell.alarm}",
                fire(protocol, with_cell(world, place, alarm=-1), place, cell.alarm),
            )
        yield from deliveries(sizes, protocol, world, place)
    elif cell.turn[0] == "again":
        yield (
            f"cell-{place} reads again for message {cell.turn[1]}",
            read(sizes, protocol, world, place, cell.turn[1], cell.turn[2]),
        )
    elif cell.turn[0] == "reply":
        acked = world.acked | 1 << cell.turn[1]
        done = with_cell(world, place, turn=())
        yield f"cell-{place} acknowledges message {cell.turn[1]}", done._replace(acked=acked)
        if world.left.losses:
            yield f"cell-{place}: the reply to message {cell.turn[1]} is lost", lose(done)
    elif cell.turn[0] == "commit":
        yield from commit(sizes, protocol, world, place)


def deliveries(sizes: Sizes, protocol: Protocol, world: World, place: int) -> Steps:
    """Yield the messages that may arrive: at any cell, and by a retry under another name if they stray."""
    for message, tries in enumerate(world.left.tries):
        if not tries or world.acked >> message & 1:
            continue
        left = world.left._replace(tries=put(world.left.tries, message, tries - 1))
        home = 0 if message == len(sizes.messages) else sizes.messages[message]
        for customer in range(len(world.stored.rows)) if sizes.strays else (home,):
            taken = read(sizes, protocol, world._replace(left=left), place, message, customer)
            yield f"cell-{place} takes message {message} for customer {customer}", taken


def lose(world: World) -> World:
    """Return a world in which one more thing got lost."""
    return world._replace(left=world.left._replace(losses=world.left.losses - 1))


def known(world: World, place: int, customer: int) -> tuple[int, Row]:
    """Return who has become of a customer, as the cell has it in memory or else reads it."""
    for _ in range(2):
        cached = world.cells[place].cache[customer]
        row = cached if cached != NO_ROW else world.stored.rows[customer]
        if row.into < 0:
            break
        customer = row.into
    return customer, row


def read(
    sizes: Sizes, protocol: Protocol, world: World, place: int, message: int, customer: int
) -> World:
    """Begin a group with one message: look it up, and prepare what it writes."""
    cell = world.cells[place]
    if world.stored.taken >> message & 1:
        return with_cell(world, place, turn=("reply", message))
    merges = message == len(sizes.messages)
    asked = customer
    customer, row = known(world, place, customer)
    epoch = cell.held[row.partition]
    if epoch == NOT_HELD:
        return with_cell(world, place, turn=(), inbox=asked_to_reload(cell))
    spends = FROM_BUDGET if 0 <= world.stored.spent < sizes.budget else 0
    if sizes.leases:
        spent = sum(lease.spent for lease in world.stored.leases)
        spends = FROM_LEASE if spent < sizes.budget else 0
    effects = row.applied if merges else (*row.applied, message)
    # A turn first wakes the customer's timers that are due.
    fired = row.fired + row.timer
    after = row._replace(seq=row.seq + 1, applied=effects, timer=0, fired=fired)
    writes = [Write((customer, row, after, epoch, message, spends, -1))]
    if merges:
        loser = world.stored.rows[1]
        after = after._replace(applied=row.applied + loser.applied, merged=1)
        gone = loser._replace(seq=loser.seq + 1, into=customer, applied=(), timer=0)
        tied = customer if protocol.ties_merges else -1
        writes = [
            Write((customer, row, after, epoch, message, 0, -1)),
            Write((1, loser, gone, None, -1, 0, tied)),
        ]
    world = with_cell(world, place, turn=("commit", tuple(writes), message, asked))
    if not protocol.commit_first and message < len(world.stored.effects):
        world = deliver(world, place, message)
    return world


def timer_steps(world: World, place: int) -> Steps:
    """Yield which timer a cell can see due among those of its partitions; it waits for a group then."""
    cell = world.cells[place]
    me = owner_of(place, cell.incarnation)
    for customer, row in enumerate(world.stored.rows):
        mine = world.stored.parts[row.partition][0] == me
        if row.timer and mine and cell.alarm < 0:
            seen = with_cell(world, place, alarm=customer)
            yield f"cell-{place} sees the timer of customer {customer} due", seen


def fire(protocol: Protocol, world: World, place: int, customer: int) -> World:
    """Begin a group with one timer; when the customer has none any more, nothing happens."""
    cell = world.cells[place]
    customer, row = known(world, place, customer)
    epoch = cell.held[row.partition]
    if epoch == NOT_HELD:
        return with_cell(world, place, inbox=asked_to_reload(cell))
    if not row.timer and protocol.checks_timers:
        return world
    after = row._replace(seq=row.seq + 1, timer=0, fired=row.fired + 1)
    write = Write((customer, row, after, epoch, -1, 0, -1))
    return with_cell(world, place, turn=("commit", (write,), -1, customer))


def commit(sizes: Sizes, protocol: Protocol, world: World, place: int) -> Steps:
    """Yield what comes of a commit: written, refused, or an answer that never comes."""
    cell = world.cells[place]
    _, writes, message, customer = cell.turn
    found = judged(protocol, world.stored, writes, sizes.budget)
    touched = {write[0] for write in writes}
    dropped = tuple(NO_ROW if i in touched else row for i, row in enumerate(cell.cache))
    idle = with_cell(world, place, turn=(), cache=dropped)
    what = f"cell-{place} commits {'the timer' if message < 0 else f'message {message}'}"
    leases = world.stored.leases
    if writes[0][5] == FROM_LEASE and Verdict.COMMITTED in found:
        me = owner_of(place, cell.incarnation)
        spent = with_spent(
            leases, me, sizes.budget, cell.clock, by_time=protocol.leases_end_by_time
        )
        found = (Verdict.OVERSPENT,) if spent is None else found
        leases = leases if spent is None else spent
    if Verdict.COMMITTED in found:
        done = written(world, place, writes, found, message)
        done = done._replace(stored=done.stored._replace(leases=leases))
        whole = Verdict.COMMITTED is found[0]
        turn = ("reply", message) if whole and message >= 0 else ()
        cache = tuple(
            next((w[2] for w, v in zip(writes, found, strict=True)
                  if w[0] == i and v is Verdict.COMMITTED and w[2].into < 0), row)
            for i, row in enumerate(dropped)
        )  # fmt: skip
        yield what, with_cell(done, place, turn=turn, cache=cache)
        if world.left.losses:
            yield f"{what}, and is not told", lose(with_cell(done, place, turn=(), cache=dropped))
    elif Verdict.FENCED in found:
        inbox = asked_to_reload(cell)
        yield f"{what}: fenced", with_cell(idle, place, inbox=inbox)
    else:
        turn = ("again", message, customer) if message >= 0 else ()
        yield f"{what}: {found[0].name}", with_cell(idle, place, turn=turn)
    if world.left.losses:
        unknown = lose(idle)
        if protocol.acks_lost_commits and message >= 0:
            unknown = with_cell(unknown, place, turn=("reply", message))
        yield f"{what}, which never reaches the store", unknown


def written(world: World, place: int, writes: tuple, found: tuple, message: int) -> World:
    """Return the world after writes, with what they break."""
    stored, bad = world.stored, world.bad
    me = owner_of(place, world.cells[place].incarnation)
    for (customer, _, after, epoch, _, spends, _), verdict in zip(writes, found, strict=True):
        if verdict is not Verdict.COMMITTED:
            continue
        here = stored.rows[customer].partition
        if epoch is not None and stored.parts[here][0] != me:
            bad = bad or f"cell-{place} has written customer {customer}, whom it does not own"
        stored = stored._replace(
            rows=put(stored.rows, customer, after),
            spent=stored.spent + (spends == FROM_BUDGET),
        )
    if message >= 0 and found[0] is Verdict.COMMITTED:
        stored = stored._replace(taken=stored.taken | 1 << message)
        if message < len(stored.effects):
            partition = writes[0][1].partition
            effect = Effect(PENDING, 0, 0, partition, customer=writes[0][0])
            stored = stored._replace(effects=put(stored.effects, message, effect))
    return world._replace(stored=stored, bad=bad)


def send_steps(protocol: Protocol, world: World, place: int) -> Steps:
    """Yield what the dispatcher can do: look, claim, check, send, settle."""
    cell, stored = world.cells[place], world.stored
    if not cell.send:
        me = owner_of(place, cell.incarnation)
        for e, effect in enumerate(stored.effects):
            due = effect.state == PENDING or (effect.state == SENDING and effect.due <= cell.clock)
            mine = stored.parts[effect.partition][0] == me
            if due and mine and cell.held[effect.partition] != NOT_HELD:
                op = ("due", e, effect.state, effect.attempts)
                op = op if protocol.claim_first else ("go", e)
                yield f"cell-{place} sees effect {e} due", with_cell(world, place, send=op)
        return
    what, e, *rest = cell.send
    if what == "due":
        yield from claim_effect(protocol, world, place)
    elif what == "claimed":
        at, epoch, partition = rest
        held_epoch = cell.held[partition]
        current = None if held_epoch == NOT_HELD else held_epoch
        ok = protocol.may_send(at * TICK_MS, cell.clock * TICK_MS, epoch, current)
        op = ("go", e) if ok else ("settle", e, PENDING)
        yield (
            f"cell-{place} {'may' if ok else 'may not'} send effect {e}",
            with_cell(world, place, send=op),
        )
    elif what == "go":
        sent = with_cell(deliver(world, place, e), place, send=("settle", e, SENT))
        yield f"cell-{place} sends effect {e}", sent
    else:
        effect = stored.effects[e]
        if effect.state == SENDING:
            effect = effect._replace(state=rest[0], due=cell.clock)
        after = world._replace(stored=stored._replace(effects=put(stored.effects, e, effect)))
        yield f"cell-{place} settles effect {e}", with_cell(after, place, send=())


def deliver(world: World, place: int, e: int) -> World:
    """Send an effect: to the receiver it cannot be taken back."""
    effect = world.stored.effects[e]
    me = owner_of(place, world.cells[place].incarnation)
    bad = world.bad
    if effect.state == NONE:
        bad = bad or f"effect {e} was sent, and nothing was committed that says so"
    elif me not in effect.claimers:
        bad = bad or f"effect {e} was sent by cell-{place}, which has not claimed it"
    return world._replace(sent=world.sent | 1 << e, bad=bad)


def claim_effect(protocol: Protocol, world: World, place: int) -> Steps:
    """Yield what comes of the claim of an effect."""
    cell, stored = world.cells[place], world.stored
    _, e, state, attempts = cell.send
    effect = stored.effects[e]
    held_epoch = cell.held[effect.partition]
    mine = None if held_epoch == NOT_HELD else held_epoch
    epoch = stored.parts[effect.partition][1]
    idle = with_cell(world, place, send=())
    seen = (state, attempts)
    if not protocol.may_attempt((effect.state, effect.attempts), seen, mine, epoch):
        yield f"cell-{place} loses the claim of effect {e}", idle
        return
    me = owner_of(place, cell.incarnation)
    bad = world.bad
    if stored.parts[stored.rows[effect.customer].partition][0] != me:
        bad = bad or f"cell-{place} has claimed effect {e} of a customer whom it does not own"
    claimed = Effect(
        SENDING,
        effect.attempts + 1,
        cell.clock + RETRY_TICKS,
        effect.partition,
        tuple(sorted({*effect.claimers, me})),
        effect.customer,
    )
    after = world._replace(stored=stored._replace(effects=put(stored.effects, e, claimed)), bad=bad)
    op = ("claimed", e, cell.clock, mine, effect.partition)
    yield f"cell-{place} claims effect {e}", with_cell(after, place, send=op)
    if world.left.losses:
        yield (
            f"cell-{place} claims effect {e}, and is not told",
            lose(with_cell(after, place, send=())),
        )


def own_steps(protocol: Protocol, world: World, place: int) -> Steps:
    """Yield what can become of what a cell owns: claims, hand-overs, readings of the map."""
    cell, parts = world.cells[place], world.stored.parts
    me = owner_of(place, cell.incarnation)
    if cell.own:
        yield own_goes_on(protocol, world, place)
        return
    truth = held(protocol, parts, me)
    if protocol.watches_map and truth != cell.held and not cell.inbox:
        heard = with_cell(world, place, own=("rows", truth))
        yield f"cell-{place} hears that the map has changed", heard
    if not cell.inbox:
        return
    call, *rest = cell.inbox
    taken = with_cell(world, place, inbox=tuple(rest))
    if call == RELOAD:
        yield f"cell-{place} reads the map", with_cell(taken, place, own=("rows", truth))
    elif call[0] == "claim":
        after, got = won(protocol, parts, call[1], me)
        done = changed_hands(taken, after)
        yield f"cell-{place} claims, and wins {got}", with_cell(done, place, own=("won", got))
        if world.left.losses and got:
            yield f"cell-{place} claims and wins {got}, and is not told", lose(done)
    elif call[0] == "rehome":
        if not (cell.turn and protocol.moves_between_turns):
            yield begins(protocol, taken, place, call[1], call[2])
    elif not cell.turn:
        offers = to_give(protocol, me, cell.held, call[1])
        given = {p for p, _, _ in offers}
        after = tuple(NOT_HELD if p in given else e for p, e in enumerate(cell.held))
        cache = forgotten(protocol, cell.held, after, cell.cache, NO_ROW)
        own = ("giving", offers, call[2]) if offers else ()
        yield (
            f"cell-{place} lets go of {sorted(given)}",
            with_cell(taken, place, held=after, cache=cache, own=own),
        )


def own_goes_on(protocol: Protocol, world: World, place: int) -> tuple[str, World]:
    """Return the second half of what was begun."""
    cell = world.cells[place]
    if cell.own[0] == "moving":
        return ends(protocol, world, place)
    if cell.own[0] == "giving":
        parts, got = won(protocol, world.stored.parts, cell.own[1], cell.own[2])
        done = with_cell(changed_hands(world, parts), place, own=())
        return f"cell-{place} hands over {got}", done
    if cell.own[0] == "won":
        mine = dict(cell.own[1])
        after = tuple(mine.get(p, epoch) for p, epoch in enumerate(cell.held))
        cache = tuple(NO_ROW if row.partition in mine else row for row in cell.cache)
    else:
        after = cell.own[1]
        cache = forgotten(protocol, cell.held, after, cell.cache, NO_ROW)
    done = with_cell(world, place, held=after, cache=cache, own=())
    return f"cell-{place} holds {after}", done


def beat(world: World, place: int) -> Steps:
    """Yield a beat, if the watcher has seen the last one: more often makes no difference to anybody."""
    cell, row = world.cells[place], world.stored.cells[place]
    me = owner_of(place, cell.incarnation)
    if row.incarnation == cell.incarnation and (me, row.beat) in {
        (owner, beat) for owner, beat, _ in world.supervisor.seen
    }:
        cells = put(world.stored.cells, place, Beat(row.incarnation, 1 - row.beat, cell.clock))
        yield f"cell-{place} beats", world._replace(stored=world.stored._replace(cells=cells))
