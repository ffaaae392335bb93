"""`channels.yaml`: where the effects of each channel go.

```yaml
channels:
  email: {kind: webhook, url: "https://mail.example/hooks", secretFiles: [keys/email.secret]}
  news:  {kind: email, host: smtp.example, from: "Shop <news@shop.example>", user: shop,
          passwordFile: keys/smtp.password, unsubscribeBase: "https://crm.shop.example"}
  web:   {kind: stream}
  store: {kind: file}
unlisted: park
```
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from actors.channels.email import EmailChannel, Security, SmtpServer
from actors.channels.file import FileChannel
from actors.channels.stream import StreamChannel
from actors.channels.unsubscribing import token_of
from actors.domain.errors import ChannelConfigError
from actors.ports import Channel

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

# One path component that is neither hidden nor `..`, on every file system.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class _Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True
    )


class FileSettings(_Settings):
    """JSON lines. `path` is relative to the data directory; default `outbox/<channel>.jsonl`."""

    kind: Literal["file"]
    path: Path | None = None


class WebhookSettings(_Settings):
    """Signed posts. `secret_files` hold one `whsec_…` each, relative to the data directory.

    Two files sign with both secrets, which is how a secret is rotated without a gap.
    """

    kind: Literal["webhook"]
    url: str
    secret_files: tuple[Path, ...] = Field(min_length=1)
    allow_private: bool = False
    timeout_s: float = Field(default=15, gt=0, le=50)


class EmailSettings(_Settings):
    """E-mail by SMTP. `password_file` is relative to the data directory.

    `unsubscribe_base` is where this system's HTTP contract is reached from outside, over https: each message
    carries `<base>/v1/unsubscribe/<token>` (RFC 8058). `port` is by default 587, with `security: tls` 465.
    """

    kind: Literal["email"]
    host: str = Field(min_length=1)
    sender: str = Field(alias="from", min_length=3)
    unsubscribe_base: str = Field(pattern=r"^https?://[^\s<>]+$")
    port: int | None = Field(default=None, ge=1, le=65_535)
    security: Security = "starttls"
    user: str = ""
    password_file: Path | None = None
    reply_to: str = ""
    timeout_s: float = Field(default=15, gt=0, le=50)
    connections: int = Field(default=4, ge=1, le=64)


class StreamSettings(_Settings):
    """Server-sent events only."""

    kind: Literal["stream"]


ChannelSettings = Annotated[
    FileSettings | WebhookSettings | StreamSettings | EmailSettings, Field(discriminator="kind")
]


class ChannelsConfig(_Settings):
    """All outbound channels by name.

    `unlisted` says what becomes of effects for a channel that is not listed: `file` writes them to
    `outbox/<channel>.jsonl`, `park` keeps them where an operator sees them. Default: `file` while
    nothing is listed, else `park`, because then the omission is probably a mistake.
    """

    channels: dict[str, ChannelSettings] = {}
    unlisted: Literal["file", "park"] | None = None

    @property
    def writes_unlisted(self) -> bool:
        """Whether channels that are not listed write files."""
        return self.unlisted == "file" or (self.unlisted is None and not self.channels)


class Channels(dict[str, Channel]):
    """Channels by name; `channels[name]` makes the file of an unlisted one when that is allowed."""

    def __init__(self, listed: Mapping[str, Channel], unlisted_folder: Path | None) -> None:
        super().__init__(listed)
        self._unlisted_folder = unlisted_folder

    def __missing__(self, name: str) -> Channel:
        if self._unlisted_folder is None or not _NAME.fullmatch(name):
            raise KeyError(name)
        channel = self[name] = FileChannel(_file_of(self._unlisted_folder, name))
        return channel

    async def close(self) -> None:
        """Close every channel."""
        await asyncio.gather(*(channel.close() for channel in self.values()))


def load_config(path: Path) -> ChannelsConfig:
    """Read `channels.yaml`; a file that does not exist configures nothing.

    Raises:
        ChannelConfigError: It is not YAML, or says what we do not understand.
    """
    try:
        data: Any = YAML(typ="safe").load(path)
    except FileNotFoundError:
        return ChannelsConfig()
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise ChannelConfigError((f"{path}{at}: not YAML",)) from error
    try:
        return ChannelsConfig.model_validate({} if data is None else data)
    except ValidationError as error:
        raise ChannelConfigError(
            tuple(
                f"{path}: {'.'.join(str(part) for part in problem['loc']) or 'file'}: "
                f"{problem['msg']}"
                for problem in error.errors(include_url=False, include_input=False)
            )
        ) from None


def build_channels(
    config: ChannelsConfig,
    data_dir: Path,
    *,
    now: Callable[[], float],
    resolver: "AbstractResolver | None" = None,
    secret: bytes = b"",
) -> Channels:
    """Make the channels of a configuration; nothing is opened or resolved yet.

    Args:
        config: What `load_config` returned.
        data_dir: Files and secrets live under it; absolute paths of an operator are taken as is.
        now: Seconds since 1970 on the machine clock, for signatures.
        resolver: Looks up the names of webhook endpoints; the system's when None.
        secret: The store's key, under which links to unsubscribe are made; needed for e-mail.

    Raises:
        ChannelConfigError: Names every channel that cannot be built.
    """
    built: dict[str, Channel] = {}
    problems = []
    for name, settings in config.channels.items():
        try:
            if isinstance(settings, EmailSettings):
                built[name] = _email(name, settings, data_dir, now, secret)
            else:
                built[name] = _build(name, settings, data_dir, now, resolver)
        except (ValueError, OSError) as error:
            problems.append(f"channel {name!r}: {error}")
    if problems:
        raise ChannelConfigError(tuple(problems))
    return Channels(built, data_dir if config.writes_unlisted else None)


def _build(
    name: str,
    settings: FileSettings | WebhookSettings | StreamSettings,
    data_dir: Path,
    now: Callable[[], float],
    resolver: "AbstractResolver | None",
) -> Channel:
    _check_name(name)
    match settings:
        case FileSettings():
            path = data_dir / settings.path if settings.path else _file_of(data_dir, name)
            return FileChannel(path)
        case StreamSettings():
            return StreamChannel()
        case WebhookSettings():
            from actors.channels.webhook import (  # noqa: PLC0415 - who posts nothing need not load aiohttp
                WebhookChannel,
            )

            return WebhookChannel(
                settings.url,
                [
                    (data_dir / file).read_text(encoding="utf-8").strip()
                    for file in settings.secret_files
                ],
                now=now,
                resolver=resolver,
                allow_private=settings.allow_private,
                timeout_s=settings.timeout_s,
            )


def _email(
    name: str, settings: EmailSettings, data_dir: Path, now: Callable[[], float], secret: bytes
) -> EmailChannel:
    _check_name(name)
    if not secret:
        raise ValueError("without the store's key no link to unsubscribe can be made")
    if settings.user and settings.password_file is None:
        raise ValueError("a user needs a passwordFile")
    password = ""
    if settings.password_file is not None:
        password = (data_dir / settings.password_file).read_text(encoding="utf-8").strip()
    base = settings.unsubscribe_base.rstrip("/")
    server = SmtpServer(
        host=settings.host,
        port=settings.port or (465 if settings.security == "tls" else 587),
        security=settings.security,
        user=settings.user,
        password=password,
        timeout_s=settings.timeout_s,
        connections=settings.connections,
    )
    return EmailChannel(
        server,
        settings.sender,
        now=now,
        unsubscribe_url=lambda effect_key: f"{base}/v1/unsubscribe/{token_of(secret, effect_key)}",
        reply_to=settings.reply_to,
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("a channel's name is 1 to 64 letters, digits, _, . and -")


def _file_of(data_dir: Path, name: str) -> Path:
    return data_dir / "outbox" / f"{name}.jsonl"
