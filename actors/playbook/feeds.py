"""`feeds.yaml` as pydantic models: which changes of a customer are told to which other system."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from actors.domain.actions import OUTCOMES
from actors.playbook.feed_model import ENTERED, LEFT, NO_FEEDS, OUTCOME, Feed, Feeds
from actors.playbook.hints import expected
from actors.playbook.source import Document
from actors.playbook.yaml_types import CONFIG, MAX_ENTRIES, DurationMs, Name, Names, Text

MAX_FEEDS = 16


class FeedModel(BaseModel):
    """A feed; the key in the file is its name. What `segments` and `outcomes` leave out is all."""

    model_config = CONFIG

    description: Text = ""
    channel: Name
    on: Annotated[
        tuple[Literal["segment.entered", "segment.left", "outcome"], ...],
        Field(min_length=1, max_length=3),
    ]
    segments: Names | None = None
    outcomes: Annotated[tuple[str, ...], Field(max_length=MAX_ENTRIES)] | None = None
    expires_after: DurationMs = 7 * 86_400_000


class FeedsFile(BaseModel):
    """`feeds.yaml`."""

    model_config = CONFIG

    feeds: Annotated[dict[Name, FeedModel], Field(max_length=MAX_FEEDS)] = {}


def compile_feeds(file: FeedsFile) -> Feeds:
    """Return what the core uses, each change with the feeds that are told of it."""
    feeds = tuple(
        Feed(
            name=name,
            channel=each.channel,
            on=frozenset(each.on),
            segments=None if each.segments is None else frozenset(each.segments),
            outcomes=None if each.outcomes is None else frozenset(each.outcomes),
            expires_after_ms=each.expires_after,
        )
        for name, each in file.feeds.items()
    )
    if not feeds:
        return NO_FEEDS
    return Feeds(
        entered=tuple(f for f in feeds if ENTERED in f.on),
        left=tuple(f for f in feeds if LEFT in f.on),
        outcome=tuple(f for f in feeds if OUTCOME in f.on),
    )


def check_feeds(documents: Mapping[str, Document], file: FeedsFile) -> None:
    """Report channels, segments and outcomes that there are not, and filters of what is not told."""
    document = documents["feeds.yaml"]
    channels = documents["playbook.yaml"].names("channels")
    segments = documents["segments.yaml"].names("segments")
    for name, feed in file.feeds.items():
        path = ("feeds", name)
        if channels is not None and feed.channel not in channels:
            text = f"unknown channel {feed.channel!r}{expected(feed.channel, channels)}"
            document.report(document.place((*path, "channel")), text)
        for field, named, known in (
            ("segments", feed.segments, segments),
            ("outcomes", feed.outcomes, OUTCOMES),
        ):
            for i, one in enumerate(named or ()):
                if known is not None and one not in known:
                    text = f"unknown {field[:-1]} {one!r}{expected(one, known)}"
                    document.report(document.place((*path, field, i)), text)
        if feed.segments is not None and not {ENTERED, LEFT} & set(feed.on):
            text = "'segments' without 'segment.entered' or 'segment.left' in 'on', expected one"
            document.report(document.key_place((*path, "segments")), text)
        if feed.outcomes is not None and OUTCOME not in feed.on:
            text = "'outcomes' without 'outcome' in 'on', expected it there"
            document.report(document.key_place((*path, "outcomes")), text)
