"""What tells versions of a scenario apart."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel

from actors.playbook.scenario_schema import ScenarioModel, WindowModel


def digest_of(scenario: ScenarioModel, windows: Mapping[str, WindowModel]) -> str:
    """Return what tells versions apart: 16 hex digits over all that changes what happens."""
    told = [_canonical(scenario), [[name, _canonical(each)] for name, each in windows.items()]]
    text = json.dumps(told, ensure_ascii=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _canonical(value: Any) -> Any:
    """Return what is written, without descriptions and what is as by default.

    Fields are in the order of their names, entries of mappings in that of the file: it counts for
    steps, goals and arms.
    """
    if isinstance(value, BaseModel):
        given = {
            name: _canonical(getattr(value, name))
            for name, each in sorted(type(value).model_fields.items())
            if name != "description" and getattr(value, name) != each.default
        }
        return {"is": given}
    if isinstance(value, dict):
        return [[key, _canonical(each)] for key, each in value.items()]
    if isinstance(value, tuple):
        return [_canonical(each) for each in value]
    return value
