"""The environment keeps Gymnasium's contract, and is the same again under the same seed."""

import numpy as np
import pytest

from tests.retail import RETAIL

gymnasium = pytest.importorskip("gymnasium")
pytest.importorskip("greenlet")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from actors.simulation.environment import CustomersEnv  # noqa: E402

ID = "actors.simulation.environment:righttime/Customers-v0"


def played(env, seed, choose):
    """Return what an episode was made of: observations and rewards."""
    seen, info = env.reset(seed=seed)
    story, over = [], False
    while not over:
        assert (info["action_mask"] == seen["mask"]).all()
        action = choose(seen)
        seen, reward, ended, over, info = env.step(action)
        assert not ended
        story.append((int(action), reward, seen["mask"].tolist(), seen["customer"].tolist()))
    return story


def last(seen):
    return np.flatnonzero(seen["mask"])[-1]


def nothing(seen):
    return 0


def test_it_passes_the_check_of_gymnasium():
    check_env(gymnasium.make(ID, playbook=RETAIL, days=20).unwrapped)


def test_the_same_seed_gives_the_same_episode_and_another_one_another():
    env = CustomersEnv(RETAIL, customers=6, days=14)

    first, again = played(env, 3, last), played(CustomersEnv(RETAIL, customers=6, days=14), 3, last)

    assert first == again == played(env, 3, last)
    assert first != played(env, 4, last)
    assert len(first) > 10


def test_what_is_offered_brings_the_rewards():
    env = CustomersEnv(RETAIL, customers=6, days=21)

    offered, silent = played(env, 3, last), played(env, 3, nothing)

    # What must be sent, which no agent chooses, costs, and may bring something too.
    assert min(reward for _, reward, *_ in silent) < 0.0
    assert sum(reward for _, reward, *_ in offered) > sum(reward for _, reward, *_ in silent) + 1.0


def test_what_the_mask_forbids_is_taken_for_nothing():
    env = CustomersEnv(RETAIL, customers=6, days=21)

    def forbidden(seen):
        return int(np.flatnonzero(seen["mask"] == 0)[0])

    assert [each[1:] for each in played(env, 3, forbidden)] == [
        each[1:] for each in played(env, 3, nothing)
    ]


def test_several_are_stepped_at_once_and_alike():
    env = gymnasium.make_vec(ID, num_envs=3, playbook=RETAIL, days=20)

    def story():
        seen, _ = env.reset(seed=11)
        found = []
        for _ in range(8):
            actions = np.array([np.flatnonzero(mask)[-1] for mask in seen["mask"]])
            seen, rewards, _, truncated, _ = env.step(actions)
            found.append((rewards.tolist(), truncated.tolist(), seen["mask"].tolist()))
        return found

    assert story() == story()
    env.close()


def test_a_step_without_an_episode_is_refused():
    env = CustomersEnv(RETAIL, days=14)

    with pytest.raises(RuntimeError, match="reset"):
        env.step(0)
    with pytest.raises(ValueError, match="reward"):
        CustomersEnv(RETAIL, reward="fame")
