"""A customer on her way to a partition of her own, whose owner is an actor for her alone, and back home."""

from collections.abc import Iterator

from tests.model_checking.protocol import Protocol
from tests.model_checking.world import (
    NO_ROW,
    NONE,
    NOT_HELD,
    SENDING,
    Row,
    Sizes,
    Stored,
    World,
    place_of,
    put,
    with_cell,
)

Held = tuple[int, int]


def is_actor(sizes: Sizes, place: int) -> bool:
    """Return whether a process is the actor of a customer: nobody starts it again when it has died."""
    return place >= sizes.cells - sizes.apart


def proposals(sizes: Sizes, world: World) -> Iterator[tuple[str, World]]:
    """Yield whom the promoter may ask to move whom: to the actor's partition, or home from there."""
    left, parts = world.left, world.stored.parts
    if not left.moves:
        return
    for customer, row in enumerate(world.stored.rows):
        if row.into >= 0:
            continue
        home = customer % sizes.partitions
        to = sizes.partitions if row.partition == home else home
        giver = place_of(parts[row.partition][0])
        call = ("rehome", customer, (to, parts[to][1]))
        cell = world.cells[giver]
        if cell.alive and call not in cell.inbox and len(cell.inbox) < 2:
            asked = with_cell(world, giver, inbox=(*cell.inbox, call))
            yield (
                f"the promoter asks cell-{giver} to move customer {customer} to partition {to}",
                asked._replace(left=left._replace(moves=left.moves - 1)),
            )


def begins(
    protocol: Protocol, world: World, place: int, customer: int, to: Held
) -> tuple[str, World]:
    """Return the cell's first half: it looks where she is, and forgets her. The call has been taken."""
    cell, row = world.cells[place], world.stored.rows[customer]
    of = (row.partition, cell.held[row.partition])
    under_way = any(e.customer == customer and e.state == SENDING for e in world.stored.effects)
    if of[1] == NOT_HELD or under_way:
        return f"cell-{place} keeps customer {customer} where she is", world
    cache = put(cell.cache, customer, NO_ROW) if protocol.moved_are_forgotten else cell.cache
    own = ("moving", customer, of, to, row)
    return (
        f"cell-{place} forgets customer {customer}, who is to go to {to}",
        with_cell(world, place, own=own, cache=cache),
    )


def rehomed(protocol: Protocol, stored: Stored, customer: int, of: Held, to: Held) -> Stored | None:
    """Return the store after the move, by its own rule; None when it says no."""
    row = stored.rows[customer]
    epochs = {p: stored.parts[p][1] for p in (of[0], to[0])}
    if not protocol.may_rehome(row.partition if row.seq else None, epochs, of, to):
        return None
    moved = tuple(
        e._replace(partition=to[0])
        if e.customer == customer and e.state != NONE and protocol.effects_move_too
        else e
        for e in stored.effects
    )
    rows = put(stored.rows, customer, row._replace(partition=to[0]))
    return stored._replace(rows=rows, effects=moved)


def ends(protocol: Protocol, world: World, place: int) -> tuple[str, World]:
    """Return the second half: one transaction, which may say no."""
    cell, stored = world.cells[place], world.stored
    _, customer, of, to, read = cell.own
    idle = with_cell(world, place, own=())
    after = rehomed(protocol, stored, customer, of, to)
    if after is None:
        return f"cell-{place} may not move customer {customer}", idle
    if not protocol.moved_as_stored:
        after = after._replace(rows=put(after.rows, customer, as_read(read, to[0])))
    bad = world.bad
    if place_of(stored.parts[of[0]][0]) != place or stored.parts[of[0]][1] != of[1]:
        bad = bad or f"cell-{place} has moved customer {customer}, whom it does not own"
    if stored.parts[to[0]][1] != to[1]:
        bad = bad or f"customer {customer} was moved under an epoch that has gone"
    done = idle._replace(stored=after, bad=bad)
    return f"cell-{place} moves customer {customer} from {of[0]} to {to[0]}", done


def as_read(row: Row, partition: int) -> Row:
    """Return a row as it was before, elsewhere: what a move would write that copies her."""
    return row._replace(partition=partition)
