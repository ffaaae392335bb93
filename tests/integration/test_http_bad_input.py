"""Bad input gets the contract's status, reaches nobody, and is never repeated in the answer."""

import gzip
import json

import pytest

from tests.integration.http_support import Edge, assert_problem


@pytest.fixture(scope="module")
def edge() -> Edge:
    """One edge for all refusals: nothing may ever reach its gateway."""
    return Edge()


SECRET = "anna.secret@example.com"


def track(**changes: object) -> bytes:
    body = {"messageId": "m-1", "userId": "u-1", "event": "Product Viewed", **changes}
    return json.dumps({k: v for k, v in body.items() if v is not ...}).encode()


def raw(text: str) -> bytes:
    return ('{"userId": "u-1", "event": "E", "properties": ' + text + "}").encode()


def nested(levels: int) -> bytes:
    return raw('{"a":' * (levels - 1) + "1" + "}" * (levels - 1))


BAD_TRACKS = {
    "empty body": (b"", 400),
    "blank body": (b"   ", 400),
    "no JSON": (b"hello", 400),
    "cut off": (b'{"userId": "u-1", "eve', 400),
    "two documents": (track() + track(), 400),
    "single quotes": (b"{'userId': 'u'}", 400),
    "trailing comma": (b'{"userId": "u-1",}', 400),
    "byte order mark": (b"\xef\xbb\xbf" + track(), 400),
    "invalid UTF-8": (b'{"userId": "\xff\xfe", "event": "E"}', 400),
    "overlong UTF-8": (b'{"userId": "\xc0\xaf", "event": "E"}', 400),
    "UTF-16": (track().decode().encode("utf-16"), 400),
    "lone surrogate": (b'{"userId": "\\ud800", "event": "E"}', 400),
    "lone surrogate in a key": (raw('{"\\udc00": 1}'), 400),
    "NaN": (raw('{"x": NaN}'), 400),
    "Infinity": (raw('{"x": Infinity}'), 400),
    "minus Infinity": (raw('{"x": [-Infinity]}'), 400),
    "NaN in an unknown field": (b'{"userId": "u", "event": "E", "zz": NaN}', 400),
    "number too large for a float": (raw('{"x": 1e999}'), 422),
    "negative number too large for a float": (raw('{"x": {"y": -1e400}}'), 422),
    "integer beyond 64 bits": (raw('{"x": 123456789012345678901234567890}'), 422),
    "negative integer beyond 64 bits": (raw('{"x": -9223372036854775809}'), 422),
    "array on top": (b"[1]", 422),
    "array of events on top": (b"[" + track() + b"]", 422),
    "string on top": (b'"hello"', 422),
    "null on top": (b"null", 422),
    "nested 33 levels": (nested(33), 422),
    "nested 33 levels in an unknown field": (
        b'{"userId": "u", "event": "E", "zz": ' + b"[" * 32 + b"]" * 32 + b"}",
        422,
    ),
    "nested 10,000 levels": (raw("[" * 10_000 + "]" * 10_000), 422),
    "nobody": (track(userId=...), 422),
    "userId empty": (track(userId=""), 422),
    "userId null": (track(userId=None), 422),
    "userId a number": (track(userId=17), 422),
    "userId true": (track(userId=True), 422),
    "userId an object": (track(userId={"a": 1}), 422),
    "userId with NUL": (track(userId="a\0b"), 422),
    "userId with a line break": (track(userId="a\nb"), 422),
    "userId with a C1 control": (track(userId="a\x85b"), 422),
    "userId of 10,000 characters": (track(userId="a" * 10_000), 422),
    "userId of 513 characters": (track(userId="a" * 513), 422),
    "anonymousId a list": (track(anonymousId=["a"]), 422),
    "messageId empty": (track(messageId=""), 422),
    "messageId of 101 characters": (track(messageId="m" * 101), 422),
    "messageId a number": (track(messageId=5), 422),
    "messageId with a tab": (track(messageId="a\tb"), 422),
    "event missing": (track(event=...), 422),
    "event empty": (track(event=""), 422),
    "event a number": (track(event=1), 422),
    "event of 257 characters": (track(event="e" * 257), 422),
    "event with ESC": (track(event="\x1b[0m"), 422),
    "type of another call": (track(type="identify"), 422),
    "properties a list": (track(properties=[1]), 422),
    "properties text": (track(properties="x"), 422),
    "traits a number": (track(traits=1), 422),
    "context a list": (track(context=[]), 422),
    "channel a number": (track(context={"channel": 1}), 422),
    "channel with a space": (track(context={"channel": "call center"}), 422),
    "channel of 65 characters": (track(context={"channel": "c" * 65}), 422),
    "placements text": (track(context={"placements": "home"}), 422),
    "eleven placements": (track(context={"placements": [f"p{i}" for i in range(11)]}), 422),
    "placement empty": (track(context={"placements": [""]}), 422),
    "placement a number": (track(context={"placements": [1]}), 422),
    "timezone a number": (track(context={"timezone": 2}), 422),
    "consent text": (track(context={"consent": "yes"}), 422),
    "consent by text": (track(context={"consent": {"categoryPreferences": {"email": "no"}}}), 422),
    "timestamp without zone": (track(timestamp="2026-01-01T00:00:00"), 422),
    "timestamp a date": (track(timestamp="2026-01-01"), 422),
    "timestamp a number": (track(timestamp=1700000000), 422),
    "timestamp of a day that is not": (track(timestamp="2026-02-30T00:00:00Z"), 422),
    "timestamp of an hour that is not": (track(timestamp="2026-02-20T25:00:00Z"), 422),
    "timestamp in year 10000": (track(timestamp="10000-01-01T00:00:00Z"), 422),
    "timestamp in Arabic digits": (track(timestamp="٢٠٢٦-01-01T00:00:00Z"), 422),
    "sentAt words": (track(sentAt="yesterday"), 422),
    "originalTimestamp empty": (track(originalTimestamp=""), 422),
    "larger than 32 KB": (track(properties={"x": "y" * 33_000}), 413),
    "ten megabytes": (track(properties={"x": "y" * 10_000_000}), 413),
}


