"""What a source names: the sample, files here, a dataset on the Hub, or files at a URL."""

import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from ..errors import SourceError
from .hub import hub_name, hub_source
from .raw_file import PACKINGS, SUFFIXES, LocalFile, RawFile, stem_of
from .urls import is_url, local_path, url_files

SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Source:
    """A source, and its files in the order in which they are read.

    Attributes:
        given: as it was named.
        files: at least one.
        revision: the commit that is read, of a dataset on the Hub.
        licence: what the card of that dataset says, at that commit.
    """

    given: str
    files: Sequence[RawFile]
    revision: str | None = None
    licence: str | None = None


def find_sources(
    given: Sequence[str],
    pinned: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Source]:
    """The files of every source.

    Args:
        given: each `sample`, a file, a folder (read to its depth), a glob, a dataset on the
            Hub, or a URL.
        pinned: for a dataset on the Hub, the commit that an earlier try of this run read.
        say: tells the user a line.

    Raises:
        SourceError: one of them is not there, or has nothing in it that can be read.
    """
    return [_find(one, (pinned or {}).get(one), say) for one in given]


def _find(given: str, pinned: str | None, say: Callable[[str], None]) -> Source:
    if is_remote(given):
        if is_url(given):
            return Source(given, url_files(given))
        name = hub_name(given)
        assert name is not None  # noqa: S101  # is_remote says so
        revision, there, licence = hub_source(name, pinned, say)
        return Source(given, there, revision, licence)
    if given == SAMPLE:
        return Source(given, [LocalFile(path, SAMPLE) for path in source_files(given)])
    return Source(given, [LocalFile(path, str(path)) for path in source_files(given)])


def is_remote(source: str) -> bool:
    """Whether a source lies elsewhere; what is here under its name wins over the Hub."""
    if is_url(source):
        return True
    path = Path(source)
    return hub_name(source) is not None and (
        source.startswith("hf://")
        or not (glob.has_magic(source) or stem_of(path.name) or is_here(source))
    )


def is_here(name: str) -> bool:
    """Whether a name is that of a path on this machine, there or not, and of nothing elsewhere."""
    path = Path(name)
    try:
        # A path whose folder is here was meant as a path.
        return path.exists() or (path.parent != Path() and path.parent.is_dir())
    except OSError:
        return True  # source_files tells what is wrong


def source_files(source: str) -> list[Path]:
    """The files on this machine that a source names, in a fixed order.

    Args:
        source: `sample`, a file, a folder (read to its depth), or a glob.

    Raises:
        SourceError: there is no such file, or nothing in it that can be read.
    """
    if source == SAMPLE:
        from . import sample

        # An installed package is a folder; as_file then gives the file itself.
        with as_file(files(sample) / "sample.jsonl") as place:
            return [place]
    path = local_path(source)
    try:
        found = _found(str(path), path)
    except OSError as error:
        raise SourceError(f"cannot look for the source {source}: {error.strerror}") from error
    readable = [one for one in found if one.is_file() and stem_of(one.name) is not None]
    if found and not readable:
        raise SourceError(
            f"cannot read {source}: a source file ends in {', '.join(SUFFIXES)} "
            f"(and {' or '.join(PACKINGS)} after it, if it is packed)"
        )
    if not readable:
        raise SourceError(_not_found(source, path))
    for one in readable:
        try:
            str(one).encode()
        except UnicodeEncodeError:
            raise SourceError(f"the name of {str(one)!r} is not UTF-8: rename it") from None
    return readable


def _found(source: str, path: Path) -> list[Path]:
    """The files under a folder, the file, or those that a glob matches."""
    if (path / "manifest.json").is_file() and (path / "data").is_dir():
        path = path / "data"  # a run's folder: its rows, not what stands beside them
    elif (path / "data").is_dir() and (path / ".work").is_dir():
        raise SourceError(
            f"{source} is a run that is not finished: finish it by the command that began it"
        )
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if not _hidden(one.relative_to(path)))
    if path.is_file():
        return [path]
    # Path.glob takes no absolute pattern.
    return sorted(map(Path, glob.glob(source, recursive=True)))  # noqa: PTH207


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _not_found(source: str, path: Path) -> str:
    if path.is_dir():
        return f"the folder {source} holds no file that ends in {', '.join(SUFFIXES)}"
    return (
        f"no source {source}: name a file, a folder or a glob that exists, a dataset on the Hub "
        "(owner/name), or try --source sample"
    )


def local_files(source: str) -> list[Path]:
    """The files of a source that lie on this machine; none of one that lies elsewhere."""
    return [] if is_remote(source) else source_files(source)


def default_name(source: str) -> str:
    """What a run's folder is called after a source; of a glob, its first file's stem."""
    if is_remote(source):
        name = hub_name(source)
        last = name.label if name else source.rstrip("/").rpartition("/")[2]
        return stem_of(last) or last.replace("*", "").strip(".") or "source"
    first = source_files(source)[0] if glob.has_magic(source) else local_path(source)
    return stem_of(first.name) or first.resolve().name
