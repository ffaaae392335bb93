"""E-mails to a real SMTP server in this process."""

import asyncio
import json
import smtplib
import ssl
import subprocess
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from actors.channels.config import ChannelsConfig, build_channels, load_config
from actors.channels.email import EmailChannel, SmtpServer
from actors.domain.errors import ChannelConfigError
from actors.ports import DeliveryStatus
from tests.unit.channels.outbox_fakes import key

NOW_S = 1_800_000_000.0
LINK = "https://crm.example/v1/unsubscribe/"


class Mailbox:
    """Keeps what it is sent; answers RCPT and DATA as told."""

    def __init__(self, *, rcpt="250 OK", data="250 OK"):
        self.rcpt, self.data = rcpt, data
        self.got = []
        self.peers = set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.peers.add(session.peer)
        if self.data.startswith("250"):
            parsed = message_from_bytes(envelope.content, policy=policy.default)
            self.got.append((envelope.mail_from, envelope.rcpt_tos, parsed))
        return self.data


@contextmanager
def serving(mailbox, ssl_context=None, **options):
    """Run a server in a thread; yield its port."""
    loop, ready, smtps = asyncio.new_event_loop(), threading.Event(), []

    def make():
        smtps.append(SMTP(mailbox, hostname="mx", loop=loop, **options))
        return smtps[-1]

    async def begin():
        server = await loop.create_server(make, "127.0.0.1", 0, ssl=ssl_context)
        ready.set()
        return server

    async def end(server):
        server.close()
        for made in smtps:
            if made.transport is not None:
                made.transport.abort()
        await asyncio.sleep(0.01)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.01)

    task = loop.create_task(begin())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    ready.wait(5)
    try:
        yield task.result().sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(end(task.result()))
        loop.close()


@contextmanager
def channel(port, **changes):
    settings = {"host": "127.0.0.1", "port": port, "security": "none", "timeout_s": 5} | changes
    made = EmailChannel(
        SmtpServer(**settings),
        "Der Laden <news@shop.example>",
        now=lambda: NOW_S,
        unsubscribe_url=lambda effect_key: LINK + effect_key,
    )
    try:
        yield made
    finally:
        asyncio.run(made.close())


def body(**fields):
    content = {"subject": "Zwölf %\r\nBcc: x@evil.example", "text": "Grüße", "html": "<p>Grüße</p>"}
    given = {"action": "a/b/c", "content": content, "address": "ann@example.org"} | fields
    return json.dumps(given).encode()


def deliver(made, *bodies):
    async def all_of_them():
        return [await made.deliver(key(n), each, 1) for n, each in enumerate(bodies, 1)]

    return asyncio.run(all_of_them())


def test_a_message_arrives_with_its_key_and_one_click_to_unsubscribe():
    mailbox = Mailbox()
    with serving(mailbox) as port, channel(port) as made:
        (delivery,) = deliver(made, body())

    assert delivery.status is DeliveryStatus.DELIVERED
    ((sender, to, message),) = mailbox.got
    assert (sender, to) == ("news@shop.example", ["ann@example.org"])
    assert message["From"] == "Der Laden <news@shop.example>"
    assert message["Subject"] == "Zwölf % Bcc: x@evil.example"
    assert message["Bcc"] is None
    assert message["Message-ID"] == f"<{key(1)}@shop.example>"
    assert message["Righttime-Effect"] == key(1)
    assert message["List-Unsubscribe"] == f"<{LINK}{key(1)}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Date"].datetime.timestamp() == NOW_S
    assert message.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    text = message.get_body(("plain",)).get_content()
    assert text.startswith("Grüße")
    assert LINK + key(1) in text


def test_a_connection_serves_many_messages_and_a_dead_one_is_replaced():
    mailbox = Mailbox()
    with serving(mailbox) as port, channel(port, connections=1) as made:
        deliver(made, body(), body(), body())
        assert len(mailbox.peers) == 1
        (open_now,) = made._open
        open_now.sock.shutdown(2)

        (after,) = deliver(made, body())

    assert after.status is DeliveryStatus.DELIVERED
    assert (len(mailbox.peers), len(mailbox.got)) == (2, 4)


@pytest.mark.parametrize(
    ("mailbox", "status", "bounce"),
    [
        (Mailbox(rcpt="450 4.2.1 later"), DeliveryStatus.RETRY, ""),
        (Mailbox(rcpt="550 5.1.1 nobody here"), DeliveryStatus.REFUSED, "hard"),
        (Mailbox(rcpt="550 5.7.1 we do not like you"), DeliveryStatus.REFUSED, "soft"),
        (Mailbox(rcpt="552 5.2.2 full"), DeliveryStatus.REFUSED, "soft"),
        (Mailbox(data="451 4.3.0 later"), DeliveryStatus.RETRY, ""),
        (Mailbox(data="554 5.6.0 spam"), DeliveryStatus.REFUSED, "soft"),
        (Mailbox(data="421 4.3.2 closing"), DeliveryStatus.RETRY, ""),
    ],
    ids=lambda value: f"{value.rcpt}-{value.data}" if isinstance(value, Mailbox) else "",
)
def test_a_refusal_is_for_now_or_for_good(mailbox, status, bounce):
    with serving(mailbox) as port, channel(port) as made:
        (delivery,) = deliver(made, body())
        mailbox.rcpt = mailbox.data = "250 OK"
        (after,) = deliver(made, body())

    assert (delivery.status, delivery.bounce) == (status, bounce)
    assert "example.org" not in delivery.detail
    assert after.status is DeliveryStatus.DELIVERED


