"""The model that others are compared with, by examples that need no comparison."""

from tests.doubles.customers_model import DENIED, GRANTED, CustomersModel

ANN, BOB, WEB, APP = ("user", "ann"), ("user", "bob"), ("anon", "web"), ("anon", "app")


def test_a_visitor_becomes_the_known_customer_on_identify_only():
    model = CustomersModel()
    model.event("track", "m1", (WEB,), 1)
    model.event("track", "m2", (ANN, WEB), 2)
    assert model.owner(ANN) is not model.owner(WEB)

    model.event("identify", "m3", (ANN, WEB), 3)

    assert model.owner(ANN) is model.owner(WEB)
    assert model.owner(ANN).messages() == {"m1": 1, "m2": 1, "m3": 1}


def test_two_users_on_one_browser_stay_two():
    model = CustomersModel()
    model.event("identify", "m1", (ANN, WEB), 1)
    model.event("identify", "m2", (BOB, WEB), 2)

    assert model.owner(WEB) is model.owner(ANN)
    assert model.owner(BOB).messages() == {"m2": 1}
    assert model.refused == ["merge"]


def test_an_unmerge_gives_each_side_its_events_and_both_the_withdrawal():
    model = CustomersModel()
    ann = model.event("track", "m1", (ANN,), 1, (("email", True),))
    web = model.event("track", "m2", (WEB,), 2)
    model.merge(web, ann)
    model.event("track", "m3", (WEB,), 3, (("email", False),))
    model.event("track", "m4", (ANN, WEB), 4)
    assert ann.consents()["email"] == (DENIED, 3)

    both = model.unmerge(ann, web)

    assert both == ["m4"]
    assert ann.messages() == {"m1": 1, "m4": 1}
    assert web.messages() == {"m2": 1, "m3": 1}
    assert ann.consents()["email"] == web.consents()["email"] == (DENIED, 3)


def test_a_denial_of_either_side_wins_and_silence_never_does():
    model = CustomersModel()
    ann = model.event("track", "m1", (ANN,), 9, (("email", True), ("sms", True)))
    web = model.event("track", "m2", (WEB,), 2, (("email", False),))

    model.merge(ann, web)

    assert ann.consents() == {"email": (DENIED, 2), "sms": (GRANTED, 9)}


def test_a_third_customer_stays_when_an_earlier_merge_is_taken_back():
    model = CustomersModel()
    ann, web, app = (
        model.event("track", f"m{i}", (name,), i) for i, name in enumerate((ANN, WEB, APP))
    )
    model.merge(ann, web)
    model.merge(ann, app)
    model.event("track", "m5", (APP,), 5)

    model.unmerge(ann, web)

    assert ann.messages() == {"m0": 1, "m2": 1, "m5": 1}
    assert model.owner(APP) is ann
    assert model.owner(WEB) is web


def test_nothing_is_joined_over_a_name_that_stands_for_a_crowd():
    crowd = ("user", "null")
    model = CustomersModel(blocked=[crowd])
    model.event("track", "m1", (WEB,), 1)
    model.event("identify", "m2", (crowd, WEB), 2)

    assert model.owner(WEB) is not model.owner(crowd)
