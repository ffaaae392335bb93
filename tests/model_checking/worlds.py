"""The worlds that are explored: each small enough to see all of it, together all that may go wrong."""

from tests.model_checking.world import Sizes

WORLDS = (
    Sizes(
        "takeover by a known death", messages=(0, 0), crashes=1, losses=1, ticks=2, same_host=True
    ),
    Sizes("takeover by silence", messages=(0,), crashes=1, losses=1, ticks=3, sends=True),
    Sizes("a cell is added", before=1, wanted=2, messages=(0, 1), losses=1, crashes=1),
    Sizes("a cell is removed", before=2, wanted=1, messages=(0, 1), losses=1, sends=True),
    Sizes("three cells", cells=3, before=3, wanted=2, messages=(0,), losses=1, crashes=1),
    Sizes("merges", merge=True, messages=(0, 1), losses=1, before=2, wanted=1),
    Sizes(
        "effects under skewed clocks",
        sends=True,
        messages=(0,),
        losses=1,
        crashes=1,
        ticks=1,
        skew=(0, 25, 0),
        before=1,
        wanted=2,
    ),
    Sizes("an effect waits", sends=True, waits=True, ticks=2, crashes=1, losses=1),
    Sizes("timers", timer=True, messages=(0,), crashes=1, losses=1, before=1, wanted=2),
    Sizes("one budget", budget=1, messages=(0, 1), losses=1, crashes=1),
    Sizes(
        "an actor of her own",
        cells=3,
        apart=1,
        moves=2,
        messages=(0, 0),
        tries=1,
        crashes=1,
        same_host=True,
    ),
    Sizes(
        "effects and timers of one with an actor",
        cells=2,
        apart=1,
        before=1,
        wanted=1,
        moves=2,
        sends=True,
        timer=True,
        messages=(0,),
        losses=1,
        crashes=1,
    ),
    Sizes(
        "a merge with one who has an actor",
        cells=2,
        apart=1,
        before=1,
        wanted=1,
        moves=2,
        merge=True,
        messages=(1,),
        losses=1,
    ),
    Sizes("leases", budget=2, leases=1, messages=(0, 1, 0), ticks=2, crashes=1, supervised=False),
)
"""Two cells and two partitions unless they say otherwise; a supervisor but in the last."""

EVERYTHING = Sizes(
    "everything at once",
    cells=4,
    partitions=3,
    before=2,
    wanted=3,
    apart=1,
    moves=4,
    merge=True,
    sends=True,
    timer=True,
    budget=2,
    crashes=2,
    losses=3,
    ticks=6,
    tries=4,
    messages=(0, 1, 2, 0),
    skew=(0, 25, 3, 1),
)
"""Too large to see all of it: walked through at random."""

DEPTHS = {
    "takeover by a known death": 9,
    "takeover by silence": 10,
    "a cell is added": 10,
    "a cell is removed": 10,
    "three cells": 10,
    "merges": 9,
    "effects under skewed clocks": 11,
    "an effect waits": 11,
    "timers": 11,
    "one budget": 10,
    "an actor of her own": 10,
    "effects and timers of one with an actor": 10,
    "a merge with one who has an actor": 11,
    "leases": 10,
}
"""How deep the long test goes: a million states in all."""