def test_nobody_listening_is_tried_again():
    with serving(Mailbox()) as port:
        pass
    with channel(port) as made:
        (delivery,) = deliver(made, body())

    assert delivery.status is DeliveryStatus.RETRY


@pytest.mark.parametrize(
    ("fields", "to"),
    [
        ({"address": "", "identities": {"email": "bob@example.org"}}, ["bob@example.org"]),
        (
            {"address": "no address", "identities": {"email": "bob@example.org"}},
            ["bob@example.org"],
        ),
        ({"address": "Ann <ann@example.org>"}, ["ann@example.org"]),
        ({"address": ""}, None),
        ({"address": "a@b\r\nRCPT TO:<x@evil.example>"}, None),
        ({"address": 7, "identities": None}, None),
    ],
)
def test_a_message_goes_to_one_usable_address_or_to_none(fields, to):
    mailbox = Mailbox()
    with serving(mailbox) as port, channel(port) as made:
        (delivery,) = deliver(made, body(**fields))

    assert [tos for _, tos, _ in mailbox.got] == ([] if to is None else [to])
    assert (delivery.status is DeliveryStatus.REFUSED) is (to is None)
    assert delivery.bounce == ""


def test_content_without_text_is_written_all_the_same():
    mailbox = Mailbox()
    with serving(mailbox) as port, channel(port) as made:
        deliver(made, body(content={}), body(content={"html": "<b>Nur</b> so"}))

    plain, html = [message for _, _, message in mailbox.got]
    assert plain["Subject"] == "a/b/c"
    assert html.get_body(("plain",)).get_content().startswith("Nur so")


def login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"shop", b"secret"))


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize(("password", "ok"), [("secret", True), ("wrong", False)])
def test_a_server_that_asks_for_a_login_gets_it(password, ok):
    mailbox = Mailbox()
    options = {"authenticator": login, "auth_required": True, "auth_require_tls": False}
    with (
        serving(mailbox, **options) as port,
        channel(port, user="shop", password=password) as made,
    ):
        (delivery,) = deliver(made, body())

    expected = DeliveryStatus.DELIVERED if ok else DeliveryStatus.RETRY
    assert (delivery.status, delivery.bounce, len(mailbox.got)) == (expected, "", ok)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(files[0]), "-out", str(files[1])],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_connection_is_encrypted_to_a_server_that_proves_its_name(certificate, security, trusted):
    keyfile, certfile = certificate
    serverside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serverside.load_cert_chain(certfile, keyfile)
    options = (
        {"tls_context": serverside, "require_starttls": True}
        if security == "starttls"
        else {"ssl_context": serverside}
    )
    clientside = ssl.create_default_context(cafile=str(certfile)) if trusted else None
    mailbox = Mailbox()
    with (
        serving(mailbox, **options) as port,
        channel(port, security=security, context=clientside) as made,
    ):
        (delivery,) = deliver(made, body())

    expected = DeliveryStatus.DELIVERED if trusted else DeliveryStatus.RETRY
    assert (delivery.status, len(mailbox.got)) == (expected, trusted)


def test_a_server_without_encryption_is_not_spoken_to_when_it_is_wanted():
    mailbox = Mailbox()
    with serving(mailbox) as port, channel(port, security="starttls") as made:
        (delivery,) = deliver(made, body())

    assert (delivery.status, mailbox.got) == (DeliveryStatus.RETRY, [])
    assert smtplib.SMTPNotSupportedError.__name__ in delivery.detail


YAML = """
channels:
  email:
    kind: email
    host: 127.0.0.1
    port: {port}
    security: none
    from: Shop <news@shop.example>
    unsubscribeBase: https://crm.example/
"""


def test_a_channel_is_made_from_its_configuration(tmp_path):
    mailbox = Mailbox()
    with serving(mailbox) as port:
        file = tmp_path / "channels.yaml"
        file.write_text(YAML.format(port=port))
        channels = build_channels(load_config(file), tmp_path, now=lambda: NOW_S, secret=b"k" * 32)
        deliver(channels["email"], body())
        asyncio.run(channels.close())

    link = mailbox.got[0][2]["List-Unsubscribe"]
    assert link.startswith(f"<https://crm.example/v1/unsubscribe/{key(1)}.")


@pytest.mark.parametrize(
    ("changes", "secret"),
    [
        ({}, b""),
        ({"from": "nobody"}, b"k"),
        ({"user": "shop"}, b"k"),
        ({"user": "shop", "passwordFile": "missing"}, b"k"),
    ],
)
def test_a_channel_that_cannot_be_made_says_so_at_once(tmp_path, changes, secret):
    settings = {"kind": "email", "host": "h", "from": "a@b.example"}
    settings |= {"unsubscribeBase": "https://crm.example"} | changes
    config = ChannelsConfig.model_validate({"channels": {"email": settings}})

    with pytest.raises(ChannelConfigError, match="email"):
        build_channels(config, tmp_path, now=lambda: NOW_S, secret=secret)