@pytest.mark.parametrize(("body", "status"), BAD_TRACKS.values(), ids=BAD_TRACKS)
def test_a_bad_event_is_refused_and_reaches_nobody(edge: Edge, body: bytes, status: int):
    response = edge.post("/v1/track", body)

    assert_problem(response, status)
    assert edge.gateway.calls == 0


ASK = {"userId": "u", "channel": "web", "placements": ["p"]}
TELL = {"effectKey": "e_0000000000001_1_0", "outcome": "click", "messageId": "r-1"}
BAD_BODIES = {
    "identify nobody": ("/v1/identify", {"traits": {}}, 422),
    "group without groupId": ("/v1/group", {"userId": "u"}, 422),
    "alias without previousId": ("/v1/alias", {"userId": "u"}, 422),
    "alias without userId": ("/v1/alias", {"anonymousId": "a", "previousId": "p"}, 422),
    "screen name a number": ("/v1/screen", {"userId": "u", "name": 4}, 422),
    "batch missing": ("/v1/batch", {}, 422),
    "batch an object": ("/v1/batch", {"batch": {}}, 422),
    "batch null": ("/v1/batch", {"batch": None}, 422),
    "batch of 2,501": ("/v1/batch", {"batch": [{}] * 2501}, 413),
    "batch over 500 KB": ("/v1/batch", {"batch": ["x" * 520_000]}, 413),
    "batch sentAt without zone": ("/v1/batch", {"batch": [], "sentAt": "2026-01-01T00:00:00"}, 422),
    "decide with an unknown field": ("/v1/decide", {**ASK, "placement": "x"}, 422),
    "decide for nobody": ("/v1/decide", {"channel": "web", "placements": ["p"]}, 422),
    "decide without placements": ("/v1/decide", {"userId": "u", "channel": "web"}, 422),
    "decide with no placement": ("/v1/decide", {**ASK, "placements": []}, 422),
    "decide without a channel": ("/v1/decide", {"userId": "u", "placements": ["p"]}, 422),
    "decide for two": ("/v1/decide", {**ASK, "customerId": "c_0000000000001"}, 422),
    "decide for an id not ours": (
        "/v1/decide",
        {"customerId": "c_x", "channel": "web", "placements": ["p"]},
        422,
    ),
    "decide for number 0": (
        "/v1/decide",
        {"customerId": "c_0000000000000", "channel": "web", "placements": ["p"]},
        422,
    ),
    "decide maxActions 0": ("/v1/decide", {**ASK, "maxActions": 0}, 422),
    "decide maxActions 11": ("/v1/decide", {**ASK, "maxActions": 11}, 422),
    "decide maxActions true": ("/v1/decide", {**ASK, "maxActions": True}, 422),
    "decide dryRun text": ("/v1/decide", {**ASK, "dryRun": "yes"}, 422),
    "response with an unknown field": ("/v1/responses", {**TELL, "note": "x"}, 422),
    "response without messageId": ("/v1/responses", {**TELL, "messageId": None}, 422),
    "response with an unknown outcome": ("/v1/responses", {**TELL, "outcome": "liked"}, 422),
    "response to a key not ours": ("/v1/responses", {**TELL, "effectKey": "nope"}, 404),
    "response to number 0": (
        "/v1/responses",
        {**TELL, "effectKey": "e_0000000000000_1_0"},
        404,
    ),
    "response worth less than nothing": ("/v1/responses", {**TELL, "value": -1}, 422),
    "response of an order to what is no convert": (
        "/v1/responses",
        {**TELL, "orderId": "4711"},
        422,
    ),
    "response of an order without an id": ("/v1/responses", {**TELL, "orderId": ""}, 422),
    "response worth text": ("/v1/responses", {**TELL, "value": "12"}, 422),
    "response worth too much": ("/v1/responses", {**TELL, "value": 1e14}, 422),
    "response in another currency": (
        "/v1/responses",
        {**TELL, "value": {"amount": 1, "currency": "USD"}},
        422,
    ),
    "response at a time without zone": (
        "/v1/responses",
        {**TELL, "at": "2026-01-01 10:00:00"},
        422,
    ),
    "playbook of no files": ("/v1/playbook", {"files": {}}, 422),
    "playbook out of its bundle": ("/v1/playbook", {"files": {"a/../../b.yaml": ""}}, 422),
    "playbook of a number": ("/v1/playbook", {"files": {"playbook.yaml": 1}}, 422),
    "key without scopes": ("/v1/keys", {"scopes": []}, 422),
    "key with an unknown scope": ("/v1/keys", {"scopes": ["root"]}, 422),
    "key with an unknown field": ("/v1/keys", {"scopes": ["read"], "ttl": 1}, 422),
}


