"""A profile read straight from bytes, as `profile` rebuilds it: for a core that runs as machine code.

Python evaluates arguments in their order, so the fields of a row are read where they are passed on. Rows of other lengths
than these have fields that came later, or lack some: they are read the other way.
"""

from actors.domain.histories import (
    Campaign,
    Case,
    Credit,
    Interest,
    Lead,
    Ledger,
    Outreach,
    Service,
    TraitChange,
    TraitOrigin,
    Voice,
)
from actors.domain.profile import (
    ChannelUse,
    ConsentState,
    Contact,
    Profile,
    Purchases,
    ResponseHistory,
)
from actors.wire.native_reading import (
    Reader,
    among,
    between,
    expect,
    get,
    get_int,
    get_list,
    get_map,
    get_name,
    get_text,
    is_place,
    list_length,
    map_length,
)


def get_profile(r: Reader, actions: list[str]) -> Profile:
    """Read a profile; `actions` takes those of its responses, whose places stand for them elsewhere."""
    known = among(list_length(r), 25, 27) > 25
    p = Profile.__new__(Profile)  # its constructor is made at run time, and takes a microsecond
    p.traits = get_map(r)
    p.timezone = get_name(r)
    p.locale = get_name(r)
    p.purchases = _purchases(r)
    p.departments = _departments(r)
    p.channels = _channels(r)
    p.responses = _responses(r, actions)
    p.contacts = _contacts(r, actions)
    p.consents = _consents(r)
    p.views = get_map(r)
    p.coupons_used = get_int(r)
    p.redemptions = get_int(r)
    p.first_seen_at_ms = get_int(r)
    p.last_seen_at_ms = get_int(r)
    p.late_events = get_int(r)
    p.trait_origins = _origins(r)
    p.trait_changes = _changes(r)
    p.ledger = _ledger(r)
    p.interests = _interests(r)
    p.outreach = _outreach(r)
    p.campaigns = _campaigns(r)
    p.service = _service(r)
    p.credit = _credit(r)
    p.voice = _voice(r)
    p.leads = _leads(r)
    p.answers = get_map(r) if known else {}
    p.dead = get_map(r) if known else {}
    return p


def get_action(r: Reader, actions: list[str]) -> str:
    """Read the key of an action, or its place."""
    return actions[get_int(r)] if is_place(r) else get_name(r)


def _purchases(r: Reader) -> Purchases:
    expect(r, 6)
    return Purchases(get_int(r), get_int(r), get_int(r), get_int(r), get_int(r), get_int(r))


def _departments(r: Reader) -> dict[str, Purchases]:
    found: dict[str, Purchases] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        found[name] = _purchases(r)
    return found


def _channels(r: Reader) -> dict[str, ChannelUse]:
    found: dict[str, ChannelUse] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        n = among(list_length(r), 4, 7)
        use = ChannelUse(get_int(r), get_int(r), get_int(r), get_list(r))
        if n > 4:
            use.contacts = get_int(r)
            use.costed = get_int(r)
            use.contact_cost_minor = get_int(r)
        found[name] = use
    return found


def _responses(r: Reader, actions: list[str]) -> dict[str, ResponseHistory]:
    found: dict[str, ResponseHistory] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        expect(r, 6)
        found[name] = ResponseHistory(
            get_int(r), get_int(r), get_int(r), get_int(r), get_int(r), get_int(r)
        )
    actions.extend(found)
    return found


def _contacts(r: Reader, actions: list[str]) -> list[Contact]:
    found: list[Contact] = []
    for _ in range(list_length(r)):
        n = between(list_length(r), 4, 7)
        contact = Contact(get_int(r), get_name(r), get_action(r, actions), get_name(r))
        if n > 4:
            contact.seq = get_int(r)
        if n > 5:
            contact.n = get_int(r)
        if n > 6:
            contact.origin = get_int(r)
        found.append(contact)
    return found


def _consents(r: Reader) -> dict[str, ConsentState]:
    found: dict[str, ConsentState] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        n = between(list_length(r), 3, 5)
        consent = ConsentState(get_name(r), get_int(r), get_name(r))
        if n > 3:
            consent.expires_at_ms = get_int(r)
        if n > 4:
            consent.basis = get_name(r)
        found[name] = consent
    return found


def _origins(r: Reader) -> dict[str, TraitOrigin]:
    found: dict[str, TraitOrigin] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        expect(r, 2)
        found[name] = TraitOrigin(get_int(r), get_name(r))
    return found


def _changes(r: Reader) -> list[TraitChange]:
    found: list[TraitChange] = []
    for _ in range(list_length(r)):
        expect(r, 4)
        found.append(TraitChange(get_name(r), get_int(r), get_name(r), get(r, 0)))
    return found


def _ledger(r: Reader) -> Ledger:
    if among(list_length(r), 0, 6) == 0:
        return Ledger()
    return Ledger(get_int(r), get_int(r), get_int(r), get_int(r), get_int(r), get_int(r))


def _interests(r: Reader) -> dict[str, Interest]:
    found: dict[str, Interest] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        expect(r, 3)
        found[name] = Interest(get_int(r), get_int(r), get_int(r))
    return found


def _outreach(r: Reader) -> dict[str, Outreach]:
    found: dict[str, Outreach] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        expect(r, 6)
        found[name] = Outreach(
            get_int(r), get_int(r), get_int(r), get_int(r), get_int(r), get_int(r)
        )
    return found


def _campaigns(r: Reader) -> dict[str, Campaign]:
    found: dict[str, Campaign] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        n = between(list_length(r), 4, 7)
        campaign = Campaign(get_name(r), get_int(r), get_int(r), get_int(r))
        if n > 4:
            campaign.redeemed = get_int(r)
        if n > 5:
            campaign.last_redeemed_at_ms = get_int(r)
        if n > 6:
            campaign.origin = get_int(r)
        found[name] = campaign
    return found


def _service(r: Reader) -> Service:
    if among(list_length(r), 0, 7) == 0:
        return Service()
    return Service(
        get_int(r), get_int(r), get_int(r), get_int(r), get_int(r), get_int(r), _cases(r)
    )


def _cases(r: Reader) -> list[Case]:
    found: list[Case] = []
    for _ in range(list_length(r)):
        expect(r, 10)
        case = Case(get_text(r), get_name(r), get_name(r), get_name(r), get_name(r))
        case.opened_at_ms = get_int(r)
        case.changed_at_ms = get_int(r)
        case.closed_at_ms = get_int(r)
        case.satisfaction = get_int(r)
        case.contacts = get_int(r)
        found.append(case)
    return found


def _credit(r: Reader) -> Credit:
    credit = Credit()
    if among(list_length(r), 0, 9) > 0:
        credit.limit_minor = get_int(r)
        credit.limit_at_ms = get_int(r)
        credit.balance_minor = get_int(r)
        credit.balance_at_ms = get_int(r)
        credit.due_minor = get_int(r)
        credit.paid_minor = get_int(r)
        credit.missed = get_int(r)
        credit.last_paid_at_ms = get_int(r)
        credit.last_missed_at_ms = get_int(r)
    return credit


def _voice(r: Reader) -> Voice:
    if among(list_length(r), 0, 6) == 0:
        return Voice()
    return Voice(get_int(r), get_int(r), get_int(r), get_int(r), get_int(r), get_int(r))


def _leads(r: Reader) -> list[Lead]:
    found: list[Lead] = []
    for _ in range(list_length(r)):
        expect(r, 6)
        found.append(
            Lead(get_text(r), get_name(r), get_name(r), get_name(r), get_int(r), get_int(r))
        )
    return found
