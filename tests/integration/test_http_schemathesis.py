"""What schemathesis makes of the OpenAPI document finds no 500 and no undocumented answer."""

import contextlib
import json

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from actors.domain.events import Response
from actors.domain.ids import IdSpace
from actors.wire.messages import Answer, Code, Routed
from tests.integration.http_customers import a_past, write
from tests.integration.http_support import Edge

pytestmark = pytest.mark.timeout(900)

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
WHOLE = {"status": "accepted", "customerId": "c_0000000000001", "seq": 1}


def answer(_: int, routed: Routed) -> Answer:
    """Reply as a cell does."""
    item = routed.item
    reply = {**WHOLE, "messageId": item.message_id}
    if isinstance(item, Response):
        reply |= {"effectKey": item.effect_key, "outcome": item.outcome}
    else:
        reply |= {"decisionId": None, "actions": [], "outbound": 0}
    return Answer(Code.ACCEPTED, json.dumps(reply).encode())


@pytest.fixture(scope="module")
def edge() -> Edge:
    edge = Edge(failures_per_minute=1_000_000)
    edge.gateway.answer = answer
    edge.gateway.virtual = True
    write(edge.store, a_past(IdSpace(b"k" * 32)))
    return edge


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("examples", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_generated_requests_get_documented_answers(edge: Edge, mode: GenerationMode, examples: int):
    schema = schemathesis.openapi.from_asgi("/openapi.json", edge.app)
    headers = {"Authorization": f"Bearer {edge.keys['admin']}"}
    tried = set()

    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def requests(case):
            tried.add(case.path)
            case.call_and_validate(headers=headers, checks=CHECKS)

        with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where nothing is taken
            requests()

    assert {"/v1/track", "/v1/batch", "/v1/events", "/v1/decide"} <= tried
