import pytest

from tests.unit.playbook.playbook_bundles import changed, problems_of, small_bundle

# (file, what is replaced, by what, where the problem is, words that its text holds)
WRONG = [
    # YAML
    ("actions.yaml", "value: 4.00", "value: [4.00", "4:12", "not valid YAML"),
    ("actions.yaml", "value: 4.00", "value: !!python/name:os.system x", "3:12", "tags are not"),
    ("actions.yaml", "value: 4.00", "value: .nan", "3:12", "expected a finite number"),
    ("segments.yaml", "  fresh:", "  loyal:", "5:3", "duplicate key 'loyal'; it is already at"),
    ("segments.yaml", "description: Came", "? [a]\n    : Came", "3:7", "a key that is not text"),
    ("playbook.yaml", "name: corner-shop", "name: corner\x07shop", "1:13", "not valid YAML"),
    ("playbook.yaml", "name: corner-shop", "- corner-shop", "2:1", "not valid YAML"),
    # fields and types
    ("actions.yaml", "value: 4.00", "valeu: 4.00", "3:5", "'valeu'; expected one of"),
    ("actions.yaml", "value: 4.00", "valeu: 4.00", "3:5", "did you mean 'value'?"),
    ("actions.yaml", "    value: 4.00\n", "", "2:3", "missing field 'value'"),
    ("actions.yaml", "value: 4.00", "value: lots", "3:12", "found 'lots', expected a number"),
    ("actions.yaml", "value: 4.00", "value: -4.00", "3:12", "expected 0 or more"),
    ("actions.yaml", "value: 4.00", "value: true", "3:12", "found true, expected a number"),
    ("actions.yaml", "purpose: marketing", "purpose:", "4:5", "found nothing, expected text"),
    ("actions.yaml", "outbound: true", "outbound: maybe", "14:19", "expected true or false"),
    ("actions.yaml", "startingPropensity: 0.1", "startingPropensity: 1", "9:25", "number below 1"),
    ("actions.yaml", "startingPropensity: 0.1", "startingPropensity: 0", "9:25", "number above 0"),
    ("actions.yaml", "expiresAfter: P3D", "expiresAfter: 3 days", "10:19", "ISO 8601 duration"),
    ("actions.yaml", "expiresAfter: P3D", "expiresAfter: P1M", "10:19", "ISO 8601 duration"),
    ("actions.yaml", "expiresAfter: P3D", "expiresAfter: PT0S", "10:19", "longer than zero"),
    ("actions.yaml", "expiresAfter: P3D", "expiresAfter: 3", "10:19", "ISO 8601 duration"),
    ("actions.yaml", "title: Fruit", "title: [Fruit]", "22:58", "expected text, a number"),
    ("actions.yaml", "factor: 1.5", "factor: -1", "7:41", "expected 0 or more"),
    ("actions.yaml", "factor: 1.5", "faktor: 1.5", "7:33", "did you mean 'factor'?"),
    ("actions.yaml", "cost: 0.002", "costs: 0.002", "13:9", "did you mean 'cost'?"),
    ("actions.yaml", "growth/fruit/box", "growth/fruit", "2:3", "expected issue/group/name"),
    ("actions.yaml", "actions:", "action:", "1:1", "did you mean 'actions'?"),
    ("playbook.yaml", "name: corner-shop", "name: Corner Shop", "1:7", "small letters"),
    ("playbook.yaml", 'version: "2.1"', "version: 2.1", "2:10", "found 2.1, expected text"),
    ("playbook.yaml", "code: EUR", "code: Euro", "3:18", "ISO 4217"),
    ("playbook.yaml", "minorDigits: 2", "minorDigits: 9", "3:36", "expected 4 or less"),
    ("playbook.yaml", "Europe/Berlin", "Europe/Belin", "4:11", "did you mean 'Europe/Berlin'?"),
    ("playbook.yaml", "serviceLevel: p", "servicelevel: p", "10:22", "mean 'serviceLevel'?"),
    ("playbook.yaml", "web: {p", "web: [p", "6:62", "not valid YAML"),
    ("policies.yaml", "limit: 1", "limit: 0", "2:19", "expected 1 or more"),
    ("policies.yaml", "limit: 1", "limit: 1.5", "2:19", "expected a whole number"),
    ("policies.yaml", "window: P7D", "window: P3000D", "2:30", "that a profile remembers"),
    ("triggers.yaml", "on: Product Added", "on: {type: trak}", "3:9", "expected a type of identify"),
    ("triggers.yaml", "on: {type: identify}", "on: {}", "14:9", "expected an event name"),
    ("triggers.yaml", "propose: [growth/fruit/box]", "propose: []", "4:14", "at least 1 entry"),
    # names
    ("playbook.yaml", "segment: loyal", "segment: loyl", "10:15", "did you mean 'loyal'?"),
    ("playbook.yaml", "name: guest", "name: loyal", "11:21", "expected a name of its own"),
    ("playbook.yaml", "defaultPlacements: [hero]", "defaultPlacements: [heero]", "6:57", "'hero'?"),
    ("actions.yaml", "web: {placements", "wbe: {placements", "22:7", "did you mean 'web'?"),
    ("actions.yaml", "[hero, basket]", "[hero, baskt]", "22:32", "did you mean 'basket'?"),
    ("actions.yaml", "[hero, basket]", "[hero, hero]", "22:32", "is listed twice"),
    ("actions.yaml", "mail: {cost: 0.45}", "web: {cost: 0.45}", "28:7", "is never used"),
    ("actions.yaml", "mail: {cost", "mail: {outbound: true, cost", "28:24", "cannot be written to"),
    ("actions.yaml", "purpose: marketing", "purpose: onsite", "4:14", "purpose 'onsite' with a"),
    ("triggers.yaml", "[growth/fruit/box]", "[growth/fruit/bix]", "4:15", "'growth/fruit/box'?"),
    ("triggers.yaml", "[growth/fruit/box]", "[growth/fruit/banner]", "4:15", "has no treatment"),
    ("triggers.yaml", "channels: [email]", "channels: [emial]", "5:16", "did you mean 'email'?"),
    ("triggers.yaml", "channels: [mail]", "channels: [web]", "18:15", "has no treatment on that"),
    ("triggers.yaml", "    channels: [mail]\n", "", "19:5", "'record' with 0 channels"),
    ("triggers.yaml", "record: true", "record: true\n    after: P1D", "20:5", "'record' with 'after'"),
    ("triggers.yaml", "    after: PT30M\n", "", "6:5", "'keyedBy' without 'after'"),
    ("policies.yaml", "channels: [email]", "channels: [sms]", "2:46", "unknown channel 'sms'"),
    ("policies.yaml", "groups: [fruit]", "groups: [fruits]", "3:44", "did you mean 'fruit'?"),
    ("policies.yaml", "purposes: [marketing]", "purposes: [marketting]", "2:65", "'marketing'?"),
    ("policies.yaml", "[onsite, service]", "[onsite, servise]", "5:47", "did you mean 'service'?"),
    # rules
    ("segments.yaml", "profile.orders >= 10", "profile.order >= 10", "4:11", "'profile.orders'?"),
    ("segments.yaml", "profile.orders >= 10", "profle.orders >= 10", "4:11", "'profile.orders'?"),
    ("segments.yaml", "profile.orders >= 10", "profile.orders >=", "4:28", "the end of the rule"),
    ("segments.yaml", "profile.orders >= 10", "profile.orders + 1", "4:11", "expected true or false"),
    ("segments.yaml", "profile.orders >= 10", "''", "4:11", "expected a CEL expression"),
    ("segments.yaml", "profile.orders >= 10", "tier == 'loyal'", "4:11", "made from segments"),
    ("segments.yaml", "profile.orders >= 10", "profile.orders.x > 1", "4:11", "of type int"),
    ("segments.yaml", "profile.orders >= 10", "profile.spend * 2 > 1.0", "4:11", "types do not fit"),
    ("segments.yaml", "profile.orders >= 10", "sise(segments) > 0", "4:11", "did you mean 'size'?"),
    ("segments.yaml", "profile.orders >= 10", "profile.known || profile.orders", "4:28", "expected true"),
    ("segments.yaml", "profile.orders >= 10", "false && (true || profile.spend + 1 > 2.0)", "4:29", "fit"),
    ("segments.yaml", "profile.orders >= 10", "has(profile.views.a)", "4:15", "compare its value"),
    ("segments.yaml", "profile.orders >= 10", "\"'a' in profile.views\"", "4:19", "compare its value"),
    ("segments.yaml", "profile.orders >= 10", "profile.locale.matches('(')", "4:11", "regex"),
    ("segments.yaml", "profile.orders >= 10", "profile.consent['sms']", "4:11", "unknown channel 'sms'"),
    ("segments.yaml", "&& profile.spend_by", "&& profile.spent_by", "8:12", "'profile.spend_by_department'?"),
    ("segments.yaml", "['FRUIT'] > 20.0", "['FRUIT'] > > 2", "8:51", "not a CEL expression"),
    ("actions.yaml", "'fresh' in segments", "'frsh' in segments", "5:16", "did you mean 'fresh'?"),
    ("actions.yaml", "tier == 'loyal'", "tier == 'loyl'", "7:24", "did you mean 'loyal'?"),
    ("actions.yaml", "tier == 'loyal'", "\"tier in ['loyal', 'gues']\"", "7:35", "did you mean 'guest'?"),
    ("triggers.yaml", "event.properties.total >= 50.0", "event.propertis.total >= 50.0", "11:11",
     "did you mean 'event.properties'?"),
    ("triggers.yaml", "event.properties.total >= 50.0", "event.properties.total * 2.0 > 9.0", "11:11",
     "types do not fit"),
    ("triggers.yaml", "event.properties.total >= 50.0", "event.type == 'trak'", "11:25", "'track'?"),
    ("triggers.yaml", "event.properties.total >= 50.0", "profile.taken['growth/fruit/bx'] > 1", "11:11",
     "did you mean 'growth/fruit/box'?"),
    # placeholders
    ("actions.yaml", "traits.first_name|friend", "trait.first_name|friend", "16:30", "'profile.traits'?"),
    ("actions.yaml", "traits.first_name|friend", "traits.first_name", "16:30", "expected a fallback"),
    ("actions.yaml", "first_name|friend}}", "first_name|friend", "16:30", "'{{' without '}}'"),
    ("actions.yaml", "profile.traits.first_name|friend", "segments", "16:30", "cannot be shown"),
    ("actions.yaml", "profile.traits.first_name|friend", "profile.views", "16:30", "is a map"),
]  # fmt: skip


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case[2][:40]!r} -> {case[4]}")
def test_a_mistake_is_told_with_its_place_and_what_was_expected(case):
    file, old, new, place, words = case

    problems = problems_of(changed(file, old, new))

    here = [each for each in problems if each.startswith(f"{file}:{place}: ")]
    assert any(words in each for each in here), problems


