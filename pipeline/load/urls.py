"""Files at a URL that fsspec knows: `s3://`, `gs://`, `memory://` and others."""

import re
from pathlib import Path
from typing import Any

from ..errors import SourceError
from .raw_file import PACKINGS, SUFFIXES, RawFile, RemoteFile, first_line, stem_of

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://", re.ASCII)
_ELSEWHERE = {"hf", "file"}  # the Hub has rules of its own, and a file:// is a path
_MAGIC = re.compile(r"[*?\[]")

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""The extra of this package that a scheme needs."""


def is_url(source: str) -> bool:
    """Whether fsspec is asked for a source."""
    found = _URL.match(source)
    return found is not None and found["scheme"] not in _ELSEWHERE


def local_path(source: str) -> Path:
    """The path that a source is, or that a `file://` URL names."""
    return Path(source.removeprefix("file://"))


def file_system(url: str, what: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it.

    Args:
        url: with its scheme.
        what: it is, for the error.

    Raises:
        SourceError: there is none of this scheme, or what it needs is not installed.
    """
    from fsspec.core import url_to_fs

    scheme = url.partition("://")[0]
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        how = f"pip install 'duplexdata[{extra}]'" if extra else first_line(error)
        raise SourceError(f"cannot reach the {what} {url}: {how}") from error
    except Exception as error:
        raise SourceError(f"cannot reach the {what} {url}: {first_line(error)}") from error
    return system, path


class UrlFile(RemoteFile):
    """A file at a URL."""

    def __init__(self, system: Any, path: str, facts: dict[str, Any]) -> None:
        """Names a file.

        Args:
            system: of fsspec.
            path: in it.
            facts: what it says of the file.
        """
        etag = facts.get("ETag") or facts.get("etag")
        shown = system.unstrip_protocol(path)
        super().__init__(shown, facts["size"], None, str(etag).strip('"') if etag else None)
        self._system, self._path = system, path

    def stream(self, seekable: bool) -> Any:  # noqa: ARG002  # it always is
        """Blocks of it, fetched ahead."""
        return self._system.open(self._path, "rb")


def url_files(url: str) -> list[RawFile]:
    """The files that a URL names, in a fixed order.

    Args:
        url: of a file, a folder (read to its depth), or a glob.

    Raises:
        SourceError: there is no such file, or the store cannot be reached.
    """
    system, path = file_system(url, "source")
    try:
        if _MAGIC.search(path):
            found = system.glob(path, detail=True)
        elif system.isfile(path):
            found = {path: system.info(path)}
        else:
            if system.isfile(f"{path.rstrip('/')}/manifest.json"):
                path = f"{path.rstrip('/')}/data"  # a run's folder: its rows alone
            found = system.find(path, detail=True)
    except Exception as error:
        raise SourceError(
            f"cannot look for the source {url} ({type(error).__name__}: {first_line(error)}): "
            "name a local file or folder, or try --source sample"
        ) from error
    base = path.rstrip("/")
    files = [
        UrlFile(system, one, facts)
        for one, facts in sorted(found.items())
        if facts["type"] == "file"
        and stem_of(one.rpartition("/")[2]) is not None
        and "/." not in one.removeprefix(base)
    ]
    if not files:
        raise SourceError(
            f"no source {url}: there is no file there that ends in {', '.join(SUFFIXES)} "
            f"(or {' or '.join(PACKINGS)} after it); try --source sample"
        )
    return list(files)
