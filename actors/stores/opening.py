"""Which store a URL means."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from actors.ports import Store
from actors.stores.memory import MemoryStore
from actors.stores.sqlite import SqliteStore

KEY_SETTING = "id_key"
"""The setting that holds a store's own key for deriving ids; made once, when it is prepared."""

SUPPORTED = "sqlite:///absolute/path/to/file, postgresql://user@host/database and memory://"


def open_store(url: str, *, read_only: bool = False) -> Store:
    """Open the store that a URL names. `memory://` is a new, empty store each time.

    Raises:
        ValueError: The URL names no store that is supported. The message does not repeat the URL,
            which may hold a password.
        StoreUnavailableError: The store cannot be opened.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory" and not parts.netloc and not parts.path:
        return MemoryStore()
    if parts.scheme in ("postgresql", "postgres"):
        from actors.stores.postgres import PostgresStore  # noqa: PLC0415 - who has none need not load it

        return PostgresStore.open(url, read_only=read_only)
    if parts.scheme == "sqlite":
        path = unquote(parts.path)
        absolute = path.startswith("/") and path.strip("/")
        if parts.netloc or parts.query or parts.fragment or not absolute:
            raise ValueError(f"a sqlite URL needs three slashes and an absolute path: {SUPPORTED}")
        # Four slashes, as SQLAlchemy has it, mean the same; SQLite would take the path for a host.
        return SqliteStore.open(Path("/" + path.lstrip("/")), read_only=read_only)
    raise ValueError(f"stores of kind {parts.scheme!r} are not supported, expected {SUPPORTED}")
