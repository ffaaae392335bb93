"""What is usual for this customer, and what is significant relative to that. Pure, O(1) per event."""

from actors.patterns.baselines import (
    ABSENCE_LEVEL,
    absence_due_at_ms,
    absent,
    last_visit_at_ms,
    merge,
    observe,
    survival,
    usual_categories,
    usual_channels,
    usual_gap_days,
    usual_spend_minor,
    weekday_visits,
)
from actors.patterns.deviation import DEVIATIONS, Deviation

__all__ = [
    "ABSENCE_LEVEL",
    "DEVIATIONS",
    "Deviation",
    "absence_due_at_ms",
    "absent",
    "last_visit_at_ms",
    "merge",
    "observe",
    "survival",
    "usual_categories",
    "usual_channels",
    "usual_gap_days",
    "usual_spend_minor",
    "weekday_visits",
]
