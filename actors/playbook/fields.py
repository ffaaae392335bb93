"""The catalogue: every variable that a rule or a placeholder may use, with its type and meaning.

Rules fail closed on what they cannot read, so a misspelt name would silently match nobody. With
the catalogue a misspelt name is an error before the playbook is ever used.
"""

from dataclasses import dataclass

NEVER_DAYS = 36500.0
"""What a number of days since something reads when it never happened: about a hundred years."""


@dataclass(frozen=True, slots=True)
class Field:
    """One variable. `type` is written as in CEL: `int`, `double`, `map<string,int>` ….

    `default` is what a missing key of a map reads; it is None for maps of `dyn`, whose keys may
    really be missing, and for everything that is not a map.
    """

    path: str
    type: str
    doc: str
    default: int | float | bool | str | None = None

    @property
    def is_map(self) -> bool:
        """Whether the field is looked into by key."""
        return self.type.startswith("map<")

    @property
    def is_dyn(self) -> bool:
        """Whether values may have any type and keys may be missing."""
        return self.type == "map<string,dyn>"

    @property
    def is_scalar(self) -> bool:
        """Whether the field is a single value, fit for a text."""
        return self.type in {"int", "double", "string", "bool"}


def _counts(path: str, doc: str) -> Field:
    return Field(path, "map<string,int>", doc, 0)


def _days(path: str, doc: str) -> Field:
    return Field(path, "map<string,double>", doc, NEVER_DAYS)


