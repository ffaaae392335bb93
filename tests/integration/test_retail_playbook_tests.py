"""The retail playbook's own tests, as `righttime playbook test retail` runs them, and that they notice errors."""

import asyncio
from functools import cache

import pytest

from actors.playbook.loader import compile_bundle
from scripts.cli.trials import files_beside
from scripts.trials.cases import Case, CasesFile
from scripts.trials.checking import run_case
from scripts.trials.reading import read_cases
from tests.retail import BUNDLE, RETAIL

FILES = read_cases(files_beside("retail"), RETAIL)
CASES = [(file, name) for file, cases in FILES.items() for name in cases.tests]

PLANTED = {
    "abandoned_cart": ("quiet: {wait: PT30M}", "quiet: {wait: PT31M}"),
    "welcome": ('at: "10:00", weekdays: [sat]', 'at: "10:00", weekdays: [sun]'),
    "replenishment": ("double(profile.orders) * 4.0", "double(profile.orders) * 9.0"),
    "win_back": ("offerFor: P7D}\n      patience", "offerFor: P6D}\n      patience"),
    "service_recovery": ("satisfaction >= 4", "satisfaction >= 2"),
    "price_drop": ("double(instance.price) * 0.9", "double(instance.price) * 0.95"),
    "birthday": ("offset: -P3D", "offset: -P2D"),
    "review": ("every: P60D # one", "every: P70D # one"),
    "next_tier": ("when: tier != 'gold'", "when: tier != 'silver'"),
    "coupon_campaign": ("left_alone: {wait: P44D}", "left_alone: {wait: P43D}"),
}
"""A small error in each scenario of the playbook."""


@cache
def planted(scenario: str):
    """Return the playbook with its error in one scenario."""
    old, new = PLANTED[scenario]
    text = BUNDLE["scenarios.yaml"]
    assert text.count(old) == 1
    return compile_bundle({**BUNDLE, "scenarios.yaml": text.replace(old, new)})


def test_every_scenario_has_three_tests_or_more():
    counts = {file: len(cases.tests) for file, cases in FILES.items()}

    assert set(counts) == set(RETAIL.scenarios_by_name) == set(PLANTED)
    assert min(counts.values()) >= 3
    assert all(cases.scenario == file for file, cases in FILES.items())


@pytest.mark.parametrize(("file", "name"), CASES, ids=[f"{file}/{name}" for file, name in CASES])
def test_the_retail_playbook_does_what_its_tests_expect(file: str, name: str):
    cases = FILES[file]

    verdict = asyncio.run(run_case(name, cases.tests[name], cases, RETAIL))

    assert verdict.failures == ()


@pytest.mark.slow
@pytest.mark.parametrize("scenario", PLANTED)
def test_a_planted_error_makes_a_test_fail(scenario: str):
    cases = FILES[scenario]

    assert any(fails(name, case, cases, scenario) for name, case in cases.tests.items())


def fails(name: str, case: Case, cases: CasesFile, scenario: str) -> bool:
    return bool(asyncio.run(run_case(name, case, cases, planted(scenario))).failures)
