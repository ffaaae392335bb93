"""Where a customer stands in a scenario, as far as a purpose may see it."""

from collections.abc import Callable

from actors.briefing import model as m
from actors.domain.journeys import Instance
from actors.playbook.model import Action, Playbook
from actors.playbook.scenario_model import Propose, Scenario
from actors.scenarios.engine import definition, next_wait

_FAR = 16
"""How many steps ahead it is looked for what will be proposed."""


def label_of(action: Action) -> str:
    """Return what an action is called before people."""
    return action.description or action.name.replace("_", " ")


def position_of(
    instance: Instance, playbook: Playbook, sees: Callable[[str], bool]
) -> m.Position | None:
    """Return where an instance stands; None if all that its scenario proposes is not to be seen."""
    scenario = definition(playbook, instance)
    if scenario is None:
        return None
    book = playbook.earlier_books.get((scenario.name, scenario.digest), playbook)

    def actions_of(step: Propose) -> list[Action]:
        found = [playbook.action(book.actions[index].key) for index in step.actions]
        return [each for each in found if each is not None]

    proposing = [step for step in scenario.steps.values() if isinstance(step, Propose)]
    everything = [action for step in proposing for action in actions_of(step)]
    if everything and not any(sees(action.purpose) for action in everything):
        return None
    steps = tuple(dict.fromkeys(token.step for token in instance.tokens))
    ahead = [step for name in steps if (step := _ahead(scenario, name)) is not None]
    actions = {a.key: a for step in ahead for a in actions_of(step) if sees(a.purpose)}
    return m.Position(
        scenario.name,
        instance.key,
        next_wait(instance),
        tuple(actions),
        tuple([label_of(action) for action in actions.values()]),
        steps,
    )


def _ahead(scenario: Scenario, name: str) -> Propose | None:
    """Return the next step that proposes something, if everything goes straight on."""
    for _ in range(_FAR):
        step = scenario.steps.get(name)
        if step is None or isinstance(step, Propose):
            return step
        name = step.next
    return None
