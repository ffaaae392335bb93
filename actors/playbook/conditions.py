"""Which parts of a rule have to be true, each by itself, for the whole to be true."""

from collections.abc import Sequence

from actors.playbook.references import Token


def plain_conditions(tokens: Sequence[Token]) -> list[range]:
    """Return where in a rule conditions stand that it needs, and in which an error is never made up for.

    These are the parts between the outermost `&&` that hold no `!`, no `||` and no brackets but those of `double(…)`:
    a comparison with an error in it is an error, and so the rule is none that is true. There are none where `||` is outermost.
    """
    found: list[range] = []
    start = depth = 0
    plain, before = True, ""
    for at, token in enumerate(tokens):
        sign = token.text if token.kind == "op" else ""
        if sign == "||" and not depth:
            return []
        if sign == "&&" and not depth:
            if plain:
                found.append(range(start, at))
            start, plain = at + 1, True
        elif sign in {"!", "||", "&&"} or (sign == "(" and before != "double"):
            plain = False
        depth += (sign == "(") - (sign == ")")
        before = token.text
    if plain:
        found.append(range(start, len(tokens)))
    return found
