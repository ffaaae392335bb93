"""What no client should send, sent to the running system."""

import json
import socket

import pytest

from tests.on_ray.conftest import Caller

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


def counts(system: Caller) -> dict[str, int]:
    return system("GET", "/v1/status")[1]["store"]


def test_a_body_of_ten_megabytes_is_refused_and_the_server_goes_on(system):
    before = counts(system)
    body = b'{"userId":"u","event":"x","properties":{"a":"' + b"a" * 10_000_000 + b'"}}'

    try:
        status = system("POST", "/v1/track", body)[0]
    except OSError:
        status = 413  # the server may close the connection before all of it was sent
    assert status == 413
    assert counts(system) == before
    assert system.track("u-after", "Product Viewed", "after-10mb")[0] == 200


def test_half_a_request_does_not_hold_up_the_others(system):
    host, port = system.child.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

        assert system.track("u-while", "Product Viewed", "while-half")[0] == 200


def test_schemathesis_finds_no_server_error(system):
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.core.errors import SchemathesisError

    schema = schemathesis.openapi.from_url(f"{system.child.url}/openapi.json")
    headers = {"Authorization": f"Bearer {system.child.key}"}
    failures: list[str] = []
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path == "/v1/clock/advance":
            continue  # it would move the other tests' time by centuries
        if operation.path == "/v1/cells" and operation.method.upper() == "PUT":
            continue  # it would start up to 256 processes, as an operator may; bad bodies: test_http_cells

        @settings(
            max_examples=15,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def fuzz(case):
            nonlocal tried
            tried += 1
            try:
                response = case.call(headers=headers, timeout=30)
            except (SchemathesisError, ValueError):
                return
            if response.status_code >= 500:
                failures.append(f"{case.method} {case.path}: {response.status_code}")

        fuzz()

    assert tried > 300
    assert failures == []
    assert system("GET", "/readyz", key="")[0] == 200
    assert json.dumps(counts(system))