@pytest.mark.parametrize(("path", "body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_call_is_refused_and_reaches_nobody(edge: Edge, path: str, body: dict, status: int):
    response = edge.request("PUT" if path == "/v1/playbook" else "POST", path, json=body)

    assert_problem(response, status)
    assert edge.gateway.calls == 0


ZIPPED = gzip.compress(track())
BAD_TRANSPORT = {
    "text/xml": (track(), {"Content-Type": "text/xml"}, 415),
    "a form": (track(), {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    "text/plain on the long form": (track(), {"Content-Type": "text/plain"}, 415),
    "Latin-1": (track(), {"Content-Type": "application/json; charset=iso-8859-1"}, 415),
    "brotli": (track(), {"Content-Encoding": "br"}, 415),
    "two encodings": (ZIPPED, {"Content-Encoding": "gzip, gzip"}, 415),
    "gzip that is not": (track(), {"Content-Encoding": "gzip"}, 400),
    "gzip cut off": (ZIPPED[:-9], {"Content-Encoding": "gzip"}, 400),
    "gzip with rubbish behind": (ZIPPED + b"rubbish", {"Content-Encoding": "gzip"}, 400),
    "gzip bomb": (gzip.compress(b" " * 20_000_000), {"Content-Encoding": "gzip"}, 413),
}


@pytest.mark.parametrize(("body", "headers", "status"), BAD_TRANSPORT.values(), ids=BAD_TRANSPORT)
def test_a_bad_encoding_is_refused_and_reaches_nobody(
    edge: Edge, body: bytes, headers: dict, status: int
):
    response = edge.post("/v1/track", body, headers=headers)

    assert_problem(response, status)
    assert edge.gateway.calls == 0


def test_a_body_in_chunks_is_measured_too(edge: Edge):

    async def chunks():
        for _ in range(100):
            yield b" " * 1000

    response = edge.request("POST", "/v1/track", content=chunks())

    assert_problem(response, 413, "too-large")


@pytest.mark.parametrize(
    "path", ["/v1/tracks", "/v1/track/", "/", "/v1/customers", "/../etc/passwd"]
)
def test_an_unknown_path_is_a_problem(edge: Edge, path: str):
    assert_problem(edge.post(path, {}), 404, "not-found")


def test_a_wrong_method_is_a_problem_that_names_the_right_ones():
    response = Edge().request("DELETE", "/v1/playbook")

    assert_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "GET, PUT"


BAD_READS = {
    "unknown form of id": ("/v1/customers/phone:1", 422),
    "no e-mail address": ("/v1/customers/email:nobody", 404),
    "id too long": ("/v1/customers/user:" + "x" * 600, 422),
    "id not ours": ("/v1/customers/c_x", 404),
    "unknown customer": ("/v1/customers/c_0000000000001", 404),
    "unknown user": (f"/v1/customers/user:{SECRET}", 404),
    "limit 0": ("/v1/customers/user:u/timeline?limit=0", 422),
    "limit a word": (f"/v1/customers/user:u/timeline?limit={SECRET}", 422),
    "limit 201": ("/v1/customers/user:u/timeline?limit=201", 422),
    "cursor not ours": ("/v1/customers/user:u/timeline?cursor=abc", 422),
    "unknown kind": ("/v1/customers/user:u/timeline?kind=gossip", 422),
    "decision not ours": ("/v1/customers/user:u/decisions/d_x", 404),
    "unknown problem": ("/problems/nope", 404),
}


@pytest.mark.parametrize(("path", "status"), BAD_READS.values(), ids=BAD_READS)
def test_a_bad_read_is_a_problem_that_repeats_nothing(edge: Edge, path: str, status: int):
    response = edge.get(path)

    assert_problem(response, status)
    assert SECRET not in response.text


@pytest.mark.parametrize(
    "body",
    [
        track(userId=SECRET, event=1),
        track(userId=[SECRET]),
        track(timestamp=SECRET),
        track(context={"channel": SECRET}),
        track(context={"consent": {"categoryPreferences": {SECRET: 1}}}),
        SECRET.encode(),
        b'{"userId": "' + SECRET.encode() + b'" oops',
    ],
)
def test_a_problem_never_repeats_what_was_sent(edge: Edge, body: bytes):
    response = edge.post("/v1/track", body)

    assert response.status_code in (400, 422)
    assert SECRET not in response.text


def test_an_unknown_field_is_named_only_when_it_is_a_plain_name():
    plain = Edge().post("/v1/decide", {**ASK, "placement": 1}).json()
    personal = Edge().post("/v1/decide", {**ASK, SECRET: 1}).json()

    assert plain["errors"] == [{"loc": "placement", "msg": "Unknown field"}]
    assert personal["errors"] == [{"loc": "*", "msg": "Unknown field"}]


@pytest.mark.parametrize(
    ("body", "at_ms"),
    [
        (track(timestamp="9999-12-31T23:59:59.999Z"), 253_402_300_799_999),
        (track(timestamp="9999-12-31T23:59:59-14:00"), 253_402_351_199_000),
        (track(timestamp="0001-01-01T00:00:00+14:00"), -62_135_647_200_000),
    ],
)
def test_the_ends_of_the_calendar_are_taken_as_they_are(body: bytes, at_ms: int):
    edge = Edge()

    response = edge.post("/v1/track", body)

    assert response.status_code == 200
    assert edge.gateway.items[0].item.at_ms == at_ms


def test_what_is_odd_but_valid_is_accepted():
    edge = Edge()
    odd = [
        nested(32),
        b'{"userId": "first", "userId": "u-1", "event": "E"}',
        raw('{"x": 18446744073709551615, "y": -9223372036854775808, "z": 1e308}'),
        track(properties=None, traits=None, context=None, integrations={"All": True}, zz=[1]),
        track(userId="u" * 512, messageId="m" * 100, event="\U0001f600 ü NaN"),
        track(properties={"note": "a\0b \u2028 ]]]] }}}}"}),
    ]

    codes = [edge.post("/v1/track", body).status_code for body in odd]

    assert codes == [200] * 6
    assert edge.gateway.items[1].item.identities[0].value == "u-1"
