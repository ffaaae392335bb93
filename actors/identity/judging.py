"""May two customers become one, and who remains?"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from actors.domain.ids import Identity
from actors.domain.state import CustomerState
from actors.playbook.identity_model import UNLIMITED, USER, IdentityRules


class RefusalCode(StrEnum):
    """Why two customers stay two."""

    SAME = "same_customer"
    ERASED = "erased"
    BLOCKED = "blocked_value"
    SHARED_KIND = "shared_kind"
    LIMIT = "too_many_of_a_kind"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a merge was not done. `detail` is a sentence without personal data; `kind` may be empty."""

    code: RefusalCode
    detail: str
    kind: str = ""


def may_merge(
    survivor: CustomerState,
    other: CustomerState,
    shared: Identity | None,
    rules: IdentityRules,
    *,
    erased: bool = False,
) -> Refusal | None:
    """Return why these two must not be merged, or None when they may.

    `shared` is the identity that says they are one, None when an operator says so. `erased` tells
    that one of them was erased. The answer is the same with the two exchanged.
    """
    if survivor.number == other.number:
        return Refusal(RefusalCode.SAME, "both are the same customer")
    if erased:
        return Refusal(RefusalCode.ERASED, "one of the two was erased")
    named = [*survivor.identities, *other.identities]
    blocked = _blocked(named if shared is None else [shared, *named], rules)
    if blocked is not None:
        return Refusal(
            RefusalCode.BLOCKED, f"a {blocked} identity has a value that many share", blocked
        )
    if shared is not None and not rules.kind(shared.kind).merges:
        return Refusal(
            RefusalCode.SHARED_KIND,
            f"a {shared.kind} in common does not make one person",
            shared.kind,
        )
    return _over_limit(named, rules)


def _blocked(identities: Iterable[Identity], rules: IdentityRules) -> str | None:
    return next((i.kind for i in identities if rules.is_blocked(i.kind, i.value)), None)


def _over_limit(identities: Iterable[Identity], rules: IdentityRules) -> Refusal | None:
    values: dict[str, set[str]] = {}
    for identity in identities:
        values.setdefault(identity.kind, set()).add(identity.value)
    for kind in sorted(values):
        limit = rules.kind(kind).limit
        if limit != UNLIMITED and len(values[kind]) > limit:
            return Refusal(
                RefusalCode.LIMIT,
                f"together they have {len(values[kind])} {kind} identities, at most {limit} are one"
                " customer's",
                kind,
            )
    return None


def survivor_of(a: CustomerState, b: CustomerState) -> tuple[CustomerState, CustomerState]:
    """Return who remains and who becomes a redirect.

    A customer with a user id remains before one without, else the one with the smaller number.
    """
    first, second = sorted((a, b), key=lambda c: (not _is_known(c), c.number))
    return first, second


def _is_known(state: CustomerState) -> bool:
    return any(identity.kind == USER for identity in state.identities)
