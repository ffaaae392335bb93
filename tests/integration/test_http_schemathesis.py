"""What schemathesis makes of the OpenAPI document finds no 500 and no undocumented answer."""

import contextlib
import json
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from actors.domain.events import Response
from actors.domain.ids import IdSpace
from actors.wire.messages import Answer, Code, Routed
from tests.integration.http_customers import a_past, write
from tests.integration.http_support import Edge

pytestmark = pytest.mark.timeout(900)

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


def paths_tried(operation, mode, examples: int, **expected) -> set[str]:
    """Call one operation with generated cases, each checked, and return the paths called."""
    tried = set()

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
        case.call_and_validate(**expected)

    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where nothing is taken
        requests()
    return tried


@pytest.mark.slow
def test_calls_that_build_on_each_other_get_no_server_error(edge: Edge):
    import schemathesis
    from hypothesis.stateful import run_state_machine_as_test

    schema = schemathesis.openapi.from_asgi("/openapi.json", edge.app)
    called: set[str] = set()

    class Calls(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case):
            called.add(f"{case.method} {case.path}")
            return {"headers": {"Authorization": f"Bearer {edge.keys['admin']}"}}

        def validate_response(self, response, case, **_):
            assert response.status_code < 500 or response.status_code == 503, (
                case.method,
                case.path,
                response.text,
            )

    run_state_machine_as_test(
        Calls,
        settings=settings(
            max_examples=60,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert len(called) > 12


@pytest.mark.slow
@pytest.mark.parametrize("examples", [100])
def test_generated_requests_get_documented_answers(edge: Edge, examples: int):
    # A quick one runs against the real system (tests/on_ray/test_hostile_input.py). Imported here, because it takes long and this test alone needs it.
    import schemathesis
    from schemathesis import GenerationMode, checks
    from schemathesis.specs.openapi import checks as conformance

    all_checks = (
        checks.not_a_server_error,
        conformance.status_code_conformance,
        conformance.content_type_conformance,
        conformance.response_schema_conformance,
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", edge.app)
    headers = {"Authorization": f"Bearer {edge.keys['admin']}"}
    tried = {GenerationMode.POSITIVE: set(), GenerationMode.NEGATIVE: set()}

    for result, mode in product(schema.get_all_operations(), tried):
        tried[mode] |= paths_tried(result.ok(), mode, examples, headers=headers, checks=all_checks)

    for paths in tried.values():
        assert {"/v1/track", "/v1/batch", "/v1/events", "/v1/decide"} <= paths
