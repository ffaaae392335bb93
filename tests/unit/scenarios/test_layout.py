"""Whatever the graph, nothing lies on anything else, ways lead down, and the drawing is the same again."""

from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.scenarios.layout import Box, Way, lay_out

LABEL = 15.0
sizes = st.builds(
    lambda left, beside, height, wide: Box(left, left + beside, height, height / 2, wide=wide),
    st.floats(6, 120),
    st.sampled_from([0.0, 0.0, 90.0]),
    st.floats(8, 80),
    st.sampled_from([False, False, True]),
)


@st.composite
def graphs(draw, most=30):
    """Graphs of which every element is reached: mostly on, sometimes back."""
    boxes = draw(st.lists(sizes, min_size=1, max_size=most))
    before = [st.integers(max(0, i - 4), i - 1) for i in range(1, len(boxes))]
    ways = list(zip(draw(st.tuples(*before)), range(1, len(boxes)), strict=True))
    pairs = st.tuples(*[st.integers(0, len(boxes) - 1)] * 2).filter(lambda pair: pair[0] != pair[1])
    if len(boxes) > 1:
        ways += draw(st.lists(pairs, max_size=len(boxes) // 2))
    widths = draw(st.tuples(*[st.sampled_from([0.0, 30.0, 150.0])] * len(ways)))
    return boxes, [Way(*way, width) for way, width in zip(ways, widths, strict=True)]


PLAIN = Box(60, 60, 40, 20)
FAN = ([PLAIN] * 6, [Way(0, i, 150.0) for i in range(1, 5)] + [Way(i, 5) for i in range(1, 5)])
LOOPS = ([PLAIN] * 5, [Way(*way) for way in [(0, 1), (0, 2), (2, 3), (3, 4), (4, 2), (3, 2)]])
BUSY = (
    [Box(40 + 13 * (i % 5), 60, 40, 20) for i in range(24)],
    [Way(max(0, i - 1 - i * 7 % 4), i, 60.0 * (i % 3)) for i in range(1, 24)]
    + [Way(i, i + 5 + i % 3) for i in range(0, 16, 2)],
)


def rectangles(boxes, layout):
    return [
        (x - box.left, y - box.height / 2, x + box.right, y + box.height / 2)
        for box, (x, y) in zip(boxes, layout.centres, strict=True)
    ]


def words(ways, layout):
    return [
        (x - way.label / 2, y - LABEL / 2, x + way.label / 2, y + LABEL / 2)
        for way, route in zip(ways, layout.routes, strict=True)
        if route.label_at is not None
        for x, y in [route.label_at]
    ]


def apart(one, other):
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@given(graphs())
@example(FAN)
@example(LOOPS)
@example(BUSY)
def test_no_element_or_word_lies_on_another_and_all_are_on_the_page(graph):
    boxes, ways = graph

    layout = lay_out(boxes, ways, LABEL)

    things = rectangles(boxes, layout) + words(ways, layout)
    assert all(apart(one, other) for one, other in combinations(things, 2))
    assert min(left for left, *_ in things) >= -1e-6
    assert min(top for _, top, *_ in things) >= -1e-6
    assert max(right for *_, right, _ in things) <= layout.width + 1e-6
    assert max(bottom for *_, bottom in things) <= layout.height + 1e-6


@given(graphs())
@example(FAN)
@example(LOOPS)
@example(BUSY)
def test_no_way_runs_through_an_element_or_a_word(graph):
    boxes, ways = graph

    layout = lay_out(boxes, ways, LABEL)

    elements = rectangles(boxes, layout)
    for way, route in zip(ways, layout.routes, strict=True):
        others = [r for i, r in enumerate(elements) if i not in (way.source, way.target)]
        others += [
            word
            for each, other in zip(ways, layout.routes, strict=True)
            if other is not route
            for word in words([each], type(layout)((), (other,), 0, 0))
        ]
        for x, top, bottom in route.stops:
            assert top <= bottom + 1e-6
            assert all(apart((x - 1, top, x + 1, bottom), other) for other in others)
        # Between stops a way stays between two rows, where nothing else is.
        for (_, _, above), (_, below, _) in pairwise(route.stops):
            assert above < below
            assert all(other[3] <= above + 1e-6 or other[1] >= below - 1e-6 for other in others)


@given(graphs())
def test_ways_lead_down_unless_they_lead_back(graph):
    boxes, ways = graph

    layout = lay_out(boxes, ways, LABEL)

    for way, route in zip(ways, layout.routes, strict=True):
        down = layout.centres[way.source][1] < layout.centres[way.target][1]
        assert down != route.up
        assert (route.label_at is not None) == bool(way.label)


@given(graphs(most=12))
def test_the_same_graph_is_laid_out_the_same_again(graph):
    assert lay_out(*graph, LABEL) == lay_out(*graph, LABEL)


def test_a_chain_is_upright():
    boxes = [Box(60, 60, 40, 20)] * 6

    layout = lay_out(boxes, [Way(i, i + 1) for i in range(5)], LABEL)

    assert len({x for x, _ in layout.centres}) == 1


def crossings(layout):
    """Count which ways cross between two rows."""
    parts = [
        (above, below, x, to)
        for route in layout.routes
        for (x, _, above), (to, below, _) in pairwise(route.stops)
    ]
    return sum(
        (one[2] - other[2]) * (one[3] - other[3]) < -1e-6
        for one, other in combinations(parts, 2)
        if one[:2] == other[:2]
    )


def test_ways_that_need_not_cross_do_not_cross_and_first_ways_lead_to_the_left():
    boxes = [PLAIN] * 6
    # As they are told they would cross: the third leads to where the first leads to.
    ways = [Way(*way) for way in [(0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (3, 4)]]

    layout = lay_out(boxes, ways, LABEL)

    x = [x for x, _ in layout.centres]
    assert crossings(layout) == 0
    # The mirror image, and that with the first and the third exchanged, have no crossings either.
    assert x[1] < x[3] < x[2]
    assert x[4] < x[5]


def test_the_first_way_leads_to_the_left():
    boxes = [Box(40, 40, 30, 15)] * 4

    layout = lay_out(boxes, [Way(0, 2), (Way(0, 1)), Way(0, 3)], LABEL)

    x = [x for x, _ in layout.centres]
    assert x[2] < x[1] < x[3]


def test_of_two_orders_without_crossings_the_one_with_first_ways_to_the_left_is_taken():
    steps = [(0, 1), (1, 2), (1, 6), (2, 3), (3, 4), (4, 5), (4, 6), (4, 7)]

    layout = lay_out([PLAIN] * 8, [Way(*step) for step in steps], LABEL)

    x = [x for x, _ in layout.centres]
    assert crossings(layout) == 0
    assert x[2] < x[6]
    assert x[5] < x[6]


def test_a_way_back_begins_and_ends_left_of_its_elements():
    boxes = [Box(60, 60, 40, 20)] * 3

    layout = lay_out(boxes, [Way(0, 1), Way(1, 2), Way(2, 1, 40.0)], LABEL)

    back = layout.routes[2]
    assert back.up
    assert back.stops[0][0] < layout.centres[1][0] - 60
    assert back.stops[-1][0] < layout.centres[2][0] - 60


def test_a_way_from_an_element_to_itself_is_refused():
    with pytest.raises(ValueError, match="itself"):
        lay_out([Box(1, 1, 1, 1)], [Way(0, 0)], LABEL)
