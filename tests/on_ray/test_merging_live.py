"""Visitors who log in while they go on buying, in the cells of a real system."""

import asyncio

import pytest

from scripts.bench.merging import AFTER, BEFORE, Merging, count, load

pytestmark = [pytest.mark.ray]


def test_visitors_who_log_in_under_load_lose_no_order_and_double_none(system):
    found = Merging(machine={}, visitors=120, customers=12)

    asyncio.run(load(system.child, found, lambda _done, _total: None))
    asyncio.run(count(system.child, found))

    assert found.wrong == []
    assert found.sent == 120 * (BEFORE + 1 + AFTER)
    assert found.reads_ms


def test_a_merge_by_hand_is_undone_by_hand(system):
    for who, total in (("anonymousId", 2), ("userId", 1)):
        body = {
            "messageId": f"by-hand-{who}",
            "event": "Order Completed",
            "properties": {"total": total},
            who: "by-hand",
        }
        assert system("POST", "/v1/track", body)[0] == 200
    ids = {kind: system("GET", f"/v1/customers/{kind}:by-hand")[1]["customerId"]
           for kind in ("user", "anon")}  # fmt: skip

    status, merged = system("POST", f"/v1/customers/{ids['user']}/merge", {"with": "anon:by-hand"})
    assert (status, merged["customerId"]) == (200, ids["user"])
    assert system("GET", "/v1/customers/anon:by-hand")[1]["purchases"]["orders"] == 2

    status, parted = system("POST", f"/v1/customers/{ids['user']}/unmerge", {"other": ids["anon"]})
    assert (status, parted["unmerged"]) == (200, ids["anon"])
    for kind in ("user", "anon"):
        assert system("GET", f"/v1/customers/{kind}:by-hand")[1]["purchases"]["orders"] == 1


def test_what_is_erased_answers_410_and_its_name_begins_anew(system):
    body = {"messageId": "erase-1", "event": "Order Completed", "userId": "erase-me",
            "properties": {"total": 5}}  # fmt: skip
    first = system("POST", "/v1/track", body)[1]["customerId"]

    status, receipt = system("DELETE", f"/v1/customers/{first}")

    assert status == 200, receipt
    assert system("GET", f"/v1/customers/{first}")[0] == 410
    assert system("POST", "/v1/track", body)[0] == 410
    later = system("POST", "/v1/track", body | {"messageId": "erase-2"})
    assert (later[0], later[1]["customerId"] == first) == (200, False)
    assert system("GET", "/v1/customers/user:erase-me")[1]["purchases"]["orders"] == 1
