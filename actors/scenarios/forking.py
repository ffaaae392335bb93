"""The ways of a fork: tokens in a scope, which meet in a join or are gone."""

from actors.domain.journeys import MAX_TOKENS, Instance, Scope, Token
from actors.playbook.scenario_model import Fork, Join, Scenario


def new_id(instance: Instance) -> int:
    """Return the next id of tokens and scopes."""
    found = instance.next_id
    instance.next_id += 1
    return found


def has_room(instance: Instance, step: Fork) -> bool:
    """Return whether an instance may have the tokens of a fork, in place of the one that forks."""
    return len(instance.tokens) - 1 + len(step.branches) <= MAX_TOKENS


def fork(instance: Instance, token: Token, step: Fork, join: Join) -> list[Token]:
    """Replace a token by one for each branch, in order; none has entered a step yet."""
    at_ms = token.since_ms
    due_ms = at_ms + join.timeout_ms if join.timeout_ms else 0
    scope = Scope(new_id(instance), step.name, token.scope, 0, due_ms)
    instance.scopes.append(scope)
    remove(instance, token)
    branches = [Token(new_id(instance), "", scope.id, at_ms) for _ in step.branches]
    instance.tokens += branches
    return branches


def scope_at(scenario: Scenario, instance: Instance, token: Token, join: Join) -> Scope | None:
    """Return the scope that a token walks in if its ways meet in a join, else None."""
    scope = scope_of(instance, token)
    if scope is None:
        return None
    step = scenario.steps[scope.fork]
    return scope if isinstance(step, Fork) and step.join == join.name else None


def scope_of(instance: Instance, token: Token) -> Scope | None:
    """Return the scope that a token walks in, None outside of forks."""
    if not token.scope:
        return None
    return next((scope for scope in instance.scopes if scope.id == token.scope), None)


def join_of(scenario: Scenario, scope: Scope) -> Join:
    """Return the step in which the ways of a scope meet."""
    step = scenario.steps[scope.fork]
    assert isinstance(step, Fork)  # noqa: S101 - scopes are made by forks, and do not change version
    join = scenario.steps[step.join]
    assert isinstance(join, Join)  # noqa: S101 - the compiler has checked it
    return join


def remove(instance: Instance, token: Token) -> None:
    """Take a token out of its instance."""
    instance.tokens = [each for each in instance.tokens if each is not token]


def under_way(instance: Instance, scope: Scope) -> bool:
    """Return whether some token still walks in a scope, or in a fork inside of it."""
    return any(token.scope == scope.id for token in instance.tokens) or any(
        each.parent == scope.id for each in instance.scopes
    )


def close(instance: Instance, scope: Scope, survivor: Token | None = None) -> None:
    """End a scope with all that is in it; a survivor goes on in the scope around."""
    gone = {scope.id}
    for each in instance.scopes:
        if each.parent in gone:
            gone.add(each.id)
    instance.scopes = [each for each in instance.scopes if each.id not in gone]
    instance.tokens = [
        each for each in instance.tokens if each is survivor or each.scope not in gone
    ]
    if survivor is not None:
        survivor.scope = scope.parent


def successor(instance: Instance, scope: Scope, join: Join, at_ms: int) -> Token:
    """End a scope whose join has not come about, and return the new token that goes on."""
    close(instance, scope)
    token = Token(new_id(instance), join.name, scope.parent, at_ms)
    instance.tokens.append(token)
    return token
