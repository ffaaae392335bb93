"""A small playbook on disk with one scenario of each kind that a trial has to do with."""

import json
from pathlib import Path
from textwrap import dedent

from typer.testing import CliRunner

from scripts.cli.app import app

PLAYBOOK = """
name: small
version: "1"
currency: {code: EUR}
timezone: Europe/Berlin
channels:
  email: {outbound: true}
  crm: {outbound: true}
"""
ACTIONS = """
actions:
  care/basket/remind:
    value: 5.0
    purpose: marketing
    startingPropensity: 0.5
    treatments:
      email: {outbound: true, content: {subject: "Still there, {{profile.traits.name|friend}}?"}}
  care/basket/thanks:
    value: 5.0
    purpose: service
    startingPropensity: 0.5
    treatments:
      email: {outbound: true, content: {subject: "Thank you {{instance.score}}"}}
"""
TRIGGERS = """
triggers:
  thank: {on: Praised, propose: [care/basket/thanks], channels: [email]}
"""
SCENARIOS = """
scenarios:
  cart:
    start: {on: Added}
    keyedBy: cart
    reentry: restart
    stop: [Removed]
    goals: {bought: {on: Bought}}
    steps:
      quiet: {wait: PT30M}
      remind: {propose: care/basket/remind, channels: [email], offerFor: PT2H, notSent: end}
      seen:
        listen: [{on: {outcome: click}, next: mark}]
        timeout: P1D
        otherwise: forgotten
      mark: {set: {clicked: true}, next: end}
      forgotten: {end: forgotten}
  check:
    start: {on: launch}
    steps:
      ask: {call: crm, content: {what: score}, timeout: PT1M, keep: {score: score}, otherwise: failed}
      told: {send: care/basket/thanks, channels: [email], next: end}
      failed: {end: failed}
  chance:
    start: {on: Drawn}
    steps:
      arms: {split: {much: {weight: 95, next: end}, little: {weight: 5, next: rare}}}
      rare: {send: care/basket/thanks, channels: [email]}
  thrice:
    start: {on: Viewed, count: 3, within: P3D}
    lateness: P1D
    steps:
      morning: {waitUntil: {at: "09:00"}}
"""


def small(folder: Path, **tests: str) -> str:
    """Write the playbook with files of tests by name, and return its directory."""
    files = {"playbook": PLAYBOOK, "actions": ACTIONS, "triggers": TRIGGERS, "scenarios": SCENARIOS}
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    if tests:
        (folder / "tests").mkdir()
    for name, text in tests.items():
        (folder / "tests" / f"{name}.yaml").write_text(dedent(text).lstrip("\n"))
    return str(folder)


def case(given: str, expect: str, more: str = "", scenario: str = "cart") -> str:
    """Return a file with one test. `given` and `expect` are the entries of lists; `more` fields of it."""
    return (
        f'scenario: {scenario}\nstart: "2026-03-02T10:00"\ncustomer: {{consent: {{email: true}}}}\n'
        f"tests:\n  it:\n    given: [{given}]\n    expect: [{expect}]\n    {more}\n"
    )


def run(*arguments: str):
    """Run `righttime` in this process."""
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})


def failures(folder: Path, text: str) -> list[str]:
    """Return what a file with one test says was not as expected."""
    result = run("playbook", "test", small(folder, one=text), "--json")
    answer = json.loads(result.stdout.splitlines()[-1])
    assert "failed" in answer, answer
    return [failure for each in answer["failed"] for failure in each["failures"]]


def problems(folder: Path, text: str) -> list[str]:
    """Return what a file of tests has wrong."""
    result = run("playbook", "test", small(folder, one=text), "--json")
    assert result.exit_code == 1
    found: list[str] = json.loads(result.stdout.splitlines()[-1])["problems"]
    return found
