"""What an attacker sends to the running system: on sockets of their own, past every client library."""

import gzip
import json
import socket
import time
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest

from tests.on_ray.conftest import Caller

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]

WRONG = "rt_" + "a" * 13 + "_" + "b" * 52


def connect(system: Caller) -> socket.socket:
    host, port = system.child.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def raw(system: Caller, data: bytes) -> bytes:
    """Send bytes, and return all that comes back until the other side is silent or closes."""
    with closing(connect(system)) as wire:
        wire.sendall(data)
        wire.settimeout(5)
        answer = b""
        try:
            while chunk := wire.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionError):
            pass
        return answer


def statuses(answer: bytes) -> list[int]:
    return [int(line.split()[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def event(message_id: str, **more: object) -> bytes:
    return json.dumps({"messageId": message_id, "userId": "attacker", "event": "x"} | more).encode()


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: {n}\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: {n}",
        "Content-Length: {n}\r\nContent-Length: 1",
        "Content-Length: {n}\r\nTransfer-Encoding: xchunked",
        "Content-Length: {n}\r\nTransfer-Encoding: chunked, identity",
        "Transfer-Encoding:\x0bchunked\r\nContent-Length: {n}",
        "Content-Length: +{n}",
        "Content-Length: {n}\r\nTransfer_Encoding: chunked",
    ],
)
def test_no_request_is_smuggled_past_the_proxy(system: Caller, headers: str):
    user = f"smuggled-{crc32(headers.encode())}"
    hidden = event(user, userId=user)
    inner = (
        f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {system.child.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(hidden)}\r\n\r\n"
    ).encode() + hidden
    body = b"0\r\n\r\n" + inner
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {WRONG}\r\n"
    head += headers.format(n=len(body)) + "\r\n\r\n"

    answer = raw(system, head.encode() + body)

    # The outer request has a wrong key. Taken in as one message it is refused once; as HTTP has it, the second
    # is a request of its own only when the first ended where both proxy and replica say that it did.
    assert statuses(answer)[:1] in ([400], [401], [429], [501], [])
    if len(statuses(answer)) < 2:
        assert system("GET", f"/v1/customers/user:{user}")[0] == 404
    assert system("GET", "/readyz", key="")[0] == 200


@pytest.mark.parametrize(
    "head",
    [
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + "a" * 40_000 + "\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n" + "X-A: b\r\n" * 5000 + "\r\n",
        "GET /" + "a" * 40_000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A\x00: b\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["long value", "many", "long path", "nul", "tls"],
)
def test_heads_that_are_no_heads_are_refused(system: Caller, head: str):
    assert statuses(raw(system, head.encode("latin-1")))[:1] in ([400], [414], [431], [505], [])
    assert system("GET", "/readyz", key="")[0] == 200


def test_a_client_that_never_ends_its_head_is_hung_up_on_and_holds_up_nobody(system: Caller):
    wires = [connect(system) for _ in range(200)]
    began = time.monotonic()
    try:
        for wire in wires:
            wire.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        for _ in range(3):
            for wire in wires:
                wire.sendall(b"a")
            assert system.track("u-beside-loris", "x", f"loris-{time.monotonic_ns()}")[0] == 200
        wires[0].settimeout(30)
        answer = b""
        while chunk := wires[0].recv(4096):
            answer += chunk
    finally:
        for wire in wires:
            wire.close()
    assert statuses(answer) in ([408], [])
    assert time.monotonic() - began < 30


def test_a_small_body_that_unpacks_into_a_large_one_is_refused(system: Caller):
    bomb = gzip.compress(b'{"userId":"u","event":"' + b"a" * 50_000_000 + b'"}')
    assert len(bomb) < 60_000

    status = system.full("POST", "/v1/track", bomb, Content_Encoding="gzip")[0]

    assert status == 413


def test_wrong_keys_are_counted_by_the_address_that_the_proxy_saw(system: Caller):
    found = []
    for i in range(40):
        # Each claims to come from elsewhere; the proxy puts what it sees in its place.
        forwarded = {"X_Forwarded_For": f"203.0.113.{i}, 198.51.100.{i}"}
        found.append(system.full("POST", "/v1/track", event("k"), WRONG, **forwarded))

    assert {status for status, _, _ in found} == {401, 429}
    last, headers, _ = found[-1]
    assert last == 429
    assert int(headers["retry-after"]) >= 1
    assert system.track("u-right-key", "x", "right-key")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/customers/user:..%2f..%2f..%2fetc%2fpasswd",
        "/v1/customers/..%2fstatus",
        "/v1/customers/c_0000000000000%00",
        "/v1/../v1/status",
        "//v1/status",
        "/v1/customers/user:%0d%0aSet-Cookie:%20a=b",
        "/problems/..%2f..%2f..%2fetc%2fpasswd",
        "/-/routes/../../etc/passwd",
    ],
)
def test_tricks_in_paths_lead_nowhere(system: Caller, path: str):
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {system.child.key}\r\n"

    answer = raw(system, (head + "Connection: close\r\n\r\n").encode())

    assert statuses(answer)[0] in (400, 404, 422)
    assert b"root:" not in answer
    assert b"set-cookie" not in answer.lower()


def test_what_clients_write_starts_no_line_of_a_log(system: Caller):
    forged = "FORGED-LINE"
    for i, name in enumerate(
        (f"a\nERROR {forged}", f"a\r\n{forged}", f"\x1b[2J{forged}", f"\u2028{forged}")
    ):
        system("POST", "/v1/track", event(f"log-{i}", event=name, userId=f"u{name}"))
        system.full("GET", "/v1/status", None, f"rt_{forged}", User_Agent=f"x{forged}")
    written = [
        path
        for path in system.child.log.parent.rglob("*")
        if path.is_file() and forged in path.read_text("utf-8", "replace")
    ]

    assert written == []
    session = Path("/tmp/ray/session_latest/logs")
    seen = [
        line
        for path in session.rglob("*")
        if path.is_file()
        for line in path.read_text("utf-8", "replace").splitlines()
        if line.startswith((forged, f"ERROR {forged}"))
    ]
    assert seen == []
