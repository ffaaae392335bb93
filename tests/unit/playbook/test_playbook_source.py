import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

from actors.playbook.source import parse

STYLES = (
    str,
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)
ESCAPED = {'"': '\\"', "\\": "\\\\"}
words = st.text("abc>&'\"\\é(", min_size=1, max_size=8)
rules = st.lists(st.lists(words, min_size=1, max_size=12).map(" ".join), min_size=1, max_size=4)


@given(lines=rules, style=st.sampled_from(STYLES))
@example(lines=["a && b", "c"], style=LiteralScalarString)
@example(lines=[">", "> > > >>> >>>>>>\\ >>>>>>>\\", ">"], style=str)
@example(lines=['say "x" \\ y'], style=DoubleQuotedScalarString)
def test_every_visible_character_of_a_text_is_found_where_it_is_written(lines, style):
    text = "\n".join(lines)
    stream = io.StringIO()
    writer = YAML()
    writer.width = 40
    writer.dump({"outer": {"when": style(text)}}, stream)
    written = stream.getvalue()

    document = parse("f.yaml", written)

    value = document.value(("outer", "when"))
    rows = written.split("\n")
    is_double = rows[1].lstrip().startswith('when: "')
    for offset, char in enumerate(value):
        if not char.isspace():
            line, column = document.inside(("outer", "when"), offset)
            found = rows[line - 1][column - 1 :]
            assert found.startswith(ESCAPED.get(char, char) if is_double else char)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("010", 10),
        ("0x1F", 31),
        ("1_000", 1000),
        (".002", 0.002),
        ("1e3", 1000.0),
        ("~", None),
        ("2020-01-01", "2020-01-01"),
        ("'1'", "1"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
    ],
)
def test_values_are_read_as_yaml_1_2_reads_them(text, value):
    document = parse("f.yaml", f"key: {text}\n")

    assert (document.data, document.problems) == ({"key": value}, [])


def test_anchors_may_be_used():
    document = parse("f.yaml", "a: &x {b: 1}\nc: *x\n")

    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}


def test_places_count_from_one_and_fall_back_to_what_holds_them():
    document = parse("f.yaml", "a:\n  b: [1, 22]\n")

    assert document.place(("a", "b", 1)) == (2, 10)
    assert document.key_place(("a", "b")) == (2, 3)
    assert document.place(("a", "missing", "deep")) == (2, 3)
    assert document.place(()) == (1, 1)
