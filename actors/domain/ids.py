"""Identifiers: deterministic, routable as they stand, and never dependent on the playbook.

A customer's number is 62 bits: 12 bits of home partition, then 50 bits of a keyed hash of the first
identity and the generation. Effect keys and decision ids are that number plus `seq` (plus `n`), so
whoever holds one knows which partition to ask.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from actors.domain.errors import InvalidIdError

PARTITIONS = 4096
"""Partitions of every store, fixed for ever: at least ten times the most cells foreseen."""

_HASH_BITS = 50
_HASH_MASK = (1 << _HASH_BITS) - 1
_TEXT_LENGTH = 13
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}


@dataclass(slots=True, init=False, eq=False)
class Identity:
    """How the world names a customer: `kind` is `user`, `anon`, `email` …; `value` is byte-exact.

    Nobody changes one: it is a key of many dicts.
    """

    kind: str
    value: str

    def __init__(self, kind: str, value: str) -> None:
        self.kind = kind
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.kind == other.kind and self.value == other.value

    def __hash__(self) -> int:
        return hash((self.kind, self.value))

    def __lt__(self, other: "Identity") -> bool:
        return (self.kind, self.value) < (other.kind, other.value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


class IdSpace:
    """Derives numbers from identities under one store's secret key.

    The key is made once per store, so that ids of one installation say nothing about another's and
    nobody outside can choose identities that crowd one partition.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def _hash(self, text: str) -> int:
        digest = blake2b(
            text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key
        ).digest()
        return int.from_bytes(digest, "big")

    def partition_of(self, identity: Identity) -> int:
        """Return the home partition of an identity, in [0, PARTITIONS)."""
        return self._hash(f"p\0{identity.kind}\0{identity.value}") % PARTITIONS

    def customer_number(self, first: Identity, generation: int = 0) -> int:
        """Return the number of the customer whose first identity this is.

        `generation` grows by one after an erasure, or when another customer already has the number.
        """
        low = self._hash(f"c\0{generation}\0{first.kind}\0{first.value}") & _HASH_MASK
        return (self.partition_of(first) << _HASH_BITS) | low

    def identity_hash(self, identity: Identity) -> bytes:
        """Return the 16 bytes under which an erased identity is remembered."""
        data = f"i\0{identity.kind}\0{identity.value}".encode("utf-8", "surrogatepass")
        return blake2b(data, digest_size=16, key=self._key).digest()

    def message_hash(self, message_id: str) -> bytes:
        """Return the 16 bytes under which a message is deduplicated, store-wide."""
        data = message_id.encode("utf-8", "surrogatepass")
        return blake2b(data, digest_size=16, key=self._key).digest()


def home_partition(number: int) -> int:
    """Return the partition in which a customer was born."""
    return number >> _HASH_BITS


@lru_cache(maxsize=4096)
def _to_text(number: int) -> str:
    letters = []
    for _ in range(_TEXT_LENGTH):
        letters.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(letters))


def _from_text(text: str, whole: str) -> int:
    if len(text) != _TEXT_LENGTH:
        raise InvalidIdError(whole)
    number = 0
    for letter in text:
        value = _VALUES.get(letter)
        if value is None:
            raise InvalidIdError(whole)
        number = number << 5 | value
    if number >> _HASH_BITS >= PARTITIONS:
        raise InvalidIdError(whole)
    return number


def _natural(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 12:  # 12 digits: far above any seq
        raise InvalidIdError(whole)
    return int(text)


def customer_text(number: int) -> str:
    """Return the public form of a customer's number, such as `c_04ZQ3N8F1T2RA`."""
    return "c_" + _to_text(number)


def parse_customer(text: str) -> int:
    """Read the public form back.

    Raises:
        InvalidIdError: It is not one of ours.
    """
    if not text.startswith("c_"):
        raise InvalidIdError(text)
    return _from_text(text[2:], text)


def decision_text(number: int, seq: int) -> str:
    """Return the public id of the decision that a customer's turn `seq` took."""
    return f"d_{_to_text(number)}_{seq}"


def parse_decision(text: str) -> tuple[int, int]:
    """Read a decision id back as (customer number, seq).

    Raises:
        InvalidIdError: It is not one of ours.
    """
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != "d":
        raise InvalidIdError(text)
    return _from_text(parts[1], text), _natural(parts[2], text)


def effect_text(number: int, seq: int, n: int) -> str:
    """Return the key of the n-th effect of a customer's turn `seq`: the unit of delivery."""
    return f"e_{_to_text(number)}_{seq}_{n}"


def parse_effect(text: str) -> tuple[int, int, int]:
    """Read an effect key back as (customer number, seq, n).

    Raises:
        InvalidIdError: It is not one of ours.
    """
    parts = text.split("_")
    if len(parts) != 4 or parts[0] != "e":
        raise InvalidIdError(text)
    return _from_text(parts[1], text), _natural(parts[2], text), _natural(parts[3], text)
