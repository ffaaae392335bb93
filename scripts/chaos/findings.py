"""What the checker says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be; `message` names the client's message, where there is one."""

    kind: str
    text: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers of the playbook that the run was under.

    `capped_action` may go to a customer `cap` times in any `cap_window_ms`; `budget` gives it out
    `budget_limit` times in all. `told_now` is what an order sends at once, `told_later` what its timer
    sends `pause_ms` later; a timer may be `late_ms` late when the run is over.
    """

    capped_action: str = "offer/promo/voucher"
    cap: int = 2
    cap_window_ms: int = 3_600_000
    budget: str = "vouchers_in_all"
    budget_limit: int = 300
    told_now: str = "service/order/receipt"
    told_later: str = "service/order/reminder"
    pause_ms: int = 2_000
    late_ms: int = 10_000
