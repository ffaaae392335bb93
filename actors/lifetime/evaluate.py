"""What the models say of one customer: is she still there, how often will she buy, for how much.

`x` is the number of repeat purchases (all but the first), `t_x` the time from the first to the last
of them, `age` (T in the literature) the time from the first to now; times are in weeks, with
0 ≤ t_x ≤ age. Like their sources, the functions do not check this; `lifetime_of` takes care of it.
"""

from dataclasses import dataclass
from math import exp, log, log1p, sqrt

from actors.domain.profile import Purchases
from actors.lifetime.expectation import PRECISE, purchases_while_there
from actors.lifetime.model import WEEK_MS, BgNbd, GammaGamma, LifetimeModel

_WEEKS_A_YEAR = 365.2425 / 7.0
_GOOD = 1e-8
_ROUGH = 1e-4
# Gauss-Legendre on [0, 1], order 3: nodes and weights.
_NODES = (
    (0.11270166537925831, 0.27777777777777778),
    (0.5, 0.44444444444444444),
    (0.88729833462074169, 0.27777777777777778),
)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One customer's future as of one instant.

    `alive` is the probability that she has not left, `purchases` are expected within the horizon
    and `discounted` are the same at their present value. `amount_minor` is the expected amount of
    each, and `value_minor` = discounted × amount; both are None without a model of the amounts.
    """

    alive: float
    purchases: float
    discounted: float
    amount_minor: float | None
    value_minor: int | None


def lifetime_of(model: LifetimeModel, purchases: Purchases, now_ms: int) -> Lifetime | None:
    """Evaluate a profile's purchases, all orders being purchases; None when there are none.

    `amount_minor` starts from the mean over all orders, the first included, net of refunds.
    """
    orders = purchases.orders
    if orders < 1:
        return None
    x = orders - 1
    t_x = max(0, purchases.last_at_ms - purchases.first_at_ms) / WEEK_MS if x else 0.0
    age = max(t_x, (now_ms - purchases.first_at_ms) / WEEK_MS)
    alive = probability_alive(model.buying, x, t_x, age)
    weeks = model.horizon_weeks
    there = _while_there(model.buying, x, age, weeks, _GOOD)
    present = _discounted(model.buying, x, age, weeks, model.discount_per_year, there)
    amount = None
    if model.spend is not None:
        amount = expected_amount(model.spend, orders, purchases.spend_minor / orders)
    return Lifetime(
        alive=alive,
        purchases=alive * there,
        discounted=alive * present,
        amount_minor=amount,
        value_minor=None if amount is None else round(alive * present * amount),
    )


def probability_alive(m: BgNbd, x: float, t_x: float, age: float) -> float:
    """Return the probability that a customer has not left by now; 1 when x is 0.

    Source: Fader, Hardie & Lee (2008), Computing P(alive) using the BG/NBD model
    (brucehardie.com/notes/021).
    """
    if x <= 0:
        return 1.0
    log_odds = (m.r + x) * log((m.alpha + age) / (m.alpha + t_x)) + log(m.a / (m.b + x - 1.0))
    return 1.0 / (1.0 + exp(log_odds)) if log_odds < 700.0 else 0.0


def expected_purchases(m: BgNbd, x: float, t_x: float, age: float, weeks: float) -> float:
    """Return how many purchases to expect in the next `weeks`, given the past.

    Source: Fader, Hardie & Lee (2005), equation 10; with x = t_x = age = 0 it is equation 9, the
    expectation for a customer of whom nothing is known but the first purchase.
    """
    return probability_alive(m, x, t_x, age) * _while_there(m, x, age, weeks)


def discounted_purchases(
    m: BgNbd, x: float, t_x: float, age: float, weeks: float, discount_per_year: float
) -> float:
    """Return the same, each purchase weighted by (1 + discount)^−years until it is made."""
    there = _while_there(m, x, age, weeks)
    present = _discounted(m, x, age, weeks, discount_per_year, there)
    return probability_alive(m, x, t_x, age) * present


def expected_amount(m: GammaGamma, count: float, mean: float) -> float:
    """Return a customer's expected amount a purchase, given the mean of `count` purchases.

    It lies between that mean and the population's, p·v/(q − 1). A mean below 0, as refunds may
    leave, counts as 0. Source: Fader & Hardie (2013), equation 5.
    """
    if count <= 0:
        return m.p * m.v / (m.q - 1.0)
    return m.p * (m.v + count * max(0.0, mean)) / (m.p * count + m.q - 1.0)


def _while_there(m: BgNbd, x: float, age: float, weeks: float, error: float = PRECISE) -> float:
    return purchases_while_there(m.r + x, m.a, m.b + x, weeks / (m.alpha + age), error)


def _discounted(
    m: BgNbd, x: float, age: float, weeks: float, discount_per_year: float, there: float
) -> float:
    """Return ∫ e^(−δτ) dE(τ) over the horizon H, E being what is expected while she is there.

    By parts it is e^(−δH)·E(H) + δ·∫ e^(−δτ)·E(τ) dτ. The integral is small beside the rest, and
    smooth in √(1 + τ/(α + T)): three nodes leave an error of 2e-5 over three years at 10 %.
    """
    rate = log1p(discount_per_year) / _WEEKS_A_YEAR
    if rate <= 0.0 or weeks <= 0.0:
        return there
    n, b, past = m.r + x, m.b + x, m.alpha + age
    span = sqrt(1.0 + weeks / past) - 1.0
    integral = 0.0
    for node, weight in _NODES:
        root = 1.0 + node * span
        s = root * root - 1.0
        at = purchases_while_there(n, m.a, b, s, _ROUGH)
        integral += weight * 2.0 * root * exp(-rate * past * s) * at
    return exp(-rate * weeks) * there + rate * past * span * integral
