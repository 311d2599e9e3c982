"""A file of source rows, wherever it lies: what it is called, its size and digest, its bytes."""

import hashlib
import io
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..errors import BuildError, DuplexdataError, SourceError

SUFFIXES = (".jsonl", ".json", ".parquet")
PACKINGS = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class Facts:
    """What tells whether a file is the one that was read.

    Attributes:
        bytes: its size.
        sha256: of its bytes; None where it lies elsewhere and was not read to its end.
        etag: what its store calls this version of it, where that is known.
    """

    bytes: int
    sha256: str | None
    etag: str | None = None


class RawFile(Protocol):
    """The seam between where files lie and how rows are read from them.

    Attributes:
        name: its own name, whose extensions say what it holds.
        shown: what it is called on screen, in rejected.parquet and in a manifest.
        size: in bytes, as it is kept; 0 of one that cannot be had, which its reader tells.
        repository: the Hub id of its repository, if it is of one.
        revision: the commit of that repository.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def shown(self) -> str: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def repository(self) -> str | None: ...  # noqa: D102
    @property
    def revision(self) -> str | None: ...  # noqa: D102

    def open(self, *, seekable: bool) -> io.RawIOBase:
        """Its bytes from the first on, as they are kept (packed ones packed)."""
        ...

    def facts(self) -> Facts:
        """Its size and digest; of a file that lies elsewhere, after it was read."""
        ...


class _HashedFile(io.FileIO):
    """A file whose bytes are hashed as they are read, so that it need not be read twice."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._digest = hashlib.sha256()
        self._hashed = 0

    def seekable(self) -> bool:
        """It is read in order."""
        return False

    def readinto(self, buffer: Any) -> int:
        """Reads some bytes; 0 at its end alone."""
        count = super().readinto(buffer)
        self._digest.update(memoryview(buffer)[:count])
        self._hashed += count
        return count

    def sha256(self, size: int) -> str | None:
        """Of a file of so many bytes; None where it was not read to its end."""
        return self._digest.hexdigest() if self._hashed == size else None


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine; `shown` and the repository where it is a copy of one elsewhere."""

    path: Path
    shown: str
    repository: str | None = None
    revision: str | None = None
    _opened: list[_HashedFile] = field(default_factory=list, init=False, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Its own name."""
        # A copy in the Hub's cache may be called otherwise.
        return self.shown.rpartition("/")[2] if self.repository else self.path.name

    @property
    def size(self) -> int:
        """Its bytes; of one that cannot be had, none."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def open(self, *, seekable: bool) -> io.RawIOBase:
        """Its bytes, unbuffered."""
        self._opened.clear()
        if seekable:
            return io.FileIO(self.path)
        self._opened.append(_HashedFile(self.path))
        return self._opened[0]

    def facts(self) -> Facts:
        """Its size and sha256.

        Raises:
            SourceError: it is gone.
        """
        try:
            size = self.path.stat().st_size
            read = self._opened[0].sha256(size) if self._opened else None
            return Facts(size, read or file_digest(self.path))
        except OSError as error:
            raise SourceError(f"{self.path} went away while it was read: {error}") from error


class RemoteStream(io.RawIOBase):
    """A stream from elsewhere: its troubles are told as ours, and its bytes hashed as they come.

    Attributes:
        sha256: of the whole, once it was read from the first byte to the last in order.
    """

    def __init__(self, stream: Any, shown: str, size: int, trouble: type[DuplexdataError]) -> None:
        """Reads from a stream.

        Args:
            stream: has `read`, `close` and, if it is to be moved in, `seek`.
            shown: what an error calls it.
            size: of the whole, in bytes.
            trouble: what an error is raised as.
        """
        self.sha256: str | None = None
        self._stream, self._shown, self._size, self._trouble = stream, shown, size, trouble
        self._digest: Any = hashlib.sha256()
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Whether it can be moved in."""
        return bool(self._stream.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves in it; its whole is then not hashed."""
        self._digest = None
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Reads some bytes; 0 at its end alone."""
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        try:
            if self._digest is None:
                self._stream.seek(self._position)
            data = self._stream.read(wanted)
        except DuplexdataError:
            raise
        except Exception as error:
            raise self._trouble(
                f"cannot read on in {self._shown}: {type(error).__name__}: {first_line(error)}"
            ) from error
        if not data:
            raise self._trouble(
                f"{self._shown} ended after {self._position:,} of {self._size:,} bytes"
            )
        self._position += len(data)
        if self._digest is not None:
            self._digest.update(data)
            if self._position == self._size:
                self.sha256 = self._digest.hexdigest()
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Lets the connection go."""
        if not self.closed:
            self._stream.close()
            self._stream = None
        super().close()


class RemoteFile(ABC):
    """A file that lies elsewhere and is read where it lies."""

    trouble: type[DuplexdataError] = BuildError

    def __init__(self, shown: str, size: int, sha256: str | None, etag: str | None) -> None:
        """Names a file; nothing is read yet.

        Args:
            shown: its address.
            size: in bytes.
            sha256: of its bytes, where its store says so.
            etag: what its store calls this version of it.
        """
        self.shown, self.size, self.sha256, self.etag = shown, size, sha256, etag
        self.repository: str | None = None
        self.revision: str | None = None
        self._last: RemoteStream | None = None

    @property
    def name(self) -> str:
        """Its own name."""
        return self.shown.rpartition("/")[2]

    def open(self, *, seekable: bool) -> io.RawIOBase:
        """Its bytes: in one go, or a range at a time.

        Raises:
            DuplexdataError: it cannot be had.
        """
        try:
            stream = self.stream(seekable)
        except DuplexdataError:
            raise
        except Exception as error:
            raise self.trouble(
                f"cannot open {self.shown}: {type(error).__name__}: {first_line(error)}"
            ) from error
        self._last = RemoteStream(stream, self.shown, self.size, self.trouble)
        return self._last

    @abstractmethod
    def stream(self, seekable: bool) -> Any:
        """A stream of its bytes from where it lies."""

    def facts(self) -> Facts:
        """Its size and, if it is known or was read whole, its sha256."""
        read = self._last.sha256 if self._last else None
        return Facts(self.size, self.sha256 or read, self.etag)


def first_line(error: BaseException) -> str:
    """What an error says, in a line."""
    lines = [one.strip() for one in str(error).splitlines() if one.strip()]
    return lines[0] if lines else type(error).__name__


def stem_of(name: str) -> str | None:
    """A file's name without extensions, or None if it is no source file's."""
    plain = unpacked_name(name)
    for suffix in SUFFIXES:
        if plain.endswith(suffix):
            return plain.removesuffix(suffix)
    return None


def unpacked_name(name: str) -> str:
    """A file's name without the extension that says how it is packed."""
    for packing in PACKINGS:
        if name.endswith(packing):
            return name.removesuffix(packing)
    return name


def file_digest(file: Path) -> str:
    """The sha256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
