"""Sends effects as e-mails by SMTP, with one-click unsubscribe (RFC 8058)."""

import asyncio
import json
import re
import smtplib
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Any, Literal

from actors.ports import Delivery, DeliveryStatus

Security = Literal["starttls", "tls", "none"]

_SUBJECT, _HTML = ("subject", "title"), ("html",)
_TEXT = ("text", "body", "message", "description")
_SPACE = re.compile(r"[\x00-\x20\x7f]+")
_TAG = re.compile(r"<[^>]*>")
_SOFT = re.compile(r"\b5\.(2\.2|2\.3|3\.\d+|7\.\d+)\b")
"""Refusals for good of a message, not of an address: a full mailbox, too large, a full system, a policy."""

_RECIPIENT_UNKNOWN = frozenset({550, 551, 553, 521, 556})


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where mail goes in. Without a user nothing authenticates; `timeout_s` is for each step."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = ""
    timeout_s: float = 15.0
    connections: int = 4
    context: ssl.SSLContext | None = None


class EmailChannel:
    """Delivers effects as messages to the customer's address.

    2xx is DELIVERED. 4xx, a failed login and every fault of the network are RETRY; a recipient that is
    refused for good, or a message, is REFUSED, and a bounce. No address is REFUSED. The effect key stands in
    `Message-ID` and `Righttime-Effect`, the same at every attempt, so that a receiver can tell a repetition.
    """

    def __init__(
        self,
        server: SmtpServer,
        sender: str,
        *,
        now: Callable[[], float],
        unsubscribe_url: Callable[[str], str],
        reply_to: str = "",
    ) -> None:
        """Prepare; nothing is opened before the first delivery.

        Args:
            server: How to reach it.
            sender: `From`, such as `Shop <news@shop.example>`.
            now: Seconds since 1970 on the machine clock.
            unsubscribe_url: The link of one effect, by its key.
            reply_to: `Reply-To`, when it is not the sender.

        Raises:
            ValueError: An address cannot be used.
        """
        self._server = server
        self._from = _address(sender)
        self._reply_to = _address(reply_to) if reply_to else None
        self._now = now
        self._unsubscribe_url = unsubscribe_url
        self._pool = ThreadPoolExecutor(server.connections, thread_name_prefix="smtp")
        self._local = threading.local()
        self._open: set[smtplib.SMTP] = set()

    async def deliver(self, effect_key: str, body: bytes, attempt: int) -> Delivery:
        """Send once. Never raises for what the server or the network does."""
        fields = json.loads(body)
        to = recipient_of(fields)
        if to is None:
            return Delivery(DeliveryStatus.REFUSED, "the customer has no usable e-mail address")
        try:
            message = self._message(effect_key, fields, to)
        except (ValueError, MessageError, HeaderParseError) as error:
            detail = f"the content makes no message: {type(error).__name__}"
            return Delivery(DeliveryStatus.REFUSED, detail)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._send, message, to.addr_spec)

    async def close(self) -> None:
        """Close connections; what is under way is waited for."""
        await asyncio.to_thread(self._pool.shutdown)
        for connection in self._open:
            connection.close()
        self._open.clear()

    def _message(self, effect_key: str, fields: Mapping[str, Any], to: Address) -> EmailMessage:
        content = fields.get("content") or {}
        message = EmailMessage()
        message["From"] = self._from
        message["To"] = to
        if self._reply_to is not None:
            message["Reply-To"] = self._reply_to
        message["Subject"] = _one_line(_first(content, _SUBJECT)) or fields["action"]
        message["Date"] = formatdate(self._now())
        message["Message-ID"] = f"<{effect_key}@{self._from.domain}>"
        message["Righttime-Effect"] = effect_key
        message["Auto-Submitted"] = "auto-generated"
        link = self._unsubscribe_url(effect_key)
        message["List-Unsubscribe"] = f"<{link}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        html = _first(content, _HTML)
        text = _first(content, _TEXT) or _TAG.sub("", html) or _one_line(_first(content, _SUBJECT))
        message.set_content(f"{text}\n\n-- \nUnsubscribe: {link}\n")
        if html:
            message.add_alternative(html, subtype="html")
        return message

    def _send(self, message: EmailMessage, to: str) -> Delivery:
        """Send on this thread's connection; whatever goes wrong closes it."""
        try:
            connection = self._connected()
            refused = connection.send_message(message, self._from.addr_spec, [to])
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            self._drop()
            return _judged(code, _text(said), recipient=True)
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            return Delivery(DeliveryStatus.RETRY, f"the login was refused with {error.smtp_code}")
        except smtplib.SMTPConnectError as error:
            self._drop()
            return Delivery(DeliveryStatus.RETRY, f"the server greeted with {error.smtp_code}")
        except smtplib.SMTPResponseException as error:
            self._drop()
            return _judged(error.smtp_code, _text(error.smtp_error), recipient=False)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self._drop()
            return Delivery(DeliveryStatus.RETRY, f"cannot send: {type(error).__name__}")
        if refused:
            raise AssertionError("one recipient is refused whole or not at all")
        return Delivery(DeliveryStatus.DELIVERED)

    def _connected(self) -> smtplib.SMTP:
        """Return this thread's connection, opened anew when it has died meanwhile."""
        known: smtplib.SMTP | None = getattr(self._local, "connection", None)
        if known is not None:
            try:
                if known.noop()[0] == 250:
                    return known
            except (smtplib.SMTPException, OSError):
                pass
            self._drop()
        connection = self._connect()
        self._local.connection = connection
        self._open.add(connection)
        return connection

    def _connect(self) -> smtplib.SMTP:
        server, name = self._server, self._from.domain  # else it asks the network for our own name
        context = server.context or ssl.create_default_context()
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=server.timeout_s, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, name, timeout=server.timeout_s)
        try:
            if server.security == "starttls":
                connection.starttls(context=context)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        connection: smtplib.SMTP | None = getattr(self._local, "connection", None)
        if connection is not None:
            self._open.discard(connection)
            connection.close()
            self._local.connection = None


def recipient_of(fields: Mapping[str, Any]) -> Address | None:
    """Return the address of a body: the one for its channel, else the identity of kind `email`."""
    identities = fields.get("identities")
    known = identities.get("email") if isinstance(identities, dict) else None
    for text in (fields.get("address"), known):
        if isinstance(text, str) and text:
            try:
                return _address(text)
            except ValueError:
                continue
    return None


def _address(text: str) -> Address:
    """Read an address.

    Raises:
        ValueError: It is none, or none that may stand in a header.
    """
    name, spec = parseaddr(text)
    if not text.isprintable() or not spec or "@" not in spec or _SPACE.search(spec):
        raise ValueError(f"{len(text)} characters are no e-mail address")
    try:
        return Address(_one_line(name), addr_spec=spec)
    except (HeaderParseError, IndexError) as error:
        raise ValueError("no e-mail address") from error


def _judged(code: int, said: str, *, recipient: bool) -> Delivery:
    """Return what a refusal means; what the server said is not repeated, for it names the recipient."""
    detail = f"the server answered {code}"
    if not 500 <= code < 600:
        return Delivery(DeliveryStatus.RETRY, detail)
    hard = recipient and code in _RECIPIENT_UNKNOWN and not _SOFT.search(said)
    return Delivery(DeliveryStatus.REFUSED, detail, bounce="hard" if hard else "soft")


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _first(content: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = content.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
