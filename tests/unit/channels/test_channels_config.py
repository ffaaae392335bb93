import asyncio
import base64

import pytest

from actors.channels.config import ChannelsConfig, build_channels, load_config
from actors.channels.file import FileChannel
from actors.channels.stream import StreamChannel
from actors.channels.webhook import WebhookChannel
from actors.domain.errors import ChannelConfigError
from actors.ports import DeliveryStatus

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def now():
    return 1_700_000_000.0


def config_of(tmp_path, text):
    path = tmp_path / "channels.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_nothing_configured_writes_a_file_per_channel(tmp_path):
    channels = build_channels(load_config(tmp_path / "channels.yaml"), tmp_path, now=now)

    async def scenario():
        for name in ("email", "call_center"):
            await channels[name].deliver("e_1", b'{"effectKey":"e_1"}', 1)
        await channels.close()

    asyncio.run(scenario())

    files = sorted(path.name for path in (tmp_path / "outbox").iterdir())
    assert files == ["call_center.jsonl", "email.jsonl"]


@pytest.mark.parametrize(
    "name",
    ["..", ".", "", "../x", "a/b", "a\\b", "/etc/passwd", ".hidden", "x\0", "x\n", "é", "a" * 65],
)
def test_a_channel_name_cannot_leave_the_folder(tmp_path, name):
    channels = build_channels(ChannelsConfig(), tmp_path, now=now)

    with pytest.raises(KeyError):
        channels[name]
    with pytest.raises(ChannelConfigError, match="name"):
        build_channels(
            ChannelsConfig.model_validate({"channels": {name: {"kind": "stream"}}}),
            tmp_path,
            now=now,
        )


def test_every_kind_is_built_from_yaml(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "email.secret").write_text(SECRET + "\n", encoding="utf-8")
    config = config_of(
        tmp_path,
        "channels:\n"
        "  email:\n"
        "    kind: webhook\n"
        "    url: https://mail.example/hooks\n"
        "    secretFiles: [keys/email.secret]\n"
        "    allowPrivate: true\n"
        "    timeoutS: 5\n"
        "  web: {kind: stream}\n"
        "  store: {kind: file, path: till.jsonl}\n",
    )

    channels = build_channels(config, tmp_path, now=now)

    assert [type(channels[name]) for name in ("email", "web", "store")] == [
        WebhookChannel,
        StreamChannel,
        FileChannel,
    ]
    with pytest.raises(KeyError):  # something is listed, so an omission is a mistake
        channels["sms"]


def test_unlisted_channels_can_be_written_to_files_on_purpose(tmp_path):
    config = config_of(tmp_path, "unlisted: file\nchannels: {web: {kind: stream}}\n")

    channels = build_channels(config, tmp_path, now=now)

    assert isinstance(channels["sms"], FileChannel)
    assert channels["sms"] is channels["sms"]


def test_unlisted_channels_can_be_parked_even_when_nothing_is_listed(tmp_path):
    channels = build_channels(config_of(tmp_path, "unlisted: park\n"), tmp_path, now=now)

    with pytest.raises(KeyError):
        channels["sms"]


def test_an_empty_file_configures_nothing(tmp_path):
    assert config_of(tmp_path, "# nothing yet\n") == ChannelsConfig()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channels: [", "channels.yaml:1:12: not YAML"),
        ("channels: {a: {kind: fax}}", "channels.a: "),
        ("channels: {a: {kind: stream, url: x}}", "channels.a.stream.url"),
        ("channels: {a: {kind: webhook, url: x, secretFiles: []}}", "secretFiles"),
        ("chanels: {}", "chanels"),
        ("[]", "file: "),
        ("a: 1\na: 2\n", "not YAML"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, said):
    with pytest.raises(ChannelConfigError) as caught:
        config_of(tmp_path, text)

    assert said in str(caught.value)


def webhook(url="https://mail.example/hooks", **changes):
    settings = {"kind": "webhook", "url": url, "secretFiles": ["secret"]} | changes
    return ChannelsConfig.model_validate({"channels": {"email": settings}})


@pytest.mark.parametrize(
    ("secret", "url", "said"),
    [
        (None, "https://mail.example/", "No such file"),
        ("", "https://mail.example/", "starts with 'whsec_'"),
        ("whsec_", "https://mail.example/", "24 to 64 bytes"),
        ("whsec_AAAA", "https://mail.example/", "this one has 3"),
        ("whsec_!!!!", "https://mail.example/", "base64"),
        (SECRET, "ftp://mail.example/", "http or https"),
        (SECRET, "mail.example", "http or https"),
        (SECRET, "https://u:p@mail.example/", "no user name"),
        (SECRET, "http://127.0.0.1/", "private"),
        (SECRET, "http://169.254.169.254/latest", "private"),
        (SECRET, "http://[::1]:8000/", "private"),
        (SECRET, "http://[::ffff:10.0.0.1]/", "private"),
        (SECRET, "http://2130706433/", "usual form"),
        (SECRET, "http://127.1/", "usual form"),
    ],
)
def test_an_unusable_webhook_is_refused_when_it_is_built(tmp_path, secret, url, said):
    if secret is not None:
        (tmp_path / "secret").write_text(secret, encoding="utf-8")

    with pytest.raises(ChannelConfigError, match="channel 'email': ") as caught:
        build_channels(webhook(url), tmp_path, now=now)

    assert said in str(caught.value)
    assert secret is None or len(secret) < 5 or secret not in str(caught.value)


def test_a_private_address_is_taken_when_it_is_allowed(tmp_path):
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")

    channels = build_channels(webhook("http://127.0.0.1:9/", allowPrivate=True), tmp_path, now=now)

    assert isinstance(channels["email"], WebhookChannel)


def test_the_stream_channel_settles_at_once():
    delivery = asyncio.run(StreamChannel().deliver("e_1", b"{}", 1))

    assert delivery.status is DeliveryStatus.DELIVERED
