"""The order of one group of turns: load, begin, score, decide, commit, release. No Ray."""

from actors.session.group import Session
from actors.session.jobs import Job, TimerJob

__all__ = ["Job", "Session", "TimerJob"]
