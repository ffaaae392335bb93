"""Every port of a running system is in docs/security.md, and asks for what it says there."""

import re
import stat
from pathlib import Path

import grpc
import psutil
import pytest

from tests.on_ray.conftest import Caller, haproxy_config
from tests.on_ray.listening import Listener, listeners_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(
    r"^\| (?P<who>[^|]+?) \| (?P<port>[^|]+?) \| (?P<where>loopback|all) \|", re.MULTILINE
)


@pytest.fixture(scope="module")
def found(system: Caller) -> list[Listener]:
    return listeners_of(system.child.process.pid)


def documented() -> set[tuple[str, str, str]]:
    text = (
        DOCUMENT.read_text("utf-8").partition("<!-- listeners -->")[2].partition("<!-- end -->")[0]
    )
    return {(row["who"], row["port"], row["where"]) for row in ROW.finditer(text)}


def test_every_listener_is_documented_and_every_one_documented_is_there(system: Caller, found):
    api = system.child.url.rpartition(":")[2]
    seen = {
        (process_of(each), "the API's" if str(each.port) == api else each.shown_port, each.where)
        for each in found
    }

    assert seen - {SPARE} == documented()


SPARE = ("ray::IDLE", "any", "loopback")
"""A worker that Ray has begun and not given anything to do yet: it comes and goes."""


def process_of(each) -> str:
    """Return the process by the name in the document: Ray adds the method that an actor is busy with."""
    return each.who.partition(".")[0] if each.who.startswith("ray::") else each.who


def test_what_listens_beyond_loopback_asks_for_ray_s_token(found):
    outside = [each for each in found if each.where == "all"]

    assert {each.who for each in outside} <= {"ray::ServeReplica"}
    for each in outside:
        assert refusal(each.port, "/ray.serve.ASGIService/HandleRequest") == (
            grpc.StatusCode.UNAUTHENTICATED
        )


def test_ray_s_own_ports_refuse_a_client_without_the_token(found):
    gcs = next(each.port for each in found if each.who == "gcs_server")
    workers = [each.port for each in found if each.who == "ray::CellHost"]

    assert refusal(gcs, "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo") == (
        grpc.StatusCode.UNAUTHENTICATED
    )
    assert workers
    for port in workers:
        assert refusal(port, "/ray.rpc.CoreWorkerService/PushTask") == (
            grpc.StatusCode.UNAUTHENTICATED
        )


def refusal(port: int, method: str) -> grpc.StatusCode | None:
    """Call a method with nothing: no arguments, no token."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(method, lambda data: data, lambda data: data)
        try:
            call(b"", timeout=20)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return None


def test_sockets_and_secrets_in_files_are_their_owner_s_alone(system: Caller):
    config = haproxy_config(system.child.process.pid)

    modes = {
        path: stat.S_IMODE(path.stat().st_mode)
        for path in (
            config.parent,
            config.with_name("admin.sock"),
            Path.home() / ".ray" / "auth_token",
            system.child.key_path,
            system.child.key_path.parent,
        )
    }

    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_no_secret_is_in_an_argument_or_a_log(system: Caller):
    secrets = [
        system.child.key.rpartition("_")[2],
        (Path.home() / ".ray" / "auth_token").read_text(),
    ]
    root = psutil.Process(system.child.process.pid)
    family = [root, *root.children(recursive=True)]
    session = next(
        word.partition("=")[2]
        for process in family
        for word in process.cmdline()
        if word.startswith(("--log_dir=", "--log-dir="))
    )
    logs = [*Path(session).rglob("*"), *system.child.log.parent.rglob("*")]
    texts = {str(path): path.read_text("utf-8", "replace") for path in logs if path.is_file()}
    texts |= {f"argv of {p.pid}": "\0".join(p.cmdline()) for p in family if p.is_running()}

    assert len(texts) > 10
    assert [name for name, text in texts.items() if any(one in text for one in secrets)] == []
