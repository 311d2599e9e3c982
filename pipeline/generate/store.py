"""The store of replies: raw, by the key of their request, written before they are used.

A thread writes, many rows a commit; any number of readers, in other processes too, see what is
committed. Runs may share a store: of two replies to one request the first stays, and both runs
are given that one.
"""

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from .database import INSERT, open_to_read, open_to_write, told
from .request import Request, Tokens

COMMIT_ROWS = 256
COMMIT_SECONDS = 0.01
"""A commit is made at so many rows, or so long after the first of them."""

Row = tuple[bytes, str, str, str, int, bytes, str, int, int, int]
"""In the order of the columns; see `database`."""

_Came = tuple[Request, str, Tokens]
"""A request, its raw reply, and the tokens that they took."""


class Replies:
    """The replies that are kept, to be looked up. Threads may share it; processes open their own.

    Args:
        path: of the store; nothing is found while there is no file.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file when it is first needed."""
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._path

    def get(self, key: str) -> str | None:
        """The raw reply kept under a key.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock, told(self._path):
            connection = self._opened()
            if connection is None:
                return None
            row = connection.execute(
                "SELECT raw FROM replies WHERE key = ?", (bytes.fromhex(key),)
            ).fetchone()
            return None if row is None else str(row[0])

    def get_some(self, keys: Sequence[str]) -> dict[str, str]:
        """The raw replies that are kept under some keys, a few hundred at most."""
        return {key: raw for key, raw in self._found("hex(key), raw", keys)}  # noqa: C416  # typed

    def kept(self, keys: Sequence[str]) -> set[str]:
        """Those of some keys, a few hundred at most, under which a reply is kept."""
        return {key for (key,) in self._found("hex(key)", keys)}

    def _found(self, columns: str, keys: Sequence[str]) -> Iterator[tuple[str, ...]]:
        with self._lock, told(self._path):
            connection = self._opened()
            if connection is None:
                return
            marks = ",".join("?" * len(keys))
            rows = connection.execute(
                f"SELECT {columns} FROM replies WHERE key IN ({marks})",  # noqa: S608  # no values
                [bytes.fromhex(key) for key in keys],
            ).fetchall()
        for key, *others in rows:
            yield (key.lower(), *others)

    def has_any_of(self, base_url: str, model: str) -> bool:
        """Whether a reply of this model at this place is kept."""
        with self._lock, told(self._path):
            connection = self._opened()
            if connection is None:
                return False
            asked = "SELECT 1 FROM replies WHERE model = ? AND base_url = ? LIMIT 1"
            return connection.execute(asked, (model, base_url)).fetchone() is not None

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys under which nothing is kept, in their order."""
        return [key for key in keys if self.get(key) is None]

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> sqlite3.Connection | None:
        if self._connection is None and self._path.exists():
            self._connection = open_to_read(self._path)
        return self._connection


class Store(Replies):
    """The replies that are kept, and a thread that keeps more.

    Args:
        path: of the store; made where there is none.

    Raises:
        StoreError: it cannot be opened, is damaged, or is no store.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file; the thread starts with the first reply."""
        super().__init__(path)
        self._writing = open_to_write(path)
        self._changed = threading.Condition()
        self._waiting: list[tuple[_Came, Future[str]]] = []
        self._uncommitted = 0
        self._hurry = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, request: Request, raw: str, tokens: Tokens) -> Future[str]:
        """Keeps a reply.

        Returns:
            What is kept under the key, once it is committed: this reply, or the one that came
            before it. An AskingError or StoreError if it cannot be kept.
        """
        kept: Future[str] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("the store is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="reply-store", daemon=True)
                self._thread.start()
            self._waiting.append(((request, raw, tokens), kept))
            self._uncommitted += 1
            if len(self._waiting) in {1, COMMIT_ROWS}:
                self._changed.notify_all()
        return kept

    def flush(self) -> None:
        """Returns when all that was put is committed, or has failed to be."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._uncommitted)
            self._hurry = False

    def close(self) -> None:
        """Commits what is left and lets go of the file."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._writing.close()
        super().close()

    def _write(self) -> None:
        while batch := self._batch():
            try:
                with told(self._path):
                    kept = _commit(self._writing, [row_of(*came) for came, _ in batch])
            except Exception as error:
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), raw in zip(batch, kept, strict=True):
                    future.set_result(raw)
            with self._changed:
                self._uncommitted -= len(batch)
                self._changed.notify_all()

    def _batch(self) -> list[tuple[_Came, Future[str]]]:
        """The replies of the next commit, when it is time; none once the store is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._changed.wait_for(
                lambda: len(self._waiting) >= COMMIT_ROWS or self._hurry or self._closed,
                timeout=COMMIT_SECONDS,
            )
            batch, self._waiting = self._waiting, []
            return batch


def row_of(request: Request, raw: str, tokens: Tokens, created: int | None = None) -> Row:
    """A reply as a row; `created` in seconds since 1970, by default now."""
    return (
        bytes.fromhex(request.key),
        request.kind,
        request.model,
        request.base_url,
        request.attempt,
        zlib.compress(request.payload, 1),
        raw,
        tokens.prompt,
        tokens.completion,
        int(time.time()) if created is None else created,
    )


def _commit(connection: sqlite3.Connection, rows: Sequence[Row]) -> list[str]:
    """Inserts the rows whose keys are new; what is then kept under each one's key."""
    before = connection.total_changes
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(INSERT, rows)
        if connection.total_changes - before == len(rows):
            kept = [row[6] for row in rows]
        else:
            find = "SELECT raw FROM replies WHERE key = ?"
            kept = [connection.execute(find, row[:1]).fetchone()[0] for row in rows]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return kept
