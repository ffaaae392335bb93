import pytest

from actors.channels.unsubscribing import effect_of_token, token_of
from tests.unit.channels.outbox_fakes import key

SECRET = b"s" * 32
TOKEN = token_of(SECRET, key(4, 2))


def test_a_token_leads_back_to_its_effect():
    assert effect_of_token(SECRET, TOKEN) == key(4, 2)
    assert TOKEN.replace("-", "").replace("_", "").replace(".", "").isalnum()


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        key(4, 2),
        key(4, 2) + ".",
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN.replace(key(4, 2), key(4, 3)),
        TOKEN.upper(),
        TOKEN[:-1] + "é",
        token_of(b"t" * 32, key(4, 2)),
    ],
)
def test_no_other_token_leads_anywhere(token):
    assert effect_of_token(SECRET, token) is None
