"""Steps through identities, merges and consents that check each answer against a model, and all that is stored."""

from collections import Counter
from dataclasses import dataclass, replace

from actors.domain.events import Command, Event
from actors.domain.ids import Identity, customer_text, parse_customer
from actors.playbook.identity_model import DEFAULT_RULES, IdentityRules
from tests.builders import IDS, SHOP, added, anon, make_event, order, user
from tests.doubles.customers_model import CustomersModel, Joined
from tests.doubles.two_cells import TwoCells, read, states_of

FIRST = [user("u0"), user("u1"), anon("a"), anon("b"), anon("new")]
EMAILS = [Identity("email", f"{name}@example.org") for name in ("e0", "e1", "e2")]
FEW_EMAILS = IdentityRules(
    kinds=DEFAULT_RULES.kinds | {"email": replace(DEFAULT_RULES.kinds["email"], limit=2)}
)
"""Rules under which a customer has two addresses: the third one named stays unowned."""
CATEGORIES = ["email|marketing", "app|service"]
ALL = [*FIRST, *EMAILS]


def name_of(identity):
    return (identity.kind, identity.value)


@dataclass
class Sent:
    """A message that was taken, and its first answer."""

    item: Event | Command
    number: int
    reply: dict


class Walk:
    """Two cells and the model of what they must come to."""

    def __init__(self, store, rules=DEFAULT_RULES):
        self.cells = TwoCells(store, FIRST, replace(SHOP, identities=rules))
        limits = {kind.name: kind.limit for kind in rules.kinds.values() if kind.limit}
        self.model = CustomersModel(
            limits, order_of=lambda name: IDS.customer_number(Identity(*name))
        )
        self.born = {}
        self.sent = []
        self.cents = {}
        self.made = 0

    def _id(self):
        self.made += 1
        return f"m{self.made}"

    def event(self, type, names, *, age=0, consents=(), cart=False, device=False):  # noqa: A002
        """Make an event of the names given; those of e-mails stand in its traits."""
        at_ms, id_ = self.cells.clock.now_ms - age, self._id()
        context = {"consent": {"categoryPreferences": dict(consents)}} if consents else {}
        if device:
            context["device"] = {"id": "tablet"}
        who = [name for name in names if name.kind != "email"]
        traits = {name.kind: name.value for name in names if name.kind == "email"}
        if type != "track":
            return make_event("", *who, type=type, id=id_, at=at_ms, context=context, traits=traits)
        if cart:
            return added(f"c{self.made % 2}", *who, id=id_, at=at_ms, context=context)
        self.cents[id_] = 100 + self.made * self.made
        return order(self.cents[id_] / 100, *who, id=id_, at=at_ms, context=context)

    def command(self, kind, **arguments):
        at_ms = self.cells.clock.now_ms
        return Command(message_id=self._id(), kind=kind, arguments=arguments, at_ms=at_ms)

    def consent(self, category, *, granted):
        channel, purpose = category.split("|")
        status = "granted" if granted else "denied"
        return self.command("consent", channel=channel, purpose=purpose, status=status)

    def now(self, number):
        """Return who has a number now, by the model."""
        return next(each for each in self.model.customers if number in _numbers(each))

    def parts(self):
        """Return (survivor, loser) of all merges that can be taken back now."""
        return [
            (each.order, part.other.order)
            for each in self.model.customers
            for part in each.story
            if isinstance(part, Joined)
        ]

    def take(self, item, number=0, *, astray=False, race=None):
        """Send an item, maybe with another one that gets in between, and check the answers."""
        answer, behind, raced = self.cells.send(item, number, astray=astray, race=race)
        done = [(item, number, answer)]
        if raced is not None:
            # One that wrote nothing was answered before the other one's commit.
            behind = behind or not _wrote(raced) or self._was_refused(raced)
            done.insert(0 if behind else 1, (*race, raced))
        for each in done:
            self._check(*each)
        if race is not None and raced is None:
            self.take(*race)

    def _was_refused(self, answer):
        """Whether an event found two whom it could not make one: it was taken before that changed."""
        reply = read(answer)
        turns = dict(self.cells.turns(parse_customer(reply["customerId"])))
        return any(note.startswith("not_merged") for note in turns[reply["seq"]].notes)

    def _check(self, item, number, answer):
        code, expected = answer.code.name, self._expect(item, number, answer)
        if expected is None:
            assert code == "REFUSED", (item, answer)
            return
        owner, said = expected
        assert code == "ACCEPTED", (item, answer)
        reply = read(answer)
        assert reply["customerId"] == customer_text(owner.order), (item, number, reply)
        if "both" in said:
            said["both"] = sorted(said["both"])
            shares = [(owner.order, reply)]
            shares += [(parse_customer(each["customerId"]), each) for each in reply["elsewhere"]]
            both = [self._messages(n)[seq] for n, each in shares for seq in each["both"]]
            reply = reply | {"both": sorted(both)}
        assert {key: reply[key] for key in said} == said, (item, number, reply, said)
        if _wrote(answer):
            self.sent.append(Sent(item, number, read(answer)))

    def _messages(self, number):
        return {s: _item_of(t).message_id for s, t in self.cells.turns(number) if _item_of(t)}

    def _expect(self, item, number, answer):
        """Return whose turn it is by the model and what the reply says, or None: it is refused."""
        model = self.model
        if isinstance(item, Event):
            traits = [Identity(kind, value) for kind, value in item.traits.items()]
            names = tuple(name_of(name) for name in (*item.identities, *traits))
            said = item.context.get("consent", {}).get("categoryPreferences", {})
            owner = model.event(item.type, item.message_id, names, item.at_ms, tuple(said.items()))
            self.born.setdefault(owner.order, owner)
            return owner, {}
        customer, given = self.now(number), item.arguments
        if item.kind == "consent":
            category = f"{given['channel']}|{given['purpose']}"
            act = ((category, given["status"] == "granted"),)
            model.act(customer, item.message_id, item.at_ms, act)
            return customer, {}
        if item.kind == "merge":
            other = self.now(given["other"])
            owner = model.merge(customer, other)
            gone = other if owner is customer else customer
            text = None if owner is other is customer else customer_text(gone.order)
            return owner and (owner, {"merged": text})
        other = self.born[given["other"]]
        if not model.may_unmerge(customer, other):
            return None
        both = model.unmerge(customer, other)
        return customer, {"unmerged": customer_text(other.order), "both": both}

    def again(self, sent):
        """Send a message again: it changes nothing, and its first answer comes back."""
        answer, _, _ = self.cells.send(sent.item, sent.number)
        assert answer.code.name == "DUPLICATE"
        assert read(answer) == sent.reply | {"status": "duplicate"}

    def fire(self, by):
        """Let time pass, and fire what is due then."""
        self.cells.clock.advance(by)
        self.cells.fire()

    def check(self):
        """Compare everything that is stored with the model, and with itself."""
        rows = self.cells.rows(sorted(self.born))
        states, redirects = states_of(rows)
        assert states.keys() == {each.order for each in self.model.customers}
        assert rows.keys() == self.born.keys()
        for number in redirects:
            target = redirects[number]
            while target in redirects:
                target = redirects[target]
            assert target == self.now(number).order
        self._check_owners()
        for customer in self.model.customers:
            self._check_state(states[customer.order], customer)
        self._check_journals(rows, states)

    def _check_owners(self):
        owners = self.cells.owners(ALL)
        expected = {name: self.model.owner(name_of(name)) for name in ALL}
        assert owners == {name: each.order for name, each in expected.items() if each}

    def _check_state(self, state, customer):
        assert sorted(map(name_of, state.identities)) == sorted(customer.owned())
        paid = [(id_, n) for id_, n in customer.messages().items() if id_ in self.cents]
        purchases = state.profile.purchases
        assert purchases.orders == sum(n for _, n in paid)
        assert purchases.spend_minor == sum(n * self.cents[id_] for id_, n in paid)
        consents = {k: (c.status, c.at_ms) for k, c in state.profile.consents.items()}
        assert consents == customer.consents()

    def _check_journals(self, rows, states):
        heard, timers = Counter(), self.cells.timers()
        for number, row in rows.items():
            turns = self.cells.turns(number)
            assert [seq for seq, _ in turns] == list(range(1, row.seq + 1))
            heard.update(_item_of(turn).message_id for _, turn in turns if _item_of(turn))
            waits = states[number].timers if number in states else []
            due = {timer.key: timer.due_at_ms for timer in waits}
            stored = {key: at for (owner, key), at in timers.items() if owner == number}
            assert stored.keys() == due.keys()
            assert all(stored[key] <= due[key] for key in due)
        assert heard == Counter(self.model_messages())

    def model_messages(self):
        """Every message that was taken, once."""
        return [sent.item.message_id for sent in self.sent]


def _wrote(answer):
    return answer.code.name == "ACCEPTED" and read(answer).get("merged", "") is not None


def _item_of(turn):
    return turn.event or turn.command


def _numbers(customer):
    inside = [_numbers(each.other) for each in customer.story if isinstance(each, Joined)]
    return {customer.order}.union(*inside)
