import os
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest

from actors.domain.errors import CodecError, PlaybookError
from actors.playbook.loader import (
    bundle_bytes,
    bundle_from_bytes,
    compile_bundle,
    library,
    read_bundle,
    version_of,
)
from actors.playbook.model import Playbook
from tests.unit.playbook.playbook_bundles import changed, small_bundle

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def playbook() -> Playbook:
    return compile_bundle(small_bundle())


def test_actions_are_sorted_by_key_and_know_their_place(playbook):
    keys = [action.key for action in playbook.actions]

    assert keys == ["campaign/letter/spring", "growth/fruit/banner", "growth/fruit/box"]
    assert [playbook.action_index[key] for key in keys] == [0, 1, 2]
    assert [action.index for action in playbook.actions] == [0, 1, 2]
    assert playbook.action("growth/fruit/box") is playbook.actions[2]
    assert playbook.action("growth/fruit/none") is None


def test_money_is_in_minor_units_and_durations_in_milliseconds(playbook):
    box = playbook.action("growth/fruit/box")

    assert (box.value_minor, box.treatments["email"].cost_minor) == (400.0, 0.2)
    assert box.expires_after_ms == 3 * DAY_MS
    assert playbook.action("growth/fruit/banner").expires_after_ms == 7 * DAY_MS
    assert playbook.triggers[0].after_ms == 30 * 60_000
    assert playbook.suppress_after_refusal_ms == 30 * DAY_MS


def test_minor_units_follow_the_currency():
    yen = compile_bundle(changed("playbook.yaml", "minorDigits: 2", "minorDigits: 0"))

    assert yen.action("growth/fruit/box").value_minor == 4.0


def test_an_action_has_its_parts_lever_and_weights(playbook):
    box = playbook.action("growth/fruit/box")

    assert (box.issue, box.group, box.name) == ("growth", "fruit", "box")
    assert box.lever == 1.1
    assert [(rule.source, factor) for rule, factor in box.weights] == [("tier == 'loyal'", 1.5)]
    assert box.eligible.source == "'fresh' in segments"
    assert playbook.action("growth/fruit/banner").eligible is None


def test_triggers_are_found_by_event_and_waits_by_what_cancels_them(playbook):
    def names(triggers):
        return [trigger.name for trigger in triggers]

    assert names(playbook.triggers_for("track", "Order Completed")) == ["thanks"]
    assert names(playbook.triggers_for("identify", "")) == ["joined"]
    assert names(playbook.triggers_for("page", "Order Completed")) == []
    assert names(playbook.waits_cancelled_by["Order Completed"]) == ["left_cart"]


def test_a_trigger_has_its_fields(playbook):
    left_cart, thanks, _, letter = playbook.triggers

    assert left_cart.channels == {"email"}
    assert (left_cart.keyed_by, left_cart.cancel_on) == ("cart_id", {"Order Completed"})
    assert (thanks.channels, thanks.keyed_by, thanks.record) == (None, "", False)
    assert letter.record
    assert letter.propose == (playbook.action_index["campaign/letter/spring"],)


def test_actions_are_found_by_channel_and_placement(playbook):
    banner = playbook.action_index["growth/fruit/banner"]

    assert playbook.by_placement == {("web", "hero"): (banner,), ("web", "basket"): (banner,)}
    assert playbook.placements["web"] == ("hero", "basket")
    assert playbook.default_placements["web"] == ("hero",)


def test_tiers_have_service_levels(playbook):
    assert [tier.segment for tier in playbook.tiers] == ["loyal"]
    assert playbook.service_level("loyal") == "priority"
    assert playbook.service_level(playbook.default_tier) == "standard"


def test_caps_have_only_the_filters_given(playbook):
    weekly, fruit = playbook.caps

    assert (weekly.limit, weekly.window_ms, weekly.channels) == (1, 7 * DAY_MS, {"email"})
    assert (weekly.groups, weekly.actions) == (None, None)
    assert (fruit.groups, fruit.actions) == ({"fruit"}, {"growth/fruit/box"})


