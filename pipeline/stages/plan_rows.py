"""What was planned of a block, as rows: so that it is known what a person removed or changed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..dialogue import Script, Split
from ..export.shards import WrittenFile, write_parquet
from ..script_rows import script_row

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("split", pa.string()),
        ("kept", pa.bool_()),
        ("shortened", pa.bool_()),
        ("ordinary", pa.bool_()),
        ("changed", pa.bool_()),
        ("refused", pa.string()),
        ("asked", pa.list_(pa.string())),
        ("digest", pa.string()),
        ("frame", pa.string()),
        ("texts", pa.list_(pa.string())),
        (
            "members",
            pa.list_(
                pa.struct(
                    [
                        ("file", pa.string()),
                        ("row", pa.int64()),
                        ("line", pa.int64()),
                        ("source_id", pa.string()),
                    ]
                )
            ),
        ),
    ]
)


class Member(NamedTuple):
    """Where a dialogue of a row stands."""

    file: str
    row: int
    line: int | None
    source_id: str


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A row to come.

    Attributes:
        kept: whether `--samples` keeps it; else there is no script of it.
        shortened: whether rounds were left out of it.
        ordinary: whether it stays ordinary chat, without statements.
        changed: whether a person changed its script.
        refused: why it cannot be made with the replies of a model; then it is not kept.
        asked: the replies that its script was made with so far, as `fuse/gpt-4o`.
        digest: of its script as the stage wrote it.
        frame: what of that script may not be changed, as `frame_of` gives it.
        texts: a hash of each of its texts.
        members: its dialogues.
    """

    id: str
    type: str
    split: Split
    kept: bool
    shortened: bool
    ordinary: bool
    changed: bool
    refused: str | None
    asked: tuple[str, ...]
    digest: str | None
    frame: str | None
    texts: tuple[str, ...]
    members: tuple[Member, ...]


def script_digest(script: Script, split: Split) -> str:
    """A hash of all that a script says."""
    said = json.dumps(script_row(script, split), ensure_ascii=False, sort_keys=True)
    return blake2b(said.encode(), digest_size=10).hexdigest()


def text_digests(script: Script) -> tuple[str, ...]:
    """A hash of each text of a script."""
    return tuple(text_digest(one.text) for one in script.utterances)


def text_digest(text: str) -> str:
    """A hash of a text."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def write_plan(rows: Iterable[PlanRow], folder: Path, path: str) -> WrittenFile:
    """Writes the planned rows of a block."""
    values = [_plain(row) for row in rows]
    return write_parquet([pa.Table.from_pylist(values, schema=SCHEMA)], SCHEMA, folder, path)


def read_plan(file: Path) -> list[PlanRow]:
    """Reads what `write_plan` wrote."""
    with pq.ParquetFile(file) as parquet:
        return [_row(one) for one in parquet.read().to_pylist()]


def _plain(row: PlanRow) -> dict[str, Any]:
    return {**asdict(row), "members": [one._asdict() for one in row.members]}


def _row(values: Mapping[str, Any]) -> PlanRow:
    members = tuple(Member(**one) for one in values["members"])
    lists = {name: tuple(values[name]) for name in ("texts", "asked")}
    return PlanRow(**{**values, **lists, "members": members})
