"""What schemathesis makes of calls in a row, each with what earlier ones answered, against a real system."""

from collections import Counter
from pathlib import Path

import pytest

from scripts.child import start

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(400)]

EXAMPLES, STEPS = 60, 12
LEFT_OUT = {
    ("/v1/clock/advance", "post"): "by centuries, one day at a time",
    ("/v1/cells", "put"): "up to 256 processes",
}


def test_calls_that_build_on_each_other_get_no_server_error_from_a_real_system(tmp_path: Path):
    import schemathesis
    from hypothesis import HealthCheck, settings
    from hypothesis.stateful import run_state_machine_as_test

    called: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    with start(tmp_path / "data", ["--clock", "virtual", "--cells", "1"]) as child:
        schema = schemathesis.openapi.from_url(f"{child.url}/openapi.json")
        for path, method in LEFT_OUT:
            schema = schema.exclude(path=path, method=method)

        class Calls(schema.as_state_machine()):  # type: ignore[misc]
            def get_call_kwargs(self, case):
                called[f"{case.method} {case.path}"] += 1
                return {"headers": {"Authorization": f"Bearer {child.key}"}, "timeout": 30}

            def validate_response(self, response, case, **_):
                statuses[response.status_code] += 1
                assert response.status_code < 500, (case.method, case.path, response.text)

        run_state_machine_as_test(
            Calls,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        print(
            f"{called.total()} calls of {len(called)} kinds, by status {sorted(statuses.items())}"
        )
        assert len(called) > STEPS
        assert statuses[200] > 0
        assert child.alive()
    assert child.clean
