from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.playbook.templates import MAX_VALUE_LENGTH, Template, parse_text, render

NAME = "profile.traits.first_name"


def template(text: str) -> Template:
    parts, errors = parse_text(text)
    assert errors == []
    return Template((("body", parts),))


def shown(text: str, **values: object) -> object:
    return render(template(text), {NAME: values.get("value"), "profile.orders": 7})["body"]


def test_values_are_put_in_and_the_rest_stays_as_it_is():
    text = "Hi {{profile.traits.first_name|there}}, order <b>{{ profile.orders }}</b>!"

    assert shown(text, value="Ada") == "Hi Ada, order <b>7</b>!"


@pytest.mark.parametrize("value", [None, "", "  ", [], {}, float("nan"), float("inf"), 10**30])
def test_what_cannot_be_shown_gives_the_fallback(value):
    assert shown("Hi {{profile.traits.first_name|dear friend}}", value=value) == "Hi dear friend"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<script>alert('x')</script>", "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;"),
        ('" onload="x', "&quot; onload=&quot;x"),
        ("Tom & Ann", "Tom &amp; Ann"),
        ("a\r\nBcc: everybody@example.com", "a Bcc: everybody@example.com"),
        ("{{profile.orders}}", "{{profile.orders}}"),
        (True, "true"),
        (3, "3"),
        (3.0, "3"),
        (29.5, "29.50"),
        (-0.004, "-0.00"),
    ],
)
def test_values_are_escaped_and_numbers_are_readable(value, text):
    assert shown("{{profile.traits.first_name|x}}", value=value) == text


@given(value=st.text(st.characters(codec="utf-8")))
def test_no_value_can_bring_markup_or_a_new_line(value):
    result = str(shown("{{profile.traits.first_name|x}}", value=value))

    assert not set(result) & set("<>\"'\r\n\x00")
    assert len(unescape(result)) <= MAX_VALUE_LENGTH


def test_content_without_placeholders_comes_back_unchanged():
    content = Template((("title", "A < B"), ("size", 3), ("big", True)))

    assert render(content, {}) == {"title": "A < B", "size": 3, "big": True}


def test_an_empty_fallback_may_be_asked_for():
    assert shown("Hi{{profile.traits.first_name|}}!") == "Hi!"


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("Hi {{profil.orders}}", 3, "did you mean 'profile.orders'?"),
        ("{{profile.traits.first_name}}", 0, "expected a fallback"),
        ("{{profile.traits}}", 0, "is a map"),
        ("{{profile.traits.a.b|x}}", 0, "is a map"),
        ("{{profile.orders.x}}", 0, "cannot be shown"),
        ("{{segments}}", 0, "cannot be shown"),
        ("ab {{", 3, "without '}}'"),
        ("{{}}", 0, "unknown field ''"),
        ("{{tier}} and {{tir}}", 13, "did you mean 'tier'?"),
    ],
)
def test_a_wrong_placeholder_is_told_with_its_offset(text, offset, words):
    _, errors = parse_text(text)

    assert [error.offset for error in errors] == [offset]
    assert words in errors[0].text
