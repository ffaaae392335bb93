"""A server of our own that ends by itself can be started again, and leaves nothing unwaited for."""

import gc
import os
import signal
import warnings

import pytest

from scripts.own_postgres import own_postgres
from tests.postgres_databases import FAST

pytestmark = [pytest.mark.postgres, pytest.mark.fault]


def test_a_server_that_gave_up_is_started_again_and_the_old_process_is_waited_for():
    with own_postgres(FAST) as server, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        first = server.pid
        os.kill(first, signal.SIGKILL)  # nobody here waits for it
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)

        server.start()
        gc.collect()

        assert server.pid != first
        assert server.sql("SELECT 1") == "1"
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
    assert [str(each.message) for each in told if each.category is ResourceWarning] == []
