"""Who is in which arm: hashed, stable, independent, nested, fixed once reached."""

from actors.experiments.arms import MAX_ARMS, MIXED, arms_at, drawn, fix, share_of, united
from actors.experiments.statistics import chi2_tail, sample_ratio
from tests.builders import DAY, IDS, NOW, user
from tests.unit.experiments.experiment_books import experiments_of, holdout, split

PEOPLE = [IDS.customer_number(user(f"someone-{i}")) for i in range(8_000)]


def test_customers_are_spread_evenly_over_an_experiment():
    (each,) = experiments_of({"test": split()}).all
    counts = [0] * 50
    for number in PEOPLE:
        counts[int(share_of(each, number) * 50)] += 1

    assert sample_ratio(counts, [1 / 50] * 50).p > 0.001


def test_arms_have_the_shares_of_their_weights():
    (each,) = experiments_of({"test": {"kind": "experiment", "arms": {"a": 1, "b": 3, "c": 6}}}).all
    counts = {"a": 0, "b": 0, "c": 0}
    for number in PEOPLE:
        counts[drawn(each, number).name] += 1

    assert [arm.share for arm in each.arms] == [0.1, 0.3, 0.6]
    assert not sample_ratio(list(counts.values()), [0.1, 0.3, 0.6]).flagged


def test_two_experiments_draw_independently_unless_they_have_one_salt():
    one, two, same = experiments_of({"one": split(), "two": split(), "same": split(salt="one")}).all
    table = [[0, 0], [0, 0]]
    for number in PEOPLE:
        table["ab".index(drawn(one, number).name)]["ab".index(drawn(two, number).name)] += 1

    (a, b), (c, d) = table
    n = a + b + c + d
    chi2 = n * (a * d - b * c) ** 2 / ((a + b) * (c + d) * (a + c) * (b + d))
    assert chi2_tail(chi2, 1) > 0.001
    assert all(drawn(one, number).name == drawn(same, number).name for number in PEOPLE[:500])


def test_arms_are_the_same_for_ever():
    (each,) = experiments_of({"test": split()}).all

    assert (
        "".join(drawn(each, number).name for number in range(32))
        == "aababbbbbaaaabaabaaabaaaaaabbbbb"
    )


def test_whoever_is_held_outside_is_in_nothing_within_and_lower_rates_apply_to_the_rest():
    experiments = experiments_of(
        {
            "inner": holdout(0.5, within="outer"),
            "outer": holdout(0.2),
            "innermost": split(within="inner"),
        }
    )
    assert [each.name for each in experiments.all] == ["outer", "inner", "innermost"]
    found = [arms_at({}, number, NOW, experiments) for number in PEOPLE]

    held = [arms for arms in found if arms["outer"] == "held"]
    rest = [arms for arms in found if arms["outer"] == "open"]
    inside = [arms for arms in rest if arms["inner"] == "open"]
    assert not sample_ratio([len(held), len(rest)], [0.2, 0.8]).flagged
    assert all(arms == {"outer": "held"} for arms in held)
    assert not sample_ratio([len(inside), len(rest) - len(inside)], [0.5, 0.5]).flagged
    assert all(("innermost" in arms) == (arms["inner"] == "open") for arms in rest)


def test_an_arm_once_fixed_stays_when_weights_change():
    before, after = experiments_of({"test": holdout(0.1)}), experiments_of({"test": holdout(0.5)})
    moved = [n for n in PEOPLE if arms_at({}, n, NOW, before) != arms_at({}, n, NOW, after)][:50]

    for number in moved:
        fixed = {}
        fix(fixed, arms_at(fixed, number, NOW, before), NOW, before)
        assert arms_at(fixed, number, NOW, after) == {"test": "open"}
        assert arms_at({}, number, NOW, after) == {"test": "held"}


def test_an_experiment_takes_place_between_its_first_and_last_day():
    experiments = experiments_of(
        {"test": split(**{"from": "2027-01-15", "until": "2027-01-16"}), "always": split()}
    )

    def at(now_ms):
        return "test" in arms_at({}, 7, now_ms, experiments)

    midnight = NOW - NOW % DAY  # NOW is on the 15th
    assert [at(midnight - 1), at(midnight), at(midnight + 2 * DAY - 1), at(midnight + 2 * DAY)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_customer_of_two_arms_is_in_neither_nor_in_anything_within():
    experiments = experiments_of({"outer": split(), "inner": split(within="outer")})
    joined = united({"outer": ("a", 5)}, {"outer": ("b", 3), "inner": ("a", 4)})

    assert joined == {"inner": ("a", 4), "outer": (MIXED, 3)}
    assert arms_at(joined, 7, NOW, experiments) == {}


def test_arms_that_agree_stay_since_the_earlier_whoever_survives():
    mine, hers = {"x": ("a", 5), "y": ("b", 1)}, {"x": ("a", 2), "z": ("c", 9)}

    assert united(mine, hers) == united(hers, mine)
    assert united(mine, hers) == {"x": ("a", 2), "y": ("b", 1), "z": ("c", 9)}


def test_an_arm_that_the_playbook_has_no_more_is_none():
    experiments = experiments_of({"outer": split(), "inner": split(within="outer")})

    assert arms_at({"outer": ("gone", 1)}, 7, NOW, experiments) == {}


def test_what_a_state_remembers_is_bounded_and_the_oldest_that_is_over_goes_first():
    experiments = experiments_of({"now": split()})
    fixed = {f"old-{i}": ("a", i) for i in range(MAX_ARMS)}

    fix(fixed, {"now": "b"}, 1_000, experiments)

    assert len(fixed) == MAX_ARMS
    assert fixed["now"] == ("b", 1_000)
    assert "old-0" not in fixed