def test_what_all_rules_and_placeholders_use_is_known(playbook):
    assert {"profile.orders", "profile.traits", "segments", "tier"} <= playbook.used_paths
    assert playbook.used_keys == {
        "event.properties": ("total",),
        "profile.spend_by_department": ("FRUIT",),
        "profile.traits": ("first_name",),
    }
    assert playbook.used_whole == frozenset()


def test_only_playbook_and_actions_are_needed():
    bundle = small_bundle()
    least = {
        "playbook.yaml": bundle["playbook.yaml"].split("tiers:")[0],
        "actions.yaml": "actions:\n  a/b/c:\n    value: 1\n    purpose: onsite\n"
        "    startingPropensity: 0.1\n    treatments: {web: {placements: [hero]}}\n",
    }

    playbook = compile_bundle(least)

    assert (playbook.segments, playbook.triggers, playbook.caps) == ((), (), ())
    assert playbook.purposes_without_consent == {"onsite", "service"}


def test_a_playbook_can_be_the_key_of_a_cache(playbook):
    assert {playbook: 1}[playbook] == 1


def test_a_bundle_survives_its_bytes():
    bundle = small_bundle()

    assert bundle_from_bytes(bundle_bytes(bundle)) == bundle


def test_bytes_and_version_do_not_depend_on_order_or_line_ends():
    bundle = small_bundle()
    other = {name: text.replace("\n", "\r\n") for name, text in reversed(bundle.items())}

    assert bundle_bytes(other) == bundle_bytes(bundle)
    assert version_of(other) == version_of(bundle)


def test_a_version_is_what_was_declared_and_ten_digits_that_any_change_changes():
    bundle = small_bundle()
    declared, digits = version_of(bundle).split("+")

    assert (declared, len(digits)) == ("2.1", 10)
    assert compile_bundle(bundle).version == version_of(bundle)
    assert version_of(changed("actions.yaml", "4.00", "4.01")) != version_of(bundle)


def test_compiling_gives_the_same_under_every_hash_seed():
    # This process has a hash seed of its own, drawn when it began unless somebody set one.
    seed = "4242" if os.environ.get("PYTHONHASHSEED") != "4242" else "1"
    code = (
        "from actors.playbook.loader import *\n"
        "p = compile_bundle(library('retail'))\n"
        "print(p.version, p.used_keys, list(p.by_placement.items()), list(p.action_index))\n"
        "print([sorted(t.cancel_on) for t in p.triggers], list(p.triggers_by_event))\n"
    )
    here = StringIO()

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    with redirect_stdout(here):
        exec(code, {})

    assert here.getvalue() == done.stdout
    assert "retention/winback/five_off" in done.stdout


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x01",
        b"\x92\x01\x91\x91\xa1a",
        b"\x92\x02\x90",
        b"\x92\x01\x91\x92\xa1a\x01",
    ],
)
def test_other_bytes_are_refused(data):
    with pytest.raises(CodecError):
        bundle_from_bytes(data)


def test_a_directory_is_read_without_what_is_not_yaml(tmp_path):
    for name, text in small_bundle().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "scenarios").mkdir()

    assert read_bundle(tmp_path) == small_bundle()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "is not a directory"),
        (b"", "holds no YAML file"),
        (b"a: 1\nb: \xff", "playbook.yaml:2:4: found bytes that are not UTF-8"),
        (b"#" * 1_000_001, "is larger than the 1,000,000 bytes allowed"),
    ],
)
def test_a_directory_that_cannot_be_read_is_told(tmp_path, data, words):
    directory = tmp_path / "book"
    if data is not None:
        directory.mkdir()
        (directory / ("playbook.yaml" if data else "notes.txt")).write_bytes(data)

    with pytest.raises(PlaybookError) as caught:
        read_bundle(directory)

    assert words in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    for name, text in small_bundle().items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")

    assert compile_bundle(read_bundle(tmp_path)).name == "corner-shop"


@pytest.mark.parametrize("name", ["retial", "../retail", "", "library"])
def test_an_unknown_library_playbook_is_refused(name):
    with pytest.raises(PlaybookError, match="unknown playbook"):
        library(name)


def test_the_nearest_library_playbook_is_named():
    with pytest.raises(PlaybookError, match="did you mean 'retail'"):
        library("retial")
