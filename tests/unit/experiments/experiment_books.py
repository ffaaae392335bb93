"""A shop with experiments, for tests."""

from dataclasses import replace

from actors.playbook.experiment_files import ExperimentsFile, compile_experiments
from tests.builders import SHOP

OUTCOMES = {
    "visit": {"except": ["Campaign Assigned"]},
    "order": {"on": "Order Completed"},
    "revenue": {"on": "Order Completed", "sum": "total"},
}


def experiments_of(experiments, *, outcomes=OUTCOMES, horizon="P14D", actions=None):
    file = ExperimentsFile.model_validate(
        {"experiments": experiments, "outcomes": outcomes, "horizon": horizon}
    )
    return compile_experiments(file, SHOP.actions if actions is None else actions, "UTC")


def shop_with(experiments, playbook=SHOP, **more):
    """The shop, with experiments."""
    compiled = experiments_of(experiments, actions=playbook.actions, **more)
    return replace(playbook, experiments=compiled)


def holdout(share, **more):
    return {"kind": "holdout", "share": share, **more}


def split(**more):
    return {"kind": "experiment", "arms": {"a": 1, "b": 1}, **more}
