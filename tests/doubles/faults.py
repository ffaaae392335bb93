"""Decorators round a real store that fail on purpose, before or after the call has had its effect."""

from actors.domain.errors import StoreUnavailableError


class FailNext:
    """Passes everything on, except the next calls of one method.

    `when` is `before` (nothing happened), or `after` (it happened and the answer was lost).
    """

    def __init__(self, inner):
        self._inner = inner
        self._faults = []
        self._hooks = {}
        self.calls = []

    def fail(self, method, when, error=None, times=1):
        fault = (method, when, error or StoreUnavailableError("cut off"))
        self._faults += [fault] * times

    def before(self, method, hook):
        """Run an async hook once, just before the next call of a method."""
        self._hooks[method] = hook

    def forget_hooks(self):
        """Let hooks that have not run never run."""
        self._hooks.clear()

    def __getattr__(self, name):
        inner = getattr(self._inner, name)
        if not callable(inner):
            return inner

        async def call(*args, **kwargs):
            self.calls.append(name)
            hook = self._hooks.pop(name, None)
            if hook is not None:
                await hook()
            fault = next((f for f in self._faults if f[0] == name), None)
            if fault is None:
                return await inner(*args, **kwargs)
            self._faults.remove(fault)
            if fault[1] == "after":
                await inner(*args, **kwargs)
            raise fault[2]

        return call
