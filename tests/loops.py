"""`asyncio.run` on a loop that is used again as long as nothing is left on it.

A test asks a store or a session several things, one `asyncio.run` each. Making a loop and SIGINT's handler
anew takes ten times as long as the run itself, and there are tens of thousands of them.
"""

import asyncio
import threading
from asyncio import run as run_once

_kept: list[asyncio.SelectorEventLoop] = []


def run(main, *, debug=None):
    """Do what `asyncio.run` does, but for SIGINT, which ends the loop as it ends anything else."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if debug is not None or not asyncio.iscoroutine(main) or not in_main_thread or _runs():
        return run_once(main, debug=debug)
    loop = _kept.pop() if _kept else asyncio.SelectorEventLoop()
    clean = False
    try:
        answer = loop.run_until_complete(main)
        clean = _nothing_left(loop)
        return answer
    finally:
        # What was left behind is ended as `asyncio.run` ends it, and nobody comes upon it later.
        if clean:
            _kept.append(loop)
        else:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.get_loop()


def close():
    """Close the loop that is kept: nothing is left open at the end of a process."""
    while _kept:
        _kept.pop().close()


def _runs():
    return asyncio._get_running_loop() is not None


def _nothing_left(loop):
    if loop._ready or loop._default_executor or loop._asyncgens or loop._exception_handler:
        return False
    if len(loop._selector.get_map()) > 1 or loop._signal_handlers or loop.get_debug():
        return False  # more than the loop's own wake-up pipe
    if not all(handle._cancelled for handle in loop._scheduled) or asyncio.all_tasks(loop):
        return False
    loop._scheduled.clear()
    loop._timer_cancelled_count = 0
    loop._task_factory = None
    return True
