"""Turns that fail on purpose."""

from actors import turn as core


def poison(monkeypatch, name, where="begin"):
    """Make every turn of one event name fail."""
    original = getattr(core, where)

    def fragile(*args):
        event = args[1] if where == "begin" else args[0].record.event
        if event is not None and event.name == name:
            raise RuntimeError("a rule went wrong")
        return original(*args)

    monkeypatch.setattr(core, where, fragile)
