"""What is told of the models, read from the store: figures, versions, and what answers."""

from typing import Any

from actors.ports import Store
from serve_app.models import shelf
from serve_app.models.learner import Kept, Learner


async def listed(store: Store) -> dict[str, Any]:
    """Return all models as of the last checkpoint: of each name the one that learned last."""
    learner = await shelf.read_learner(store)
    pins = await shelf.pins(store)
    models = []
    for name in sorted(newest_by_name(learner)):
        one = _outline(newest_by_name(learner)[name], pins)
        figures = one.pop("figures")
        recent = {each: figures["recent"][each] for each in ("labels", "rate", "auc", "logLoss")}
        models.append({**one, "recent": recent, "drift": figures["drift"]})
    return {"offset": learner.offset, "models": models}


async def shown(store: Store, name: str) -> dict[str, Any] | None:
    """Return everything about one model, None when there is none of the name."""
    learner = await shelf.read_learner(store)
    kept = newest_by_name(learner).get(name)
    if kept is None:
        return None
    one = _outline(kept, await shelf.pins(store))
    figures = one.pop("figures")
    versions = [
        {"version": version, "offset": offset, "lessons": each.model.lessons, "key": each.key}
        for version, offset, each in await shelf.versions_of(store, name)
    ]
    columns = list(kept.columns)
    return {**one, "offset": learner.offset, "columns": columns, "versions": versions, **figures}


def newest_by_name(learner: Learner) -> dict[str, Kept]:
    """Return by name the model that learned last: definitions of earlier playbooks may be kept beside it."""
    found: dict[str, Kept] = {}
    for kept in learner.kept.values():
        other = found.get(kept.name)
        if other is None or (kept.learned_at, kept.key) > (other.learned_at, other.key):
            found[kept.name] = kept
    return found


def _outline(kept: Kept, pins: dict[str, int]) -> dict[str, Any]:
    pinned = {"pinned": pins[kept.name]} if kept.name in pins else {}
    return {
        "name": kept.name,
        "key": kept.key,
        "kind": kept.kind,
        "lessons": kept.model.lessons,
        "version": kept.version,
        **pinned,
        "figures": kept.monitor.figures(),
    }
