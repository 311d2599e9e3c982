"""A block of dialogues: the unit of work and of resuming, passed on as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, cycle, pairwise
from pathlib import Path
from typing import NamedTuple, cast

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from ..dialogue import Dialogue, Role, Split, Turn

_ROLES: tuple[Role, Role] = ("user", "assistant")

SCHEMA = pa.schema(
    [
        ("source_id", pa.string()),
        ("key", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("source", pa.int32()),
        ("texts", pa.list_(pa.string())),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("line", pa.int64()),
    ]
)
"""A dialogue a row: its texts in turn, the user's first, and where it stands in the sources."""


class Place(NamedTuple):
    """Where a row stands: its file as it was found, its row and line from 1."""

    file: str
    row: int
    line: int | None


@dataclass(frozen=True, slots=True)
class Block:
    """Dialogues that follow each other in the sources, and where each stands."""

    number: int
    dialogues: tuple[Dialogue, ...]
    places: tuple[Place, ...]

    def digest(self) -> str:
        """A hash of all that the rows made of this block depend on, but the recipe."""
        lines = [
            f"{one.source_id!r} {one.key} {one.language} {one.split} {place}"
            for one, place in zip(self.dialogues, self.places, strict=True)
        ]
        return sha256("\n".join(lines).encode()).hexdigest()


def block_table(block: Block) -> pa.Table:
    """A block as a table of `SCHEMA`, a dialogue a row."""
    dialogues, places = block.dialogues, block.places
    turns = [len(one.turns) for one in dialogues]
    texts = pa.array([turn.text for one in dialogues for turn in one.turns], pa.string())
    columns = [
        [one.source_id for one in dialogues],
        [one.key for one in dialogues],
        [one.language for one in dialogues],
        [one.split for one in dialogues],
        [one.source for one in dialogues],
        pa.ListArray.from_arrays(pa.array([0, *accumulate(turns)], pa.int32()), texts),
        [one.file for one in places],
        [one.row for one in places],
        [one.line for one in places],
    ]
    return pa.Table.from_arrays(
        [pa.array(one, field.type) for one, field in zip(columns, SCHEMA, strict=True)],
        schema=SCHEMA,
    )


def write_block(block: Block, file: Path) -> None:
    """Writes a block; read_block gives it back."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(str(file), SCHEMA, options=options) as writer:
        writer.write_table(block_table(block))


def read_block(number: int, file: Path) -> Block:
    """Reads what write_block wrote, or a Parquet file of `block_table`."""
    if file.suffix == ".parquet":
        with pq.ParquetFile(file) as parquet:
            return _block_of(number, parquet.read())
    with pa.ipc.open_file(str(file)) as reader:
        return _block_of(number, reader.read_all())


def _block_of(number: int, table: pa.Table) -> Block:
    table = table.combine_chunks()
    texts = table["texts"].chunk(0)
    bounds, flat = texts.offsets.to_pylist(), texts.values.to_pylist()
    columns = {name: table[name].to_pylist() for name in table.column_names if name != "texts"}
    return Block(
        number,
        tuple(
            Dialogue(source_id, key, language, _turns(flat[first:last]), cast(Split, split), source)
            for source_id, key, language, split, source, (first, last) in zip(
                columns["source_id"],
                columns["key"],
                columns["language"],
                columns["split"],
                columns["source"],
                pairwise(bounds),
                strict=True,
            )
        ),
        tuple(map(Place, columns["file"], columns["row"], columns["line"])),
    )


def _turns(texts: Sequence[str]) -> tuple[Turn, ...]:
    return tuple(map(Turn, cycle(_ROLES), texts))
