"""A scenario with every kind of step that is right, and ways to make it wrong."""

from actors.playbook.loader import compile_bundle
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import Scenario
from tests.unit.playbook.playbook_bundles import problems_of, small_bundle

SCENARIOS = """\
windows:
  office: {weekdays: [mon, fri], opens: "09:00", closes: "17:00", timezone: Europe/Berlin}
scenarios:
  fruit:
    description: Every kind of step.
    start:
      on: Product Added
      when: event.properties.price > 5.0
      segments: [loyal]
    keyedBy: cart_id
    reentry: {parallel: 3}
    every: P30D
    lateness: PT10M
    timezone: America/New_York
    stop: [{on: Order Completed, when: event.properties.total > 1.0, sameKey: false}]
    goals:
      bought: {on: Fruit Eaten, goOn: true}
    migrate: {steps: {gone: pause}}
    steps:
      pause: {wait: PT30M}
      morning: {waitUntil: {at: "09:05", weekdays: [mon, sun]}}
      birthday:
        waitUntil: {date: profile.traits.birthday, offset: -P1W, at: "10:00", yearly: true}
        otherwise: office
      office: {waitUntil: {window: office}}
      still: {filter: profile.orders > 0, otherwise: end}
      loyal: {filter: {segment: loyal}}
      remind:
        propose: [growth/fruit/box]
        channels: [email]
        offerFor: PT12H
        notSent: mark
      sorry: {send: service/care/sorry}
      mark: {set: {fruit: "was {{instance.name|unknown}}", seen: true}}
      case: {open: {subject: "fruit {{instance.cart_id}}"}}
      tell: {emit: Fruit Told, properties: {name: "{{instance.name}}"}}
      ask:
        call: email
        content: {who: "{{profile.traits.first_name|}}"}
        timeout: PT5M
        keep: {score: points}
        otherwise: listen
      listen:
        listen:
          - {on: Fruit Eaten, when: instance.score > 3, next: choose}
          - {on: Product Viewed, count: 3, within: P10D, keep: {last: name}}
          - sequence:
              - on: Product Viewed
              - {on: Product Added, within: PT2H, without: [Product Removed]}
            next: arms
        timeout: P1D
        otherwise: closed
      choose:
        branch: [{when: instance.score > 5, next: arms}]
        otherwise: both
      arms: {split: {a: {weight: 80}, b: {weight: 20, next: closed}}}
      both: {fork: [left, right], join: together}
      left: {wait: P1D, next: together}
      right: {listen: [{on: {outcome: click}}], next: together}
      together: {join: any, timeout: P2D, otherwise: closed}
      again: {repeat: remind, times: 3, while: profile.orders == 1}
      closed: {close: {kind: case, subject: "fruit {{instance.cart_id}}"}}
      done: {end: fed}
"""
SERVICE = """\
  service/care/sorry:
    value: 1
    purpose: service
    startingPropensity: 0.1
    treatments:
      email: {outbound: true, content: {body: "About {{instance.cart_id}}."}}
"""
ATTRIBUTES = """\
attributes:
  last_visit: {kind: last, on: Visit Planned, property: day}
  orders_30d: {kind: count, on: Order Completed, window: P30D, bucket: day}
"""


def scenario_bundle(scenarios: str = SCENARIOS) -> dict[str, str]:
    """Return a bundle with this `scenarios.yaml`; the other files have what it names."""
    bundle = small_bundle() | {"scenarios.yaml": scenarios, "attributes.yaml": ATTRIBUTES}
    bundle["actions.yaml"] += SERVICE
    return bundle


def changed(old: str, new: str) -> dict[str, str]:
    """Return the bundle with the first `old` in its scenarios replaced."""
    assert old in SCENARIOS, f"{old!r} is not there"
    return scenario_bundle(SCENARIOS.replace(old, new, 1))


def with_steps(steps: str, start: str = "{on: Product Added}") -> dict[str, str]:
    """Return a bundle of one scenario, `s`, with these steps: its first step is in line 5."""
    lines = "\n".join("      " + line for line in steps.strip().splitlines())
    return scenario_bundle(f"scenarios:\n  s:\n    start: {start}\n    steps:\n{lines}\n")


def told(bundle: dict[str, str]) -> list[str]:
    """Return the problems of the scenarios, without the file's name."""
    return [each.removeprefix("scenarios.yaml:") for each in problems_of(bundle)]


def playbook_of(bundle: dict[str, str]) -> Playbook:
    """Return the bundle, compiled."""
    return compile_bundle(bundle)


def scenario_of(bundle: dict[str, str]) -> Scenario:
    """Return the first scenario of a bundle, compiled."""
    return playbook_of(bundle).scenarios[0]
