"""The file of replies: where it lies, how it is opened, what its errors mean."""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import AskingError, StoreError

FILE = "replies.sqlite3"
FOLDER_VARIABLE = "DUPLEXDATA_CACHE"
BUSY_SECONDS = 60.0
"""How long a writer waits for another process to end its commit."""
_FOLD_SECONDS = 0.5
"""The same at the end of its work, when nothing depends on it any more."""

_VERSION = 1
_TABLES = """
CREATE TABLE replies (
    key BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    base_url TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    request BLOB NOT NULL,
    raw TEXT NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    created INTEGER NOT NULL
)
"""
INSERT = "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
"""One row in the order of the columns; the reply that came first stays."""

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SHUT = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


def store_path(folder: Path | None = None) -> Path:
    """The file of replies: in this folder, else in DUPLEXDATA_CACHE, else in the user's cache.

    Raises:
        StoreError: there is no such user here, and so no cache.
    """
    if folder is None:
        named = os.environ.get(FOLDER_VARIABLE)
        if named:
            folder = Path(named)
        else:
            from platformdirs import user_cache_path

            try:
                folder = user_cache_path("duplexdata", appauthor=False)
            except RuntimeError:  # as in a container, by a number that no user has
                raise StoreError(
                    "no home folder to keep replies in: set HOME, or name a folder with --cache"
                ) from None
    return folder / FILE


def open_to_write(path: Path) -> sqlite3.Connection:
    """Opens the store, or makes it.

    Raises:
        StoreError: it cannot be opened, is damaged, or is no store.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(f"{path.parent}: {error.strerror}; name another --cache") from None
    _refuse_folder(path)
    with told(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def close_written(connection: sqlite3.Connection) -> None:
    """Lets go of a store that was written to, so that the file alone holds all of it.

    SQLite leaves that to who closes the store last, and where that one only reads it is not
    done: a copy of the file without the log beside it would then lack what is in the log.
    """
    # Where another process is at it, the rest stays in the log, which is as safe.
    with suppress(sqlite3.Error):
        connection.execute(f"PRAGMA busy_timeout = {_FOLD_SECONDS * 1000:.0f}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # First of all, so that another program's database stays as it is.
    if _is_new(connection, path):
        connection.execute("BEGIN IMMEDIATE")
        if _is_new(connection, path):  # nobody was faster
            connection.execute(_TABLES)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    # A commit survives the end of our process, though the last may not survive that of the
    # machine: an fsync a commit would cost more than the reply it saves.
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is empty, rather than a store; else it is refused."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables:
        _check_version(connection, path)
    return not tables


def open_to_read(path: Path) -> sqlite3.Connection:
    """Opens a store that is there; what others commit is seen at once.

    Raises:
        StoreError: it cannot be opened, is damaged, or is no store.
    """
    _refuse_folder(path)
    with told(path):
        try:
            return _opened_to_read(path, "mode=ro")
        except sqlite3.OperationalError as error:
            if _code_of(error) not in _SHUT or _has_log(path):
                raise
        # Even who only reads makes files beside a store, which cannot be in a folder that may
        # not be written to. With no log there the file is all that there is.
        return _opened_to_read(path, "immutable=1")


def _opened_to_read(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?{how}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _has_log(path: Path) -> bool:
    """Whether there are commits that are not in the file."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _refuse_folder(path: Path) -> None:
    with suppress(PermissionError):  # who opens it says so
        if path.is_dir():
            raise StoreError(f"{path}: is a folder, no store of replies; name another --cache")


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Refuses what another program, or another version of this one, has written."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION:
        raise StoreError(
            f"{path}: no store of replies that this version of duplexdata knows "
            f"(version {version}, not {_VERSION}); name another --cache"
        )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Says what SQLite's errors mean for this file."""
    try:
        yield
    except (sqlite3.Error, zlib.error) as error:
        code = _code_of(error)
        if code in _FULL:
            raise AskingError(
                f"{path}: {error}; replies that came in are not kept: make room, then go on"
            ) from None
        if code in _BUSY:
            raise AskingError(f"{path}: another process does not let go of it ({error})") from None
        if code in _SHUT:
            raise StoreError(f"{path}: {error}; name another --cache") from None
        raise damaged(path, str(error)) from None


def damaged(path: Path, why: str) -> StoreError:
    """That a store does not hold what a store holds."""
    return StoreError(
        f"{path}: damaged, or no store of replies ({why}); move it away or name another --cache"
    )


def _code_of(error: Exception) -> int:
    """What SQLite says is wrong, in general; 0 where it is not SQLite that says so."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
