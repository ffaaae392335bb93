"""Reading, checking, packing and naming playbook bundles."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

import msgpack

from actors.domain.errors import CodecError, PlaybookError
from actors.playbook.compiler import Compiler
from actors.playbook.hints import expected
from actors.playbook.model import Playbook
from actors.playbook.schema import FILES, REQUIRED
from actors.playbook.source import Document, Problem, parse

MAX_BUNDLE_BYTES = 1_000_000
_FORMAT = 1
_SUFFIXES = (".yaml", ".yml")

Bundle = Mapping[str, str]
"""File names to texts."""


def read_bundle(directory: Path) -> Bundle:
    """Read the YAML files of a directory; other files, and folders in it, are left alone.

    Raises:
        PlaybookError: There is no such directory, it holds no YAML, or a file cannot be read.
    """
    if not directory.is_dir():
        raise PlaybookError((f"{directory}:1:1: is not a directory, expected a playbook's",))
    paths = sorted(p for p in directory.iterdir() if p.suffix in _SUFFIXES and p.is_file())
    if sum(path.stat().st_size for path in paths) > MAX_BUNDLE_BYTES:
        raise PlaybookError((_too_large(str(directory)),))
    return _read(paths, str(directory))


def library_names() -> tuple[str, ...]:
    """Return the names of the playbooks that come with Righttime."""
    root = resources.files("actors.playbook.library")
    return tuple(
        sorted(each.name for each in root.iterdir() if each.joinpath("playbook.yaml").is_file())
    )


def library(name: str) -> Bundle:
    """Return a playbook that comes with Righttime.

    Raises:
        PlaybookError: There is none of that name; the message has the nearest.
    """
    names = library_names()
    if name not in names:
        raise PlaybookError((f"unknown playbook {name!r}{expected(name, names)}",))
    root = resources.files("actors.playbook.library").joinpath(name)
    paths = sorted((p for p in root.iterdir() if p.name.endswith(_SUFFIXES)), key=lambda p: p.name)
    return _read(paths, name)


def compile_bundle(bundle: Bundle) -> Playbook:
    """Compile a bundle; one that was compiled lately gives the same playbook again.

    Raises:
        PlaybookError: With all its problems, in the order of files, lines and columns.
    """
    return _compiled(tuple(bundle.items()))


@lru_cache(maxsize=4)
def _compiled(files: tuple[tuple[str, str], ...]) -> Playbook:
    bundle = dict(files)
    problems = _unfit(bundle)
    documents = {name: parse(name, _plain(bundle[name])) for name in FILES if name in bundle}
    for name in REQUIRED:
        if name not in bundle:
            documents[name] = Document(name, "")
            documents[name].report((1, 1), f"missing file {name!r}, expected in every playbook")
    playbook = Compiler(documents).compile(version_of(bundle))
    for document in documents.values():
        problems += document.problems
    if playbook is None or problems:
        order = {name: i for i, name in enumerate(FILES)}
        problems.sort(key=lambda p: (order.get(p.file, len(order)), p))
        raise PlaybookError(tuple(dict.fromkeys(map(str, problems))))
    return playbook


def bundle_bytes(bundle: Bundle) -> bytes:
    """Pack a bundle; equal bundles give equal bytes, whatever their order and line ends."""
    files = [[name, _plain(bundle[name])] for name in sorted(bundle)]
    packed: bytes = msgpack.packb([_FORMAT, files])
    return packed


def bundle_from_bytes(data: bytes) -> Bundle:
    """Read back what `bundle_bytes` packed.

    Raises:
        CodecError: These bytes are no bundle, or one of a newer format.
    """
    try:
        unpacked: Any = msgpack.unpackb(data)
        version, files = unpacked
        bundle = dict(files)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise CodecError("these bytes are not a playbook bundle") from error
    texts = [*bundle, *bundle.values()]
    if version != _FORMAT or not all(isinstance(text, str) for text in texts):
        raise CodecError(f"unknown format {version!r} of a playbook bundle, expected {_FORMAT}")
    return bundle


def version_of(bundle: Bundle) -> str:
    """Return the declared version, `+`, and ten hex digits of the bundle's hash.

    Two bundles of one version that differ in anything therefore have different names. A bundle that
    declares none is named `unversioned`.
    """
    declared = parse("playbook.yaml", _plain(bundle.get("playbook.yaml", ""))).value(("version",))
    name = declared if isinstance(declared, str) else "unversioned"
    return f"{name}+{sha256(bundle_bytes(bundle)).hexdigest()[:10]}"


def _read(paths: list[Any], where: str) -> Bundle:
    bundle: dict[str, str] = {}
    for path in paths:
        data = path.read_bytes()
        try:
            bundle[path.name] = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = data[: error.start]
            line = before.count(b"\n") + 1
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
            text = f"{path.name}:{line}:{column}: found bytes that are not UTF-8"
            raise PlaybookError((text,)) from error
    if not bundle:
        raise PlaybookError((f"{where}:1:1: holds no YAML file, expected {', '.join(FILES)}",))
    return bundle


def _unfit(bundle: Bundle) -> list[Problem]:
    """Return what is wrong before any file is looked into."""
    try:
        size = sum(len(name.encode()) + len(text.encode()) for name, text in bundle.items())
    except UnicodeEncodeError as error:
        raise PlaybookError(("bundle:1:1: found text that is not Unicode",)) from error
    if size > MAX_BUNDLE_BYTES:
        raise PlaybookError((_too_large("bundle"),))
    return [
        Problem(name, 1, 1, f"unknown file {name!r}{expected(name, FILES)}")
        for name in sorted(bundle)
        if name not in FILES
    ]


def _too_large(where: str) -> str:
    return f"{where}:1:1: is larger than the {MAX_BUNDLE_BYTES:,} bytes allowed"


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
