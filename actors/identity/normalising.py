"""One spelling for each value of an identity, so that equal people have equal identities.

| normalisation | result |
| --- | --- |
| `none` | the value, byte by byte |
| `trim` | without blanks around it |
| `lower` | trimmed and in small letters |
| `email` | trimmed, all of it in small letters; None unless there is something on both sides of an `@`, or when it is longer than 254 |
| `phone` | E.164; None when no such number is possible, when it has an extension, or has no country code and the kind no region |

E-mail: RFC 5321 lets the host tell `Ann@` from `ann@`; none that matters does, and people do not. Its
section 4.5.3.1.3 lets a path have 256 octets with its angle brackets, so that nobody can be written to at
more than 254. The 320 that one also reads (64 + 1 + 255) adds up the limits of the two sides.
Phone: a number is taken when its length fits its country's plan. Whether it is assigned is not asked:
that depends on the age of the tables. An extension is a desk in a company, not a line, and so is most
likely what has fewer than 7 digits and no country code.
"""

import phonenumbers

from actors.playbook.identity_model import IdentityKind

MAX_VALUE = 512
MAX_EMAIL = 254
_MIN_AT_HOME, _MIN_ABROAD = 7, 4


def normalised(kind: IdentityKind, value: object) -> str | None:
    """Return the one spelling of a value, or None when it is not one of this kind."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value) if _fits(value) else ""
    if not text or len(text) > MAX_VALUE:
        return None
    if kind.normalise == "none":
        return text
    text = text.strip()
    if kind.normalise == "lower":
        text = text.lower()
    elif kind.normalise == "email":
        return email_address(text)
    elif kind.normalise == "phone":
        return _phone(text, kind.region)
    return text or None


def _fits(value: str | int) -> bool:
    return isinstance(value, str) or abs(value) < 10**18


def email_address(text: str) -> str | None:
    """Return the one spelling of an e-mail address, or None when it is none."""
    text = text.strip()
    local, at, domain = text.lower().rpartition("@")
    if not (local and at and domain) or len(text) > MAX_EMAIL:
        return None
    if not f"{local}{domain}".isprintable() or " " in domain:
        return None
    return f"{local}@{domain}"


def _phone(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    digits = len(str(number.national_number))
    if number.extension or digits < (_MIN_ABROAD if text.startswith("+") else _MIN_AT_HOME):
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
