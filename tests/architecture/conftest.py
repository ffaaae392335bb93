"""What the rules of the house need to see of a test run."""

import sys

import pytest

COLLECTED_RAY = pytest.StashKey[bool]()


def pytest_collection_finish(session):
    session.config.stash[COLLECTED_RAY] = "ray" in sys.modules


@pytest.fixture
def collecting_imported_ray(request):
    """Whether Ray had been imported when all test files were collected and no test had run yet."""
    return request.config.stash[COLLECTED_RAY]
