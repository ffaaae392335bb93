"""A small playbook that is right, and ways to make it wrong."""

from actors.domain.errors import PlaybookError
from actors.playbook.loader import compile_bundle

PLAYBOOK = """\
name: corner-shop
version: "2.1"
currency: {code: EUR, minorDigits: 2}
timezone: Europe/Berlin
channels:
  web: {placements: [hero, basket], defaultPlacements: [hero]}
  email: {outbound: true}
  mail: {}
tiers:
  - {segment: loyal, serviceLevel: priority}
defaultTier: {name: guest, serviceLevel: standard}
"""
SEGMENTS = """\
segments:
  loyal:
    description: Came ten times.
    when: profile.orders >= 10
  fresh:
    when: |
      profile.orders >= 2
        && profile.spend_by_department['FRUIT'] > 20.0
"""
ACTIONS = """\
actions:
  growth/fruit/box:
    value: 4.00
    purpose: marketing
    eligible: "'fresh' in segments"
    weights:
      - {when: tier == 'loyal', factor: 1.5}
    lever: 10
    startingPropensity: 0.1
    expiresAfter: P3D
    treatments:
      email:
        cost: 0.002
        outbound: true
        content:
          subject: "For you, {{profile.traits.first_name|friend}}"
  growth/fruit/banner:
    value: 1
    purpose: onsite
    startingPropensity: 0.2
    treatments:
      web: {placements: [hero, basket], content: {title: Fruit, size: 3}}
  campaign/letter/spring:
    value: 2.5
    purpose: marketing
    startingPropensity: 0.05
    treatments:
      mail: {cost: 0.45}
"""
TRIGGERS = """\
triggers:
  left_cart:
    on: Product Added
    propose: [growth/fruit/box]
    channels: [email]
    after: PT30M
    keyedBy: cart_id
    cancelOn: [Order Completed]
  thanks:
    on: Order Completed
    when: event.properties.total >= 50.0
    propose: [growth/fruit/box]
  joined:
    on: {type: identify}
    propose: [growth/fruit/box]
  letter:
    on: Campaign Assigned
    propose: [campaign/letter/spring]
    channels: [mail]
    record: true
"""
POLICIES = """\
caps:
  weekly: {limit: 1, window: P7D, channels: [email], purposes: [marketing]}
  fruit: {limit: 2, window: P30D, groups: [fruit], actions: [growth/fruit/box]}
suppression: {afterRefusal: P30D}
consent: {purposesNotNeedingConsent: [onsite, service]}
"""


def small_bundle() -> dict[str, str]:
    """Return a bundle that compiles, and uses every field there is."""
    return {
        "playbook.yaml": PLAYBOOK,
        "segments.yaml": SEGMENTS,
        "actions.yaml": ACTIONS,
        "triggers.yaml": TRIGGERS,
        "policies.yaml": POLICIES,
    }


def changed(file: str, old: str, new: str) -> dict[str, str]:
    """Return the small bundle with the first `old` in a file replaced."""
    bundle = small_bundle()
    assert old in bundle[file], f"{old!r} is not in {file}"
    bundle[file] = bundle[file].replace(old, new, 1)
    return bundle


def problems_of(bundle: dict[str, str]) -> tuple[str, ...]:
    """Return the problems of a bundle; none when it compiles."""
    try:
        compile_bundle(bundle)
    except PlaybookError as error:
        return error.problems
    return ()
