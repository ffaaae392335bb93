"""Versions of scenarios that are not in force any more, for the instances that still walk them."""

import asyncio
import logging
from dataclasses import replace

from actors.domain.errors import PlaybookError
from actors.playbook.loader import bundle_from_bytes, compile_bundle
from actors.playbook.model import Playbook
from actors.ports import Store

log = logging.getLogger(__name__)

MAX_CARRIED = 64
"""Versions of scenarios that are carried along; of more, those that nobody walks are dropped first."""
_MAX_READ = 50

Version = tuple[str, str]
"""A scenario's name and digest."""


async def with_earlier(playbook: Playbook, before: Playbook | None, store: Store) -> Playbook:
    """Return a playbook with the earlier versions of scenarios that customers may still walk.

    Those of the playbook `before` are at hand; what else is walked is looked for in the store's
    older playbooks, newest first.
    """
    walked = {
        (row.scenario, row.digest) for row in await store.scenario_counts(None) if row.waiting
    }
    books = _at_hand(before)
    for version in _versions(playbook):
        books.pop(version, None)
    missing = walked - books.keys() - _versions(playbook).keys()
    if missing:
        books |= await _read(missing, playbook.version, store)
    kept = sorted(books, key=lambda version: version not in walked)[:MAX_CARRIED]
    return replace(
        playbook,
        earlier={version: books[version].scenarios_by_name[version[0]] for version in kept},
        earlier_books={version: books[version] for version in kept},
    )


def _versions(playbook: Playbook) -> dict[Version, Playbook]:
    return {(scenario.name, scenario.digest): playbook for scenario in playbook.scenarios}


def _at_hand(before: Playbook | None) -> dict[Version, Playbook]:
    if before is None:
        return {}
    # Without its own earlier ones, or each would hold all that were ever in force.
    alone = replace(before, earlier={}, earlier_books={}) if before.earlier else before
    return before.earlier_books | _versions(alone)


async def _read(missing: set[Version], active: str, store: Store) -> dict[Version, Playbook]:
    found: dict[Version, Playbook] = {}
    older = [version for version, _, _ in await store.playbook_versions() if version != active]
    for version in older[:_MAX_READ]:
        if missing <= found.keys():
            break
        stored = await store.playbook(version)
        if stored is None:
            continue
        try:
            book = await asyncio.to_thread(_compiled, stored[1])
        except PlaybookError:
            log.warning("playbook %s cannot be read any more", version)
            continue
        for each, of in _versions(book).items():
            if each in missing:
                found.setdefault(each, of)
    for name, _ in sorted(missing - found.keys()):
        log.warning("a version of scenario %r that customers walk is not in the store", name)
    return found


def _compiled(bundle: bytes) -> Playbook:
    return compile_bundle(bundle_from_bytes(bundle))
