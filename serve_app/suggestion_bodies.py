"""Body and reply of a question for what goes with a basket."""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from actors.suggestions.model import MAX_BASKET, MAX_ITEM

MAX_SUGGESTED = 50
_STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(_STRICT)
class SuggestIn(TypedDict):
    """A basket: ids of items, as `product_id` of orders has them. `max` is 5 when absent."""

    basket: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_ITEM)]], Field(max_length=MAX_BASKET)
    ]
    max: NotRequired[Annotated[int, Field(ge=1, le=MAX_SUGGESTED)] | None]


class SuggestedItem(TypedDict):
    """An item; `score` says how near it is to the whole basket, 0 for a best-seller."""

    item: str
    name: str
    score: float


class SuggestOut(TypedDict):
    """The items, nearest first.

    `basis` is `together` for what is bought together with the basket, `best_sellers` where nothing in it
    is known, `none` where no model was fitted yet.
    """

    basis: Literal["together", "best_sellers", "none"]
    items: list[SuggestedItem]


SUGGEST = TypeAdapter(SuggestIn)
INPUTS = (SuggestIn,)
TYPES = (SuggestOut,)
