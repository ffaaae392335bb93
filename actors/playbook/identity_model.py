"""What the core uses of `identities.yaml`: kinds of identities, blocked values, strategies for traits."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

USER, ANONYMOUS = "user", "anon"
UNLIMITED = 0
NORMALISATIONS = ("none", "trim", "lower", "email", "phone")
STRATEGIES = ("latest", "oldest", "min", "max", "sum", "union", "most_restrictive")

BLOCKED_VALUES = frozenset(
    {
        "",
        "-1",
        "null",
        "nil",
        "none",
        "undefined",
        "undef",
        "unset",
        "(not set)",
        "not set",
        "unknown",
        "anonymous",
        "guest",
        "nan",
        "empty",
        "blank",
        "n/a",
        "na",
        "id",
        "userid",
        "user_id",
        "distinct_id",
        "email",
        "true",
        "false",
        "[object object]",
        "00000000-0000-0000-0000-000000000000",
    }
)
"""What broken clients send instead of an identity, trimmed and in small letters."""
BLOCKED_PATTERNS = (r"[0\-]*", r"f{8}-f{4}-f{4}-f{4}-f{12}")
"""Zeros, with or without dashes, and the UUID that is all f: regular expressions for whole values."""


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for several."""
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE)


BLOCKED_PATTERN = any_of(BLOCKED_PATTERNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityKind:
    """A kind of identity.

    `unique`: a value belongs to one customer; the values of other kinds (a device) are shared.
    `merges`: two customers with the same value may be merged. `limit` is the most values that one
    customer has, 0 for any number. `sources` are where values are found, as paths that begin with
    `traits` or `context`. `region` (ISO 3166) is where phone numbers without a country code are from.
    """

    name: str
    unique: bool = True
    merges: bool = True
    limit: int = 5
    normalise: str = "none"
    region: str = ""
    sources: tuple[tuple[str, ...], ...] = ()
    blocked: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None


UNDECLARED = IdentityKind(name="*", merges=False)
"""For kinds of which the playbook says nothing: a value in common proves nothing."""

DEFAULT_KINDS = (
    IdentityKind(name=USER, limit=1),
    IdentityKind(name=ANONYMOUS, limit=UNLIMITED),
    IdentityKind(name="email", normalise="email", sources=(("traits", "email"),)),
    IdentityKind(name="phone", normalise="phone", sources=(("traits", "phone"),)),
    IdentityKind(
        name="device",
        unique=False,
        merges=False,
        limit=UNLIMITED,
        sources=(("context", "device", "id"),),
    ),
    IdentityKind(name="loyalty", normalise="trim", sources=(("traits", "loyaltyCard"),)),
)


Source = tuple[IdentityKind, tuple[str, ...]]
"""A kind, and a path to where one of its values may be."""


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """All kinds by name, what is blocked in every kind, and how traits are merged, by their name.

    `trait_sources` and `context_sources` are the sources of all kinds, without the first step.
    """

    kinds: dict[str, IdentityKind] = field(
        default_factory=lambda: {kind.name: kind for kind in DEFAULT_KINDS}
    )
    blocked: frozenset[str] = BLOCKED_VALUES
    pattern: re.Pattern[str] = BLOCKED_PATTERN
    strategies: dict[str, str] = field(default_factory=dict)
    trait_sources: tuple[Source, ...] = field(init=False, compare=False)
    context_sources: tuple[Source, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for root in ("trait", "context"):
            found = tuple(
                (kind, source[1:])
                for kind in self.kinds.values()
                for source in kind.sources
                if source[0].startswith(root)
            )
            object.__setattr__(self, f"{root}_sources", found)

    def kind(self, name: str) -> IdentityKind:
        """Return the rules of a kind, also of one that nobody declared."""
        return self.kinds.get(name, UNDECLARED)

    def is_blocked(self, kind: str, value: str) -> bool:
        """Return whether a value names nobody in particular. Case and blanks around it do not count."""
        plain = value.strip().casefold()
        own = self.kinds.get(kind, UNDECLARED)
        if plain in self.blocked or plain in own.blocked:
            return True
        if self.pattern.fullmatch(plain) is not None:
            return True
        return own.pattern is not None and own.pattern.fullmatch(plain) is not None


DEFAULT_RULES = IdentityRules()
"""What holds without an `identities.yaml`."""