def test_the_small_bundle_is_right():
    assert problems_of(small_bundle()) == ()


def test_one_mistake_is_one_problem():
    bundle = changed("segments.yaml", "profile.orders >= 10", "profile.order >= 10")

    assert len(problems_of(bundle)) == 1


def test_all_mistakes_are_told_at_once_in_the_order_of_files_and_lines():
    bundle = small_bundle()
    bundle["policies.yaml"] = bundle["policies.yaml"].replace("limit: 1", "limit: many")
    bundle["actions.yaml"] = bundle["actions.yaml"].replace("value: 1", "value: one")
    bundle["actions.yaml"] = bundle["actions.yaml"].replace("'fresh' in", "'frsh' in")
    bundle["playbook.yaml"] = bundle["playbook.yaml"].replace("loyal", "loyl")

    places = [problem.split(": ")[0] for problem in problems_of(bundle)]

    assert places == ["playbook.yaml:10:15", "actions.yaml:5:16", "actions.yaml:7:24",
                      "actions.yaml:18:12", "policies.yaml:2:19"]  # fmt: skip


def test_a_broken_file_does_not_make_the_others_look_wrong():
    bundle = changed("segments.yaml", "description: Came", "descriptoin: Came")

    problems = problems_of(bundle)

    assert len(problems) == 1, problems


