"""`conversions.yaml` and `feeds.yaml`: what they compile to, and what is wrong with them."""

import re
from pathlib import Path

import pytest

from actors.domain.errors import PlaybookError
from actors.playbook.conversion_model import USUAL, Converting
from actors.playbook.feed_model import NO_FEEDS
from actors.playbook.loader import compile_bundle
from tests.builders import CHANNELS, DAY, HOUR, SHOP, make_playbook
from tests.unit.playbook.playbook_bundles import problems_of, small_bundle


def book(name, content):
    return make_playbook(
        triggers={},
        channels=CHANNELS | {"crm_hook": {"outbound": True}},
        segments={"buyer": {"when": "profile.orders >= 1"}},
        files={name: content},
    )


def test_without_the_files_orders_and_coupons_are_conversions_and_nothing_is_fed():
    assert SHOP.conversions == USUAL
    assert USUAL.by_event.keys() == {"Order Completed", "Coupon Redeemed"}
    assert (USUAL.click_ms, USUAL.impression_ms) == (7 * DAY, DAY)
    assert SHOP.feeds is NO_FEEDS


def test_windows_may_change_alone():
    found = book("conversions.yaml", {"clickWindow": "P3D"}).conversions

    assert (found.by_event, found.click_ms) == (USUAL.by_event, 3 * DAY)


def test_several_events_may_tell_of_one_conversion_and_of_its_end():
    found = book(
        "conversions.yaml",
        {
            "impressionWindow": "PT2H",
            "conversions": {
                "order": {
                    "on": ["Order Completed", "Checkout Done"],
                    "value": "cart.total",
                    "id": "order_id",
                    "takenBack": {"on": "Order Refunded", "value": "refund"},
                }
            },
        },
    ).conversions

    order = Converting("order", ("cart", "total"), ("order_id",))
    assert found.by_event == {"Order Completed": order, "Checkout Done": order}
    assert found.taken_back_by == {
        "Order Refunded": Converting("order", ("refund",), ("order_id",))
    }
    assert found.impression_ms == 2 * HOUR


ORDER = {"on": ["A"], "id": "order_id"}
FEED = {"channel": "crm_hook", "on": ["outcome"]}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("conversions.yaml", {"conversions": {"a": {"on": ["A"]}}}, "id"),
        ("conversions.yaml", {"conversions": {"a": ORDER, "b": ORDER}}, "expected in one"),
        ("conversions.yaml", {"conversions": {"a": ORDER | {"id": "a..b"}}}, "such as total"),
        ("conversions.yaml", {"clickWindow": "a week"}, "clickWindow"),
        ("feeds.yaml", {"feeds": {"a": FEED | {"channel": "crm"}}}, "unknown channel 'crm'"),
        ("feeds.yaml", {"feeds": {"a": FEED | {"on": ["order"]}}}, "segment.entered"),
        (
            "feeds.yaml",
            {"feeds": {"a": {"channel": "crm_hook", "on": ["segment.left"], "segments": ["byer"]}}},
            "did you mean 'buyer'?",
        ),
        (
            "feeds.yaml",
            {"feeds": {"a": FEED | {"outcomes": ["converted"]}}},
            "did you mean 'convert'?",
        ),
        ("feeds.yaml", {"feeds": {"a": FEED | {"segments": ["buyer"]}}}, "'segments' without"),
        (
            "feeds.yaml",
            {
                "feeds": {
                    "a": {"channel": "crm_hook", "on": ["segment.left"], "outcomes": ["click"]}
                }
            },
            "'outcomes' without",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(name, content, words):
    with pytest.raises(PlaybookError) as error:
        book(name, content)

    assert words in str(error.value)
    assert str(error.value).startswith(f"{name}:1:") or f"{name}:1:" in str(error.value)


DOCS = Path(__file__).parents[3] / "docs"


def example(page, after):
    text = (DOCS / page).read_text()
    return re.search(r"```yaml\n(.*?)```", text[text.index(after) :], re.DOTALL).group(1)


@pytest.mark.parametrize(
    ("name", "page", "after"),
    [
        ("conversions.yaml", "credit.md", "# Credit"),
        ("conversions.yaml", "playbook.md", "### conversions.yaml"),
        ("feeds.yaml", "playbook.md", "### feeds.yaml"),
    ],
)
def test_the_examples_of_the_pages_are_right(name, page, after):
    assert problems_of(small_bundle() | {name: example(page, after)}) == ()


def test_the_example_of_a_crm_is_right():
    bundle = small_bundle() | {"feeds.yaml": example("channels.md", "## Feeding a CRM")}
    bundle["playbook.yaml"] = bundle["playbook.yaml"].replace(
        "  mail: {}", "  mail: {}\n  crm_hook: {outbound: true}"
    )
    bundle["segments.yaml"] += (
        "  gold: {when: profile.orders >= 9}\n  lapsing: {when: profile.orders >= 8}\n"
    )

    assert problems_of(bundle) == ()


def test_what_the_page_calls_usual_is_what_holds_without_the_file():
    bundle = small_bundle() | {"conversions.yaml": example("credit.md", "# Credit")}

    assert compile_bundle(bundle).conversions == USUAL


def test_the_example_of_a_suggestion_and_of_languages_are_right():
    bundle = small_bundle()
    action = example("suggestions.md", "## Offering it")
    bundle["actions.yaml"] += "".join(f"  {line}\n" for line in action.splitlines())
    bundle["playbook.yaml"] = bundle["playbook.yaml"].replace(
        "placements: [hero, basket]", "placements: [hero, basket, basket_banner]"
    )
    languages = example("playbook.md", "**Languages**")
    bundle["actions.yaml"] = bundle["actions.yaml"].replace(
        "      web: {placements: [hero, basket], content: {title: Fruit, size: 3}}",
        "      web:\n        placements: [hero, basket]\n"
        + "".join(f"        {line}\n" for line in languages.splitlines()),
    )

    assert problems_of(bundle) == ()