FIELDS: tuple[Field, ...] = (
    Field("profile.orders", "int", "Orders completed."),
    Field("profile.refunds", "int", "Orders refunded."),
    Field("profile.items", "int", "Items bought."),
    Field("profile.spend", "double", "Spend net of refunds, in the book currency."),
    Field("profile.avg_basket", "double", "Spend per order; 0.0 before the first."),
    Field("profile.recency_days", "double", "Days since the last order; 36500.0 before any."),
    Field("profile.tenure_days", "double", "Days since the customer was first seen."),
    Field("profile.spend_by_department", "map<string,double>", "Spend by department.", 0.0),
    _counts("profile.orders_by_department", "Orders that held something of the department."),
    _days("profile.days_since_department", "Days since something of the department was bought."),
    _counts("profile.channel_events", "Events heard from the customer, by channel."),
    _days("profile.channel_days", "Days since the customer was last seen, by channel."),
    _counts("profile.views", "Product views, by category."),
    Field("profile.gap_days", "double", "Days between the last two orders; 0.0 before the second."),
    Field(
        "profile.loyalty_stage",
        "string",
        "`prospect`, `first_time_buyer`, `repeat_buyer`, `client`, `supporter` or `advocate`.",
    ),
    Field("profile.profit", "double", "Her profit or loss so far, in the book currency."),
    Field("profile.cost_to_serve", "double", "Cost of the service contacts handled so far."),
    Field("profile.discounts", "double", "What was taken off her orders so far."),
    Field("profile.open_cases", "int", "Service cases that are open."),
    Field(
        "profile.days_since_case", "double", "Days since a case last moved; 36500.0 without any."
    ),
    Field("profile.last_satisfaction", "int", "Last rating of service, 1 to 5; 0 before any."),
    Field("profile.satisfaction", "double", "Mean rating of service, 1 to 5; 0.0 before any."),
    Field(
        "profile.credit_limit", "double", "Credit limit as last stated; 0.0 when it is not known."
    ),
    Field("profile.credit_balance", "double", "Credit balance as last stated; 0.0 when not known."),
    Field("profile.payments_due", "double", "What was due and has not been paid."),
    Field("profile.missed_payments", "int", "Payments missed."),
    Field(
        "profile.days_since_missed_payment",
        "double",
        "Days since a payment was missed; 36500.0 when none was.",
    ),
    Field("profile.reviews", "int", "Reviews written."),
    Field("profile.referrals", "int", "Recommendations to others."),
    Field("profile.campaigns", "int", "Campaigns remembered, at most the last 32."),
    Field("profile.campaign_redemptions", "int", "Redemptions of the campaigns remembered."),
    Field(
        "profile.lead_stage",
        "string",
        "Stage of the lead that moved last: `captured`, `qualified`, `converted`, `lost` or empty.",
    ),
    Field(
        "profile.preferred_hour",
        "int",
        "Hour of her day at which most was heard of her; -1 before anything was.",
    ),
    _counts("profile.channel_visits", "Visits, by channel: half an hour of silence ends one."),
    _counts("profile.service_contacts", "Service contacts handled, by channel."),
    _counts("profile.clicks", "Products clicked, by category."),
    _counts("profile.searches", "Searches, by category."),
    _days("profile.days_since_interest", "Days since a view, click or search, by category."),
    _counts("profile.sent", "What was offered or said to her, by channel."),
    _counts("profile.message_clicks", "Clicks on what was offered or said, by channel."),
    _days("profile.trait_days", "Days since a trait was last said, by trait."),
    Field("profile.traits", "map<string,dyn>", "Traits, as `identify` gave them."),
    Field("profile.timezone", "string", "IANA time zone of the customer, or of the playbook."),
    Field("profile.locale", "string", "Locale such as `en-US`; empty when unknown."),
    Field("profile.coupons_used", "int", "Coupons used at a checkout."),
    Field("profile.redemptions", "int", "Offers of ours that were redeemed."),
    Field("profile.known", "bool", "Whether the customer has a user id (has logged in or joined)."),
    Field(
        "profile.consent",
        "map<string,bool>",
        "Whether consent to marketing is granted, by channel; unknown is false.",
        default=False,
    ),
    _counts("profile.offered", "Times an action was offered, by action key."),
    _counts("profile.taken", "Times an action was taken, by action key."),
    _counts("profile.refused", "Times an action was refused, by action key."),
    _days("profile.days_since_refused", "Days since an action was refused, by action key."),
    Field(
        "profile.contacts_7d", "int", "Contacts under any cap in the last 7 days, planned ones too."
    ),
    Field(
        "profile.contacts_30d",
        "int",
        "Contacts under any cap in the last 30 days, planned ones too.",
    ),
    Field(
        "profile.groups",
        "map<string,string>",
        "Id of the group she belongs to, by kind of group; of several the one joined last.",
        "",
    ),
    Field("group.members", "map<string,int>", "Members of her group, by kind. Not in segments.", 0),
    Field("group.traits", "map<string,dyn>", "Traits of her group, by kind. Not in segments."),
    Field("conversation.last_intent", "string", "Name of the last event the customer caused."),
    Field("conversation.last_channel", "string", "Channel of the last event."),
    Field("conversation.turns", "int", "Turns remembered of the conversation, both sides."),
    Field("conversation.cart_items", "int", "Items in the open cart."),
    Field("conversation.cart_total", "double", "Value of the open cart, in the book currency."),
    Field("conversation.open_cart", "bool", "Whether a cart is open."),
    Field(
        "event.type",
        "string",
        "`track`, `identify` …; `decide` for a question, `timer` after a wait.",
    ),
    Field(
        "event.name",
        "string",
        "Name of the event such as `Order Completed`; after a wait, of the one that began it.",
    ),
    Field("event.channel", "string", "Channel the event came from."),
    Field(
        "event.properties",
        "map<string,dyn>",
        "Properties of the event; after a wait, the short ones.",
    ),
    Field("event.traits", "map<string,dyn>", "Traits that the event itself carries."),
    Field("event.late", "bool", "Whether it arrived after later events of the customer."),
    Field("now.hour", "int", "Hour of the day, 0 to 23, where the customer is."),
    Field("now.weekday", "int", "Day of the week, 0 is Monday, where the customer is."),
    Field("now.day", "int", "Day of the month, from 1, where the customer is."),
    Field("now.month", "int", "Month, 1 to 12, where the customer is."),
    Field("instance", "map<string,dyn>", "Data of the scenario's instance. In scenarios only."),
    Field("attributes", "map<string,any>", "Declared attributes, by name: docs/attributes.md."),
    Field("segments", "list<string>", "Names of the segments that hold. Not in segment rules."),
    Field("tier", "string", "Name of the customer's tier. Not in segment rules."),
)

CATALOGUE: dict[str, Field] = {field.path: field for field in FIELDS}
ROOTS = frozenset(path.split(".", 1)[0] for path in CATALOGUE)
ATTRIBUTES = "attributes"
"""The field whose keys, and their types, the playbook itself declares."""
OF_GROUPS = frozenset({"group.members", "group.traits"})
"""Fields of the record that a group's members share: others change it, so segments cannot use it."""
INSTANCE = "instance"
"""The field that only scenarios, and the texts of actions that they propose, may use."""
AFTER_SEGMENTS = frozenset({"segments", "tier"})
"""Fields that are made from segments, so segment rules cannot use them."""


def resolve(parts: tuple[str, ...]) -> tuple[Field | None, tuple[str, ...]]:
    """Split dotted parts into the catalogue's field and what is looked up inside it."""
    for length in (2, 1):
        field = CATALOGUE.get(".".join(parts[:length]))
        if field is not None:
            return field, parts[length:]
    return None, parts
