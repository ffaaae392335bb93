"""A fixed rate of events of one customer, from a process of its own: whoever measures others is not slowed by it."""

import asyncio
import json
import sys
from collections.abc import Iterator

from scripts.bench.load import Target
from scripts.bench.overload_load import Seen, open_loop, payloads


def of_one(run: str) -> Iterator[bytes]:
    """Yield events of one customer, who is none of the others."""
    return (payload.replace(b'"bench-1"', b'"hot"') for payload in payloads(run, 1, 1))


async def flood(target: Target, rate: float, seconds: float, run: str) -> Seen:
    """Send so many events of one customer a second, and return what became of them.

    Raises:
        RuntimeError: The process that sends them failed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.bench.flood"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    # By its input, not its arguments, which everybody on the machine can read: there is a key in it.
    asked = json.dumps([target.url, target.key, rate, seconds, run]).encode()
    said, _ = await process.communicate(asked)
    if process.returncode:
        raise RuntimeError("the process that floods the system failed")
    return Seen.load(json.loads(said))


def main() -> None:
    """Do what stdin says, and print what was seen."""
    url, key, rate, seconds, run = json.load(sys.stdin)
    seen = asyncio.run(open_loop(Target(url, key), rate, seconds, of_one(run)))
    print(json.dumps(seen.dump()))


if __name__ == "__main__":
    main()
