"""A seeded walk through identities, merges and consents in the cells of a real system, against the model."""

from random import Random

import pytest

from actors.domain.ids import Identity, customer_text, parse_customer
from actors.domain.instants import format_instant
from tests.doubles.customers_model import CustomersModel, Joined

pytestmark = [pytest.mark.ray]

STEPS = 150
SINCE_MS = 1_577_836_800_000
"""The first instant of 2020: every act of consent has a time of its own after it."""
FIELDS = {"user": "userId", "anon": "anonymousId"}
CATEGORIES = [("email", "marketing"), ("app", "service")]


class Walk:
    """One client of the system and the model of what it must have come to."""

    def __init__(self, system, seed):
        self.system, self.random = system, Random(seed)
        self.seed, self.made = seed, 0
        self.users = [("user", f"walk-{seed}-{i}") for i in range(3)]
        self.visitors = [("anon", f"walk-{seed}-{i}") for i in range(5)]
        self.emails = [("email", f"walk-{seed}-{i}@example.org") for i in range(2)]
        self.names = [*self.users, *self.visitors]
        self.orders, self.numbers, self.born = {}, {}, {}
        self.model = CustomersModel(order_of=self.numbers.__getitem__)

    def id(self):
        self.made += 1
        return f"walk-{self.seed}-{self.made}"

    def meet_everybody(self):
        """Let each name begin as a customer of its own, so that all numbers are known."""
        for kind, value in self.names:
            body = {"messageId": self.id(), "event": "Page Seen", FIELDS[kind]: value}
            status, reply = self.system("POST", "/v1/track", body)
            assert status == 200, reply
            self.numbers[kind, value] = parse_customer(reply["customerId"])
            owner = self.model.event("track", body["messageId"], ((kind, value),), self.made)
            self.born[owner.order] = owner

    def step(self):
        self.random.choice([self.order, self.order, self.link, self.link, self.link, self.consent,
                            self.merge, self.unmerge, self.unmerge])()  # fmt: skip

    def order(self):
        name, total = self.random.choice(self.names), self.made + 1
        body = {"messageId": self.id(), "event": "Order Completed", "properties": {"total": total},
                FIELDS[name[0]]: name[1]}  # fmt: skip
        self.orders[body["messageId"]] = total
        self.event("track", body, (name,))
        if self.random.random() < 0.2:
            status, reply = self.system("POST", "/v1/track", body)
            assert (status, reply["status"]) == (200, "duplicate")

    def link(self):
        kind, also = self.random.choice(["identify", "alias"]), self.random.choice(self.visitors)
        first = also
        if kind == "alias" or self.random.random() < 0.6:
            first = self.random.choice(self.users)
        names = list(dict.fromkeys([first, also]))
        body = {"messageId": self.id(), FIELDS[first[0]]: first[1]}
        if kind == "alias":
            body["previousId"] = also[1]
        else:
            body["anonymousId"] = also[1]
        if self.random.random() < 0.5:
            email = self.random.choice(self.emails)
            body["traits"] = {"email": email[1]}
            names.append(email)
        self.event(kind, body, tuple(names))

    def event(self, kind, body, names):
        status, reply = self.system("POST", f"/v1/{kind}", body)
        assert status == 200, reply
        owner = self.model.event(kind, body["messageId"], names, self.made)
        assert reply["customerId"] == customer_text(owner.order), (kind, body)

    def consent(self):
        customer = self.random.choice(self.model.customers)
        channel, purpose = self.random.choice(CATEGORIES)
        status = self.random.choice(["granted", "denied"])
        body = {"messageId": self.id(), "channel": channel, "purpose": purpose,
                "status": status, "at": format_instant(SINCE_MS + self.made)}  # fmt: skip
        code, reply = self.system(
            "PUT", f"/v1/customers/{customer_text(customer.order)}/consent", body
        )
        assert code == 200, reply
        act = ((f"{channel}|{purpose}", status == "granted"),)
        self.model.act(customer, body["messageId"], self.made, act)

    def merge(self):
        one, other = self.random.sample(sorted(self.born), 2)
        path = f"/v1/customers/{customer_text(one)}/merge"
        body = {"messageId": self.id(), "with": customer_text(other)}
        status, reply = self.system("POST", path, body)
        owner = self.model.merge(self.now(one), self.now(other))
        assert status == (409 if owner is None else 200), reply
        if owner is not None:
            assert reply["customerId"] == customer_text(owner.order)

    def unmerge(self):
        parts = [
            (customer, part.other)
            for customer in self.model.customers
            for part in customer.story
            if isinstance(part, Joined)
        ]
        if not parts:
            return
        customer, other = self.random.choice(parts)
        path = f"/v1/customers/{customer_text(customer.order)}/unmerge"
        body = {"messageId": self.id(), "other": customer_text(other.order)}
        status, reply = self.system("POST", path, body)
        may = self.model.may_unmerge(customer, other)
        assert status == (200 if may else 409), reply
        if may:
            both = [seq for each in (reply, *reply["elsewhere"]) for seq in each["both"]]
            assert len(both) == len(self.model.unmerge(customer, other))

    def now(self, number):
        """Return who has a number now."""
        return next(each for each in self.model.customers if number in _numbers(each))

    def check(self):
        for kind, value in (*self.names, *self.emails):
            owner = self.model.owner((kind, value))
            status, profile = self.system("GET", f"/v1/customers/{Identity(kind, value)}")
            assert status == (200 if owner else 404)
            if owner is None:
                continue
            assert profile["customerId"] == customer_text(owner.order)
            paid = {id_: n for id_, n in owner.messages().items() if id_ in self.orders}
            assert set(paid.values()) <= {1}
            assert profile["purchases"]["orders"] == len(paid)
            assert profile["purchases"]["spend"]["amount"] == sum(self.orders[i] for i in paid)
            _, told = self.system("GET", f"/v1/customers/{customer_text(owner.order)}/consents")
            found = {f"{c['channel']}|{c['purpose']}": c["status"] for c in told["consents"]}
            assert found == {key: status for key, (status, _) in owner.consents().items()}


def _numbers(customer):
    inside = [_numbers(each.other) for each in customer.story if isinstance(each, Joined)]
    return {customer.order}.union(*inside)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_over_http_ends_where_the_model_does(system, seed):
    walk = Walk(system, seed)
    walk.meet_everybody()

    for step in range(STEPS):
        walk.step()
        if step % 10 == 9:
            walk.check()

    walk.check()
