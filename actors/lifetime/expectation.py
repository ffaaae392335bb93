"""How many purchases to expect of a customer who is still there: one sum, one integral.

For n = r + x, s = t / (α + T) and p ~ Beta(a, b') with b' = b + x, the expectation is

    E = E_p[(1 − (1 + p·s)^−n) / p]

which the literature writes with Gauss's function as

    E = (a + b' − 1)/(a − 1) · [1 − (1 + s)^−n · ₂F₁(n, b'; a + b' − 1; s/(1 + s))]

(Fader, Hardie & Lee 2005, equation 10). That form is 0/0 at a = 1, has a pole at a + b' = 1 and
loses its digits by subtraction when s is small. Both ways below are sums of positive terms only:
the sum expands ₂F₁ before the subtraction, the integral suits s and n·s of any size.
"""

from math import exp, expm1, lgamma, log, log1p, pi, sqrt

PRECISE = 3e-12


def purchases_while_there(n: float, a: float, b: float, s: float, error: float = PRECISE) -> float:
    """Return E as above, for n, a, b > 0 and s ≥ 0.

    The relative error is below 100 × `error`, which may be anything from 1e-12 to 1e-4: fewer
    digits take less time.
    """
    if s <= 0.0:
        return 0.0
    digits = -log(error)
    # The sum takes about n·s + 1.1·digits·(1 + s) steps of 0.4 µs, the integral 100 of them at most.
    if n * s + 1.1 * digits / log1p(1.0 / s) <= 3.3 * digits:
        return by_sum(n, a, b, s, error)
    return by_integral(n, a, b, s, error)


def by_sum(n: float, a: float, b: float, s: float, error: float = PRECISE) -> float:
    """Sum over how often she would buy if she never left, k ~ NegativeBinomial(n, s/(1 + s)).

    E = Σ_k P(k) · Σ_{j<k} (b)_j / (a + b)_j, where the inner sum is how many of k purchases come
    before she leaves.
    """
    z = s / (1.0 + s)
    weight = exp(-n * log1p(s))
    there, made, total = 1.0, 0.0, 0.0
    ab = a + b
    enough = 1e-3 * error * (1.0 - z)
    k = 0.0
    while True:
        made += there
        there *= (b + k) / (ab + k)
        weight *= z * (n + k) / (k + 1.0)
        k += 1.0
        term = weight * made
        total += term
        if term < enough * total and z * (n + k) < k + 1.0:
            return total


def by_integral(n: float, a: float, b: float, s: float, error: float = PRECISE) -> float:
    """Integrate over y = ln(p / (1 − p)) by the trapezoidal rule.

    The integrand is analytic for |Im y| < π/2 and falls off exponentially, so that the rule's error
    is about e^(−π²/step) (Trefethen & Weideman 2014, SIAM Review 56(3)); where the density of p is
    narrow, the step follows its width. Where a tail is long it is a geometric series, of which the
    two leading orders are added in closed form.
    """
    ab = a + b
    log_beta = lgamma(a) + lgamma(b) - lgamma(ab)
    digits = -log(error)
    widest = pi * pi / digits
    step = min(widest, widest * max(1.0 / (1.0 + 0.1 * a), 1.4 * sqrt(1.0 / a + 1.0 / b)))
    cut = sqrt(error)
    curve = -ab - 0.5 * (n + 1.0) * s
    left = log(cut / -curve)
    total = 0.0
    y = _left_edge(a, b, digits + 12.0 + log1p(n * s))
    if y <= left:
        y = left
        total = n * s * _tail(a, curve, y, step, log_beta)
    right = log((1.0 + ab) / cut)
    enough = 1e-3 * error
    last = 0.0
    while y <= right:
        odds = exp(y)
        p = odds / (1.0 + odds)
        term = exp(a * y - ab * log1p(odds) - log_beta) * -expm1(-n * log1p(p * s)) / p
        total += term
        if term < last and term < enough * total:
            return total * step
        last = term
        y += step
    certain = -expm1(-n * log1p(s))
    curve = 1.0 - ab - n * s * exp((-n - 1.0) * log1p(s)) / certain
    return (total + certain * _tail(b, curve, step - y, step, log_beta)) * step


def _tail(power: float, curve: float, edge: float, step: float, log_beta: float) -> float:
    """Return Σ f(edge − k·step) over k ≥ 1, for f(y) = e^(power·y) · (1 + curve·e^y) / B."""
    first = exp(power * edge - log_beta)
    return first / expm1(power * step) + first * curve * exp(edge) / expm1((power + 1.0) * step)


def _left_edge(a: float, b: float, drop: float) -> float:
    """Return a y left of which the density of ln(p/(1 − p)) is below its peak by e^−drop or more.

    The slope of its logarithm is a − (a + b)·p(y), which is at least a·(1 − e^(y − m)) for
    m = ln(a/(a + b)). So it falls by a·(d − 1) or more on the way from m to m − d.
    """
    return log(a / (a + b)) - 1.0 - drop / a
