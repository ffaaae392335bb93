"""What `policies.yaml` and the tiers' service levels refer to: everything named is defined."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from actors.domain.groups import MAX_GROUP_CONTACTS
from actors.domain.profile import MAX_CONTACTS
from actors.playbook.group_model import CUSTOMER
from actors.playbook.hints import expected
from actors.playbook.policy_files import CapModel, PoliciesFile, longest_ms, shortest_ms
from actors.playbook.retention import check_retention
from actors.playbook.source import Document, Path

USUAL_PURPOSES = frozenset({"onsite", "marketing", "service"})
_FILE = "policies.yaml"

Known = Collection[str] | None
"""Names that are defined; None when that cannot be read."""


def check_names(
    document: Document, path: Path, names: Collection[str], what: str, known: Known
) -> None:
    """Report names in a list that are not known, or are listed twice."""
    if known is None:
        return
    seen: set[str] = set()
    for i, name in enumerate(names):
        here = document.place((*path, i))
        if name not in known:
            document.report(here, f"unknown {what} {name!r}{expected(name, known)}")
        elif name in seen:
            document.report(here, f"{what} {name!r} is listed twice")
        seen.add(name)


def check_policies(documents: Mapping[str, Document], file: PoliciesFile) -> None:
    """Report what is wrong in caps, quiet hours, holidays, suppression, consent and retention."""
    check = _Checker(documents, file, _defined(documents))
    for name in file.caps:
        check.cap(name)
    for root, entries in (("quiet", file.quiet), ("holidays", file.holidays)):
        for i, each in enumerate(entries):
            check.names((root, i), each.channels, "channel", "channels")
            check.names((root, i), each.purposes, "purpose", "purposes")
            check.names((root, i), each.exempt or None, "purpose", "exempt")
    for i in range(len(file.holidays)):
        check.country(i)
    for i, rule in enumerate(file.suppress):
        check.names(("suppress", i), rule.purposes, "purpose", "purposes")
    exempt = file.consent.purposes_not_needing_consent
    check.names(("consent",), exempt, "purpose", "purposesNotNeedingConsent")
    check_retention(documents[_FILE], file.retention)


def _defined(documents: Mapping[str, Document]) -> dict[str, Known]:
    document = documents["actions.yaml"]
    actions = document.names("actions")
    groups = purposes = None
    if actions is not None:
        groups = {key.split("/")[1] for key in actions if key.count("/") == 2}
        given = [document.value(("actions", key, "purpose")) for key in actions]
        purposes = USUAL_PURPOSES | {each for each in given if isinstance(each, str)}
    channels = documents["playbook.yaml"].names("channels")
    return {"channel": channels, "group": groups, "action": actions, "purpose": purposes}


@dataclass(frozen=True, slots=True)
class _Checker:
    documents: Mapping[str, Document]
    file: PoliciesFile
    defined: Mapping[str, Known]

    def names(self, path: Path, given: Collection[str] | None, what: str, field: str) -> None:
        """Check the names of a filter."""
        if given is not None:
            known = self.defined[what]
            check_names(self.documents[_FILE], (*path, field), given, what, known)

    def cap(self, name: str) -> None:
        """Check the filters of a cap, for whom it counts, and that a profile remembers enough for it."""
        cap, path = self.file.caps[name], ("caps", name)
        for given, what in (
            (cap.channels, "channel"),
            (cap.groups, "group"),
            (cap.actions, "action"),
            (cap.purposes, "purpose"),
        ):
            self.names(path, given, what, f"{what}s")
        self._per(name, cap)
        most = _most_contacts(tuple(self.file.caps.values()), longest_ms(cap.window))
        if most > MAX_CONTACTS:
            document = self.documents[_FILE]
            document.report(
                document.place((*path, "window")),
                f"the caps allow up to {most:,} contacts in this window, expected at most the"
                f" {MAX_CONTACTS} that a profile remembers; shorten it, or lower the limits",
            )

    def country(self, i: int) -> None:
        """Check that the holidays of a place are known."""
        given, document = self.file.holidays[i], self.documents[_FILE]
        from holidays import list_supported_countries  # noqa: PLC0415 - half a second, seldom needed

        known = list_supported_countries()
        country = given.country.upper()
        if country not in known:
            text = f"unknown country {given.country!r}, expected a code of ISO 3166-1 such as US"
            document.report(document.place(("holidays", i, "country")), text)
        elif given.subdivision is not None and given.subdivision.upper() not in known[country]:
            hint = expected(given.subdivision.upper(), known[country])
            text = f"unknown subdivision {given.subdivision!r} of {country}{hint}"
            document.report(document.place(("holidays", i, "subdivision")), text)

    def _per(self, name: str, cap: CapModel) -> None:
        """Check that a cap counts for something that there is, and within what a group remembers."""
        kinds = self.documents["groups.yaml"].names("kinds")
        if cap.per == CUSTOMER or kinds is None:
            return
        document, path = self.documents[_FILE], ("caps", name, "per")
        if cap.per not in kinds:
            known = {CUSTOMER, *kinds}
            text = f"unknown kind of group {cap.per!r}{expected(cap.per, known)}"
            document.report(document.place(path), text)
            return
        most = sum(each.limit for each in self.file.caps.values() if each.per == cap.per)
        if most > MAX_GROUP_CONTACTS:
            document.report(
                document.place(path),
                f"the limits of all caps per {cap.per} add up to {most:,}, expected at most the"
                f" {MAX_GROUP_CONTACTS} contacts that a group remembers",
            )


def _most_contacts(caps: tuple[CapModel, ...], window_ms: int) -> int:
    """Return how many contacts all caps together allow in a window.

    A cap whose contacts all count under a wider cap adds nothing to it.
    """
    widest = [
        cap
        for i, cap in enumerate(caps)
        if not any(
            _covers(other, cap) and (j < i or not _covers(cap, other))
            for j, other in enumerate(caps)
            if j != i
        )
    ]
    return sum(cap.limit * _windows(cap, window_ms) for cap in widest)


def _windows(cap: CapModel, window_ms: int) -> int:
    """Return how many windows of a cap may touch a span of time."""
    if isinstance(cap.window, int):
        return -(-window_ms // cap.window)
    if longest_ms(cap.window) >= window_ms:
        return 1 if longest_ms(cap.window) == window_ms else 2
    return 1 + -(-window_ms // shortest_ms(cap.window))


def _covers(wide: CapModel, narrow: CapModel) -> bool:
    """Return whether every contact that counts under `narrow` counts under `wide`."""
    pairs = (
        (wide.channels, narrow.channels),
        (wide.groups, narrow.groups),
        (wide.actions, narrow.actions),
        (wide.purposes, narrow.purposes),
    )
    return all(w is None or (n is not None and set(n) <= set(w)) for w, n in pairs)
