"""Fitting and judging the model of items that are bought together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from actors.suggestions import ItemModel
from actors.suggestions.model import MAX_ITEMS

SHRINKAGE = 20.0
"""λ: how many common baskets it takes until half of a cosine is believed."""
WIDTH = 30
LEAST_BASKETS = 20
"""Items in fewer baskets are left out: nothing can be said of them yet."""
_SCALE = 65_535


@dataclass(frozen=True, slots=True)
class Baskets:
    """Lines of baskets, each item once a basket.

    `baskets` and `items` are codes from 0, one a line; `at_ms` is when each basket was bought, by its
    code; `keys` and `names` are the items' ids and names, by theirs.
    """

    baskets: NDArray[np.int64]
    items: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    keys: list[str]
    names: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """How many baskets there are."""
        return len(self.at_ms)


def of_lines(lines: Sequence[tuple[str, str, int]], names: dict[str, str] | None = None) -> Baskets:
    """Make baskets of (basket, item, when in ms) lines, in any order; a basket's last instant counts."""
    baskets: dict[str, int] = {}
    items: dict[str, int] = {}
    at_ms: list[int] = []
    pairs: dict[tuple[int, int], None] = {}
    for basket, item, when_ms in lines:
        b = baskets.setdefault(basket, len(baskets))
        if b == len(at_ms):
            at_ms.append(when_ms)
        at_ms[b] = max(at_ms[b], when_ms)
        pairs[b, items.setdefault(item, len(items))] = None
    table = np.array(list(pairs), np.int64).reshape(-1, 2)
    given = names or {}
    keys = list(items)
    return Baskets(
        table[:, 0], table[:, 1], np.array(at_ms, np.int64), keys, [given.get(k, "") for k in keys]
    )


def split(found: Baskets, share: float) -> tuple[Baskets, Baskets]:
    """Return the earlier baskets, and the last `share` of them by time, to judge by."""
    order = np.argsort(found.at_ms, kind="stable")
    later = np.zeros(len(found), bool)
    later[order[len(found) - round(len(found) * share) :]] = True
    return _some(found, ~later), _some(found, later)


def _some(found: Baskets, kept: NDArray[np.bool_]) -> Baskets:
    codes = np.cumsum(kept) - 1
    lines = kept[found.baskets]
    return Baskets(
        codes[found.baskets[lines]], found.items[lines], found.at_ms[kept], found.keys, found.names
    )


def fit(
    found: Baskets,
    *,
    least: int = LEAST_BASKETS,
    width: int = WIDTH,
    shrinkage: float = SHRINKAGE,
) -> ItemModel:
    """Fit the model; see `actors.suggestions.model` for the formula.

    Deterministic: ties go to the item that sells better, then to the smaller id.
    """
    bought = np.bincount(found.items, minlength=len(found.keys))
    known = [int(i) for i in np.flatnonzero(bought >= least)]
    known.sort(key=lambda i: (-bought[i], found.keys[i]))
    known = known[:MAX_ITEMS]
    place = np.full(len(found.keys), -1)
    place[known] = np.arange(len(known))
    lines = place[found.items] >= 0
    shape = (len(found), len(known))
    held = sparse.csr_matrix(
        (np.ones(int(lines.sum()), np.float32), (found.baskets[lines], place[found.items[lines]])),
        shape=shape,
    )
    together = (held.T @ held).tocsr()
    together.sort_indices()
    counts = bought[known].astype(np.float64)
    near = np.zeros((len(known), width), np.uint16)
    weights = np.zeros((len(known), width), np.uint16)
    for i in range(len(known)):
        row = slice(together.indptr[i], together.indptr[i + 1])
        others, common = together.indices[row], together.data[row].astype(np.float64)
        cosines = common / np.sqrt(counts[i] * counts[others])
        scores = np.rint(_SCALE * cosines * common / (common + shrinkage)).astype(np.int64)
        scores[others == i] = 0
        best = np.lexsort((others, -scores))[:width]
        best = best[scores[best] > 0]
        near[i, : len(best)], weights[i, : len(best)] = others[best], scores[best]
    return ItemModel(
        tuple(found.keys[i] for i in known),
        tuple(found.names[i] if found.names else "" for i in known),
        width,
        near.ravel().tolist(),
        weights.ravel().tolist(),
        len(found),
        int(found.at_ms.max(initial=0)),
    )


def judge(
    model: ItemModel, later: Baskets, ks: Sequence[int] = (1, 5, 10), most: int = 10_000
) -> dict[str, Any]:
    """Leave one item out of each later basket; return how often it is among the first k suggested.

    Only what the model knows is left out, of baskets with at least two such items; which one, is drawn by
    the basket's own hash, and so are the `most` baskets that are looked at. Best-sellers are asked the same.
    """
    trials = _trials(model, later, most)
    hits: dict[str, dict[int, int]] = {
        name: dict.fromkeys(ks, 0) for name in ("together", "best_sellers")
    }
    widest = max(ks)
    for rest, left_out in trials:
        for name, found in (
            ("together", model.next_items(rest, widest)),
            ("best_sellers", model.best_sellers(rest, widest)),
        ):
            items = [each.item for each in found]
            if left_out in items:
                rank = items.index(left_out)
                for k in ks:
                    hits[name][k] += rank < k
    count = len(trials)
    rates = {
        name: {str(k): round(each[k] / count, 4) if count else None for k in ks}
        for name, each in hits.items()
    }
    return {"baskets": count, "hit_rate": rates}


def _trials(model: ItemModel, later: Baskets, most: int) -> list[tuple[list[str], str]]:
    by_basket: dict[int, list[str]] = {}
    for basket, item in zip(later.baskets.tolist(), later.items.tolist(), strict=True):
        key = later.keys[item]
        if key in model.places:
            by_basket.setdefault(basket, []).append(key)
    drawn: list[tuple[int, list[str]]] = []
    for items in by_basket.values():
        if len(items) > 1:
            named = "\n".join(sorted(items)).encode()
            digest = blake2b(named, digest_size=8).digest()
            drawn.append((int.from_bytes(digest, "big"), sorted(items)))
    drawn.sort()
    trials: list[tuple[list[str], str]] = []
    for number, items in drawn[:most]:
        at = number % len(items)
        trials.append((items[:at] + items[at + 1 :], items[at]))
    return trials
