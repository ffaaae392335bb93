"""The check of circles against one that walks every circle there is."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from actors.playbook.scenario_flow import check_flow
from actors.playbook.scenario_schema import ScenarioModel, StepModel
from actors.playbook.source import Document

NAMES = ("a", "b", "c", "d", "e")
Edge = tuple[str, str, bool]


@st.composite
def flows(draw: st.DrawFn) -> dict[str, dict[str, object]]:
    """Return steps that lead anywhere: quick ones, slow ones, and loops."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    to = st.sampled_from([*names, "end"])
    steps: dict[str, dict[str, object]] = {}
    for name in names:
        kinds: list[dict[str, object]] = [
            {"wait": "P1D"},
            {"set": {"x": 1}},
            {"filter": "true", "otherwise": draw(to)},
            {"repeat": draw(st.sampled_from(names)), "times": 2},
        ]
        step = draw(st.sampled_from(kinds))
        steps[name] = step | ({"next": draw(to)} if draw(st.booleans()) else {})
    return steps


def edges(steps: dict[str, StepModel]) -> list[Edge]:
    """Return (from, to, back) of all steps."""
    names = list(steps)
    found: list[Edge] = []
    for i, (name, step) in enumerate(steps.items()):
        after = names[i + 1] if i + 1 < len(names) else "end"
        found.append((name, step.next or after, False))
        if step.filter is not None:
            found.append((name, step.otherwise or "end", False))
        if step.repeat is not None:
            found.append((name, step.repeat, True))
    return found


def circles(found: list[Edge], walked: list[Edge]) -> Iterator[list[Edge]]:
    """Yield every circle that begins with what was walked and repeats no step."""
    for edge in found:
        if edge[0] != walked[-1][1]:
            continue
        if edge[1] == walked[0][0]:
            yield [*walked, edge]
        elif edge[1] not in [one[0] for one in walked]:
            yield from circles(found, [*walked, edge])


def reached(found: list[Edge], first: str) -> set[str]:
    """Return the steps that a step leads to, itself among them."""
    there = {first}
    for _ in NAMES:
        there |= {to for start, to, _ in found if start in there}
    return there


def is_right(steps: dict[str, StepModel]) -> bool:
    found = edges(steps)
    onward = [edge for edge in found if not edge[2]]
    if not set(steps) <= reached(found, next(iter(steps))):
        return False
    if any(start not in reached(onward, to) for start, to, back in found if back):
        return False  # goes on, not back
    every = [[edge] for edge in found if edge[0] == edge[1]]
    every += [each for edge in found if edge[0] != edge[1] for each in circles(found, [edge])]
    bounded = all(any(back for _, _, back in circle) for circle in every)
    return bounded and all(any(steps[start].wait for start, _, _ in circle) for circle in every)


@given(given_steps=flows())
def test_a_flow_is_right_when_every_circle_has_a_bound_and_takes_time(given_steps):
    scenario = ScenarioModel.model_validate({"start": {"on": "A"}, "steps": given_steps})
    document = Document("scenarios.yaml", "")

    check_flow(document, (), scenario.steps)

    assert (not document.problems) == is_right(scenario.steps), document.problems
