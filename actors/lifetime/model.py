"""Fitted parameters of the lifetime models, and their form in the store."""

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from actors.domain.errors import CodecError

WEEK_MS = 7 * 24 * 3600 * 1000
SETTING = "lifetime_model"
"""The store's setting that holds the model in use."""

_VERSION = 1


@dataclass(frozen=True, slots=True)
class BgNbd:
    """When customers buy and when they stop: the beta-geometric/negative binomial model.

    A customer buys at a rate λ ~ Gamma(shape `r`, rate `alpha`), in purchases a week; after each
    purchase she leaves for good with probability p ~ Beta(`a`, `b`). All four are positive, `alpha`
    is in weeks. Source: Fader, Hardie & Lee (2005), "Counting your customers" the easy way,
    Marketing Science 24(2).
    """

    r: float
    alpha: float
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """How much customers spend a purchase, independent of how often they buy.

    Amounts ~ Gamma(shape `p`, rate ν), ν ~ Gamma(shape `q`, rate `v`). `v` is in the unit of the
    amounts, `p` and `v` are positive, and `q` is above 1, else the mean amount is infinite. Source:
    Fader & Hardie (2013), The Gamma-Gamma model of monetary value (brucehardie.com/notes/025).
    """

    p: float
    q: float
    v: float


@dataclass(frozen=True, slots=True)
class LifetimeModel:
    """All that is needed to say what one customer is worth.

    `spend` is in minor units and None when too few customers bought twice. Values count purchases
    in the next `horizon_weeks`, each discounted by `discount_per_year` (0.1 is 10 %) to the instant
    of asking. `fitted_until_ms` is the last instant that the fit knew, `customers` how many it had.
    """

    buying: BgNbd
    spend: GammaGamma | None
    horizon_weeks: float = 52.0
    discount_per_year: float = 0.1
    fitted_until_ms: int = 0
    customers: int = 0


def to_bytes(model: LifetimeModel) -> bytes:
    """Write a model as JSON, which `from_bytes` reads back without any loss."""
    return json.dumps({"version": _VERSION, **asdict(model)}, separators=(",", ":")).encode()


def from_bytes(data: bytes) -> LifetimeModel:
    """Read a model from `to_bytes`.

    Raises:
        CodecError: It is no JSON of ours, from a newer version, or a parameter is out of range.
    """
    try:
        body = json.loads(data)
        version = body["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise CodecError("lifetime model: not a model") from error
    if version != _VERSION:
        raise CodecError(f"lifetime model: version {version!r}, expected {_VERSION}")
    try:
        spend = body["spend"]
        return LifetimeModel(
            buying=BgNbd(**_numbers(BgNbd, body["buying"])),
            spend=None if spend is None else GammaGamma(**_numbers(GammaGamma, spend, q=1.0)),
            horizon_weeks=_number(body, "horizon_weeks", 0.0),
            discount_per_year=_number(body, "discount_per_year", -math.ulp(0.0)),
            fitted_until_ms=int(body["fitted_until_ms"]),
            customers=int(body["customers"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CodecError(f"lifetime model: {error}") from error


def _numbers(kind: type[BgNbd] | type[GammaGamma], body: Any, **above: float) -> dict[str, float]:
    return {
        field.name: _number(body, field.name, above.get(field.name, 0.0)) for field in fields(kind)
    }


def _number(body: Any, name: str, above: float) -> float:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number")
    if not (math.isfinite(value) and value > above):
        raise ValueError(f"{name} is out of range")
    return float(value)
