"""Clocks that stand still until a test moves them."""


class ManualClock:
    """Both clocks, moved together by hand."""

    virtual = False

    def __init__(self, now_ms):
        self.now_ms = now_ms

    def business_ms(self):
        return self.now_ms

    def machine_ms(self):
        return self.now_ms

    def advance(self, by_ms):
        self.now_ms += by_ms
