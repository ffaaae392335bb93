"""How much of the optimum prices reach: sizes, orders of arrival, learned and given."""

from typing import Any

from scripts.pricing.instances import Run, best, instance_of, learning, orders, with_prices

SIZES = (200, 500)
WHOLE, LEARNED, NONE = "of the whole instance", "learned on the way", "none"
_BARS = {200: 0.90, 500: 0.95}
_WHOLE_BAR = 0.99


def evaluate(seeds: int) -> dict[str, Any]:
    """Run `seeds` instances of each size; shares are of the linear program's optimum.

    `worst` and `mean` are over the instances, `regret` is 1 − mean. Orders other than the random one have no
    bar for learned prices: no algorithm can promise one there.
    """
    shares: dict[tuple[int, str, str], list[tuple[float, bool]]] = {}
    for contacts in SIZES:
        for seed in range(seeds):
            instance = instance_of(seed, contacts)
            top = best(instance)

            def note(order: str, prices: str, run: Run, key: int = contacts) -> None:
                over = any(run.taken[n] > instance.budgets[n] + 1e-6 for n in run.taken)  # noqa: B023
                share = run.value_minor / top.value_minor  # noqa: B023
                shares.setdefault((key, order, prices), []).append((share, over))

            for name, order in orders(instance, seed).items():
                note(name, LEARNED, learning(instance, order))
                note(name, WHOLE, with_prices(instance, top.prices, order))
                if name == "random":
                    note(name, NONE, with_prices(instance, {}, order))
    return {"rows": [_row(key, found) for key, found in shares.items()], "seeds": seeds}


def _row(key: tuple[int, str, str], found: list[tuple[float, bool]]) -> dict[str, Any]:
    contacts, order, prices = key
    bar = None
    if prices == WHOLE:
        bar = _WHOLE_BAR
    elif prices == LEARNED and order == "random":
        bar = _BARS[contacts]
    worst = min(share for share, _ in found)
    mean = sum(share for share, _ in found) / len(found)
    overspent = sum(over for _, over in found)
    return {
        "contacts": contacts,
        "order": order,
        "prices": prices,
        "worst": worst,
        "mean": mean,
        "regret": 1 - mean,
        "bar": bar,
        "overspent": overspent,
        "met": not overspent and (bar is None or worst >= bar),
    }
