"""Fuzz one target with atheris: `python -m tests.fuzz.atheris_run NAME SECONDS CORPUS KEPT`.

What is new goes to CORPUS; KEPT is read only.
"""

import sys

import atheris

with atheris.instrument_imports(include=["actors", "serve_app"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run until the time is up; exit with another code than 0 at the first fault."""
    name, seconds, corpus, kept = sys.argv[1:]
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={corpus}/fault-", corpus, kept], TARGETS[name]
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
