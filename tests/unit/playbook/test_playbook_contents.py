"""Content: what values may do to a page, a URL and a line of text; languages; what is checked."""

from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.errors import PlaybookError
from actors.playbook.templates import MAX_VALUE_LENGTH, Template, format_of, parse_text, render
from tests.builders import make_playbook, make_state, question, take

NAME = "{{profile.traits.first_name|friend}}"
KEY = "profile.traits.first_name"
VALUES = st.text(st.characters(codec="utf-8"), max_size=300)
HOSTILE = st.sampled_from(
    [
        "<script>",
        "</title>",
        '"',
        "'",
        "&",
        "\r\n",
        "\u2028",
        "../",
        "?",
        "#",
        "%0d%0a",
        "javascript:",
    ]
)
ANY = st.lists(VALUES | HOSTILE, max_size=5).map("".join)


def shown(field, text, value):
    parts, errors = parse_text(text)
    assert errors == []
    return str(render(Template(((field, parts),)), {KEY: value})[field])


class Page(HTMLParser):
    """Gathers tags and texts."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@given(value=ANY)
def test_no_value_can_change_the_shape_of_a_page(value):
    page = Page()
    page.feed(shown("html", f'<p title="{NAME}">{NAME}</p>', value))
    page.close()

    assert [tag for tag, _ in page.tags] == ["p"]
    assert page.tags[0][1].keys() == {"title"}
    assert page.text == page.tags[0][1]["title"]


@given(value=ANY)
def test_no_value_can_leave_its_place_in_a_url(value):
    url = shown("url", f"https://shop.example/p/{NAME}/reviews?who={NAME}&x=1#top", value)

    parts = urlsplit(url)

    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "shop.example", "top")
    assert parts.path.split("/")[0::1][1] == "p"
    assert parts.path.count("/") == 3
    assert parts.path.split("/")[2] not in {".", "..", ""}
    query = parse_qs(parts.query)
    assert query.keys() == {"who", "x"}
    assert query["who"] == [unquote(parts.path.split("/")[2])]


@given(value=ANY)
def test_no_value_can_begin_a_new_line_and_text_is_as_it_was_said(value):
    line = shown("subject", f"Hello {NAME}", value)

    assert len(line.splitlines()) == 1
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line)
    assert len(line) <= MAX_VALUE_LENGTH + 6
    if value.isalnum():
        assert line == f"Hello {value[:MAX_VALUE_LENGTH]}"


@given(value=ANY)
def test_a_page_shows_what_a_line_of_text_says(value):
    assert unescape(shown("body", NAME, value)) == shown("text", NAME, value)


@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("html", "html"),
        ("body_html", "html"),
        ("title", "html"),
        ("body", "html"),
        ("curl", "html"),
        ("subject", "text"),
        ("preheader", "text"),
        ("text", "text"),
        ("plain_text", "text"),
        ("plainText", "text"),
        ("url", "url"),
        ("image", "url"),
        ("image_url", "url"),
        ("imageUrl", "url"),
        ("shop-url", "url"),
    ],
)
def test_a_field_is_what_its_name_says_and_html_when_it_says_nothing(field, form):
    assert format_of(field) == form


def test_an_apostrophe_stays_one_in_a_subject():
    assert shown("subject", f"{NAME}, hello", "O'Brien & Co") == "O'Brien & Co, hello"


def treatment(**more):
    content = {"title": "Hello {{profile.traits.first_name|you}}", "url": "/a?b={{profile.orders}}"}
    return {"placements": ["hero"], "content": content} | more


def book(spec, **action):
    return make_playbook(
        triggers={},
        actions={
            "a/b/c": {
                "value": 1,
                "purpose": "onsite",
                "startingPropensity": 0.5,
                "treatments": {"web": spec},
            }
            | action
        },
    )


GERMAN = {
    "de": {"title": "Hallo {{profile.traits.first_name|du}}", "url": "/de"},
    "de-CH": {"title": "Grüezi {{profile.traits.last_name|Sie}}", "url": "/ch"},
}


@pytest.mark.parametrize(
    ("locale", "title"),
    [
        ("", "Hello you"),
        ("en-US", "Hello you"),
        ("de", "Hallo du"),
        ("de-AT", "Hallo du"),
        ("DE_at.UTF-8", "Hallo du"),
        ("de-CH", "Grüezi Meier"),
        ("de_ch", "Grüezi Meier"),
        ("de-CH-1996", "Grüezi Meier"),
        ("de-Latn-CH", "Hallo du"),
        ("d", "Hello you"),
        ("--", "Hello you"),
    ],
)
def test_a_customer_is_spoken_to_in_her_language_else_without_region_else_by_default(locale, title):
    state = make_state()
    state.profile.locale = locale
    state.profile.traits["last_name"] = "Meier"

    turn = take(state, question(), playbook=book(treatment(locales=GERMAN)))

    assert turn.record.effects[0].content["title"] == title


def problems(spec, **action):
    with pytest.raises(PlaybookError) as error:
        book(spec, **action)
    return str(error.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"locales": {"de": {"title": "Hallo"}}}, "'de' lacks 'url'"),
        ({"locales": {"de": GERMAN["de"] | {"titel": "x"}}}, "did you mean 'title'?"),
        ({"locales": {"de": GERMAN["de"], "DE": GERMAN["de"]}}, "the same language as"),
        ({"locales": {"german!": GERMAN["de"]}}, "a language tag such as de or de-CH"),
        ({"formats": {"titel": "text"}}, "format of an unknown field 'titel'"),
        ({"formats": {"title": "markdown"}}, "formats"),
        ({"content": {"url": "{{profile.traits.home|/}}"}}, "expected it to begin with text"),
        (
            {"content": {"go": "{{profile.traits.home|/}}"}, "formats": {"go": "url"}},
            "expected it to begin with text",
        ),
        ({"content": {"title": "{{suggested.itm}}"}}, "expected suggested.item or suggested.name"),
    ],
)
def test_what_is_wrong_with_content_is_told(more, words):
    assert words in problems(treatment(**more))


def test_a_success_must_be_an_outcome_that_is_a_yes():
    assert "success" in problems(treatment(), success="reject")


def test_a_declared_format_holds_in_every_language():
    spec = treatment(formats={"title": "text"}, locales={"de": GERMAN["de"]})
    state = make_state()
    state.profile.traits["first_name"] = "R&D"
    german = make_state()
    german.profile.traits["first_name"], german.profile.locale = "R&D", "de"

    said = [
        take(each, question(), playbook=book(spec)).record.effects[0].content["title"]
        for each in (state, german)
    ]

    assert said == ["Hello R&D", "Hallo R&D"]
