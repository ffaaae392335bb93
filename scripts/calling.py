"""How commands call a running system with a key from a file."""

from pathlib import Path
from typing import Any

from scripts.demo.client import read_key
from scripts.output import Failure


def call(
    url: str,
    path: str,
    key_file: Path,
    wish: dict[str, Any] | None = None,
    timeout_s: float = 10,
    method: str = "",
) -> tuple[int, Any]:
    """Get a path, or post a wish to it unless `method` says otherwise; return the status and the body, None when it is no JSON.

    Raises:
        Failure: Nobody answers, or the key is not accepted.
    """
    import httpx

    headers = {"Authorization": f"Bearer {read_key(key_file)}"}
    method = method or ("GET" if wish is None else "POST")
    try:
        reply = httpx.request(
            method, url.rstrip("/") + path, json=wish, headers=headers, timeout=timeout_s
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Failure(f"nobody answers at {url} ({type(error).__name__})") from error
    if reply.status_code in {401, 403}:
        raise Failure(f"{url} does not accept the key in {key_file} (status {reply.status_code})")
    try:
        return reply.status_code, reply.json()
    except ValueError:
        return reply.status_code, None
