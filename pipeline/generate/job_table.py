"""The batch jobs that are under way, kept in the store of replies: what was sent, and by what name.

A request is in one job at most, whoever made it: a run that wants what is under way already
waits for that job. Jobs are made under a lock, so one that has a name but no batch, as seen
by who holds the lock, is that of a process which was killed.
"""

import json
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .database import open_to_write, told
from .request import Request, Tokens
from .sending import estimated

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    name TEXT PRIMARY KEY,
    base_url TEXT NOT NULL,
    batch TEXT,
    created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS job_requests (
    key BLOB PRIMARY KEY,
    job TEXT,
    kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    model TEXT NOT NULL,
    base_url TEXT NOT NULL,
    request BLOB NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS requests_of_a_job ON job_requests (job);
"""
_DAYS_KEPT = 30
"""After so many days a server has deleted the files of a job."""
_DAY = 86_400


class Waiting(NamedTuple):
    """A request that is to be sent, as small as can be.

    Attributes:
        key: of the request.
        kind: the same.
        attempt: the same.
        model: the same.
        base_url: the same.
        packed: its body, zlib.
        size: bytes of the body.
        tokens: that it takes, about.
    """

    key: str
    kind: str
    attempt: int
    model: str
    base_url: str
    packed: bytes
    size: int
    tokens: Tokens

    @property
    def request(self) -> Request:
        """As it was asked for."""
        body = json.loads(zlib.decompress(self.packed))
        return Request(self.kind, self.base_url, body, self.attempt)


def waiting(request: Request) -> Waiting:
    """A request as small as can be."""
    payload = request.payload
    return Waiting(
        request.key,
        request.kind,
        request.attempt,
        request.model,
        request.base_url,
        zlib.compress(payload, 1),
        len(payload),
        estimated(request),
    )


class Job(NamedTuple):
    """A batch job.

    Attributes:
        name: ours, which the server knows as metadata.
        batch: the server's id; None until it has told it.
    """

    name: str
    batch: str | None


class JobTable:
    """The jobs in a store; used by one thread.

    Args:
        path: of the store, which is there.
        base_url: of the server whose jobs these are.

    Raises:
        StoreError: the store cannot be opened, is damaged, or is no store.
    """

    def __init__(self, path: Path, base_url: str) -> None:
        """Makes the tables where there are none, and forgets what is too old."""
        self._path = path
        self._base_url = base_url
        self._connection = open_to_write(path)
        oldest = (int(time.time()) - _DAYS_KEPT * _DAY,)
        with told(path):
            self._connection.executescript(_TABLES)
        with self._committed() as connection:
            connection.execute("DELETE FROM jobs WHERE created < ?", oldest)
            connection.execute("DELETE FROM job_requests WHERE created < ?", oldest)

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def unsent(self) -> list[Job]:
        """Jobs of which it is not known whether the server has them."""
        with told(self._path):
            return [
                Job(*row)
                for row in self._connection.execute(
                    "SELECT name, batch FROM jobs WHERE batch IS NULL AND base_url = ?",
                    (self._base_url,),
                )
            ]

    def jobs_of(self, keys: Sequence[str]) -> dict[str, Job]:
        """The jobs that some requests are in, a few hundred of them at most."""
        rows = self._found(
            "SELECT key, name, batch FROM job_requests JOIN jobs ON name = job WHERE key IN", keys
        )
        return {key.hex(): Job(name, batch) for key, name, batch in rows}

    def begin(self, name: str, requests: Iterable[Waiting]) -> None:
        """Keeps a job that is going to be made; none of its requests is in another."""
        now = int(time.time())
        with self._committed() as connection:
            connection.execute(
                "INSERT INTO jobs VALUES (?, ?, NULL, ?)", (name, self._base_url, now)
            )
            connection.executemany(
                "INSERT OR REPLACE INTO job_requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((bytes.fromhex(one.key), name, *one[1:6], now) for one in requests),
            )

    def made(self, name: str, batch: str) -> None:
        """The server has a job, under this id."""
        with self._committed() as connection:
            connection.execute("UPDATE jobs SET batch = ? WHERE name = ?", (batch, name))

    def end(self, name: str) -> None:
        """A job is over: its requests without a reply are in none any more."""
        with self._committed() as connection:
            connection.execute(
                "DELETE FROM job_requests WHERE job = ? AND key IN (SELECT key FROM replies)",
                (name,),
            )
            connection.execute("UPDATE job_requests SET job = NULL WHERE job = ?", (name,))
            connection.execute("DELETE FROM jobs WHERE name = ?", (name,))

    def waiting(self, keys: Sequence[str]) -> dict[str, Waiting]:
        """Those requests that are, or were, in a job and have no reply; of a few hundred."""
        rows = self._found(
            "SELECT kind, base_url, request, attempt FROM job_requests WHERE key IN", keys
        )
        found = (
            waiting(Request(kind, base_url, json.loads(zlib.decompress(packed)), attempt))
            for kind, base_url, packed, attempt in rows
        )
        return {one.key: one for one in found}

    def _found(self, select: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        marks = ",".join("?" * len(keys))
        with told(self._path):
            return self._connection.execute(
                f"{select} ({marks})", [bytes.fromhex(key) for key in keys]
            ).fetchall()

    @contextmanager
    def _committed(self) -> Iterator[sqlite3.Connection]:
        with told(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