def test_unknown_and_missing_files_are_told():
    bundle = small_bundle()
    bundle["trigers.yaml"] = bundle.pop("triggers.yaml")
    del bundle["actions.yaml"]

    problems = problems_of(bundle)

    assert any(p.startswith("trigers.yaml:1:1: ") and "'triggers.yaml'?" in p for p in problems)
    assert "actions.yaml:1:1: missing file 'actions.yaml', expected in every playbook" in problems


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("segments: " + "[" * 5000, "deep"),
        ("segments: " + "{a: " * 40 + "1" + "}" * 40, "deeper"),
        ("x: &a [*a]", "deeper"),
        (
            "\n".join(
                ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
                + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
            ),
            "more than the",
        ),
        ("segments:\n  a: {when: '" + "(" * 200 + "1" + ")" * 200 + "'}", "nested deeper"),
        ("segments:\n  a: {when: '" + "1 + " * 2000 + "1'}", "expected at most 4,000"),
        ("segments:\n  a: {when: " + "9" * 5000 + "}", "finite number"),
        ("--- 1\n--- 2\n", "not valid YAML"),
        ("just text", "expected a mapping"),
        ("segments: {1: {when: 'true'}}", "found the key '1'"),
    ],
)
def test_hostile_files_are_refused_quickly(text, words):
    bundle = small_bundle() | {"segments.yaml": text}

    problems = problems_of(bundle)

    assert any(p.startswith("segments.yaml:") and words in p for p in problems), problems


def test_a_bundle_over_a_megabyte_is_refused_unread():
    bundle = small_bundle() | {"segments.yaml": "# " + "x" * 1_000_000}

    problems = problems_of(bundle)

    assert problems == ("bundle:1:1: is larger than the 1,000,000 bytes allowed",)


def test_text_that_is_not_unicode_is_refused():
    problems = problems_of(small_bundle() | {"segments.yaml": "a: \ud800"})

    assert problems == ("bundle:1:1: found text that is not Unicode",)
