import json

import msgpack
import pytest

from actors.channels.body import effect_body, effect_fields
from actors.domain.errors import CodecError
from actors.domain.ids import customer_text, decision_text, effect_text
from tests.unit.channels.outbox_fakes import item, payload


def test_the_body_is_one_line_of_json_with_routable_ids_and_zoned_times():
    row = item(seq=4, n=1, expires_at_ms=1_700_000_600_001)

    body = effect_body(row)

    assert b"\n" not in body
    assert json.loads(body) == {
        "effectKey": effect_text(77, 4, 1),
        "customerId": customer_text(77),
        "decisionId": decision_text(77, 4),
        "channel": "email",
        "action": "retention/loyalty/double-points",
        "purpose": "marketing",
        "content": {"title": "Zwölf % für dich\nheute"},
        "committedAt": "2023-11-14T22:13:20.000Z",
        "expiresAt": "2023-11-14T22:23:20.001Z",
        "identities": {"user": "u-1"},
    }


def test_placement_is_told_and_absent_identities_are_left_out():
    fields = effect_fields(item(payload=payload(placement="home_hero", recipient={})))

    assert fields["placement"] == "home_hero"
    assert "identities" not in fields


def test_a_time_beyond_the_year_9999_is_clamped():
    fields = effect_fields(item(expires_at_ms=2**62))

    assert fields["expiresAt"] == "9999-12-31T23:59:59.999Z"


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xc1",
        b"\x80",
        msgpack.packb([1]),
        payload()[:-1],
        payload() + b"\x00",
        payload(content={"x": float("nan")}),
        payload(content={"x": b"\xff"}),
    ],
)
def test_a_damaged_payload_is_a_codec_error(damaged):
    with pytest.raises(CodecError, match=r"e_\w+_1_0"):
        effect_body(item(payload=damaged))
