"""How candidates are weighed against each other: what the core uses of `arbitration:`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Arbitration:
    """Settings of the arbitration; the defaults are those of a playbook that says nothing.

    `attention_minor` is the price of a message per recent contact, in minor units.
    `least_propensity` is the least with which an action may be offered. An action with fewer than
    `mature_positives` takes part with a probability that rises from `maturity_from` to 1, relative to
    the most mature of its competitors. `vectors` posterior vectors vote; a share `epsilon` of the
    choices is uniform. With `one_per_group` a turn says one thing of a group; `per_issue` bounds what
    it says of an issue, 0 for no bound.
    """

    attention_minor: float = 0.0
    least_propensity: float = 0.0
    maturity_from: float = 0.02
    mature_positives: float = 200.0
    vectors: int = 64
    epsilon: float = 0.05
    one_per_group: bool = True
    per_issue: int = 0


STANDARD = Arbitration()
