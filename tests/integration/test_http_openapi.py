"""The OpenAPI document: valid 3.1, complete, and true of the running edge."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from actors.domain.ids import IdSpace
from tests.integration.http_customers import PLAYBOOK, a_past, write
from tests.integration.http_support import PROBLEM, Edge

OPEN = {"/v1/unsubscribe/{token}", "/healthz", "/readyz", "/problems/{slug}"}
METHODS = ("get", "put", "post", "delete", "patch")


@pytest.fixture(scope="module")
def edge() -> Edge:
    return Edge(currency=PLAYBOOK.currency)


@pytest.fixture(scope="module")
def document(edge: Edge) -> dict[str, Any]:
    return edge.get("/openapi.json", key=None).json()


def operations(document: dict[str, Any]):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]):
    # Imported here: it brings much along that no other of the fast tests needs.
    from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

    assert document["openapi"].startswith("3.1")
    OPENAPI_31_VALIDATOR.validate(document)


def test_every_schema_in_it_is_a_json_schema_and_every_reference_leads_somewhere(document):
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)

    text = json.dumps(document)
    for part in text.split('"$ref": "')[1:]:
        name = part.split('"')[0].removeprefix("#/components/schemas/")
        assert name in schemas


def test_every_route_of_the_application_is_in_it(edge: Edge, document: dict[str, Any]):
    served = {
        (route.path, method.lower())
        for route in edge.app.routes
        if getattr(route, "include_in_schema", False)
        for method in route.methods
    }

    assert served == {(path, method) for path, method, _ in operations(document)}
    assert len(served) >= 30


def test_every_route_documents_its_problems_and_its_key(document: dict[str, Any]):
    for path, method, operation in operations(document):
        responses = operation["responses"]
        errors = {status: each for status, each in responses.items() if int(status) >= 400}
        for status, response in errors.items():
            assert set(response["content"]) == {PROBLEM}, (path, method, status)
            examples = response["content"][PROBLEM]["examples"]
            assert {each["value"]["status"] for each in examples.values()} == {int(status)}
        if path in OPEN:
            assert "security" not in operation
        else:
            assert {"401", "403", "429", "500"} <= set(errors), (path, method)
            assert operation["security"][0].keys() == {"bearer"}
        if "requestBody" in operation:
            assert {"400", "413", "415", "422", "503"} <= set(errors), (path, method)
        assert operation["summary"]
        assert operation["tags"]
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)


def test_every_example_fits_its_schema_and_is_taken(edge: Edge, document: dict[str, Any]):
    examples = 0
    edge.gateway.virtual = True
    for path, method, operation in operations(document):
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            if "example" not in media:
                continue
            validator(document, media["schema"]).validate(media["example"])
            response = edge.request(
                method.upper(),
                path,
                content=json.dumps(media["example"]).encode(),
                headers={"Content-Type": media_type},
            )
            if "rollback" not in path and "{" not in path:  # nobody has made what it names
                assert response.status_code < 300, (path, response.text)
            examples += 1
    assert examples >= 10


def test_replies_fit_their_schemas():
    edge = Edge(currency=PLAYBOOK.currency)
    document = edge.get("/openapi.json").json()
    write(edge.store, a_past(IdSpace(b"k" * 32)))
    timeline = edge.get("/v1/customers/user:anna/timeline").json()
    decision_id = next(t["decisionId"] for t in timeline["items"] if "decisionId" in t)
    base = "/v1/customers/{id}"
    calls = {
        (base, "get"): edge.get("/v1/customers/user:anna"),
        (base + "/timeline", "get"): edge.get("/v1/customers/user:anna/timeline?limit=1"),
        (base + "/decisions/{decisionId}", "get"): edge.get(
            f"/v1/customers/user:anna/decisions/{decision_id}"
        ),
        (base + "/decisions/{decisionId}/replay", "post"): edge.post(
            f"/v1/customers/user:anna/decisions/{decision_id}/replay"
        ),
        ("/v1/playbook", "get"): edge.get("/v1/playbook"),
        ("/v1/playbook/versions", "get"): edge.get("/v1/playbook/versions"),
        ("/v1/clock", "get"): edge.get("/v1/clock"),
        ("/v1/keys", "get"): edge.get("/v1/keys"),
        ("/v1/keys", "post"): edge.post("/v1/keys", {"scopes": ["read"]}),
        ("/v1/batch", "post"): edge.post("/v1/batch", {"batch": [{}]}),
        ("/healthz", "get"): edge.get("/healthz"),
        ("/problems/{slug}", "get"): edge.get("/problems/invalid"),
    }

    for (path, method), response in calls.items():
        responses = document["paths"][path][method]["responses"]
        schema = responses[str(response.status_code)]["content"]["application/json"]["schema"]
        validator(document, schema).validate(response.json())


def test_problems_fit_their_schema(edge: Edge, document: dict[str, Any]):
    schema = {"$ref": "#/components/schemas/Problem"}

    for response in (edge.post("/v1/track", {}), edge.get("/nope"), edge.post("/v1/batch", {})):
        validator(document, schema).validate(response.json())
