"""A block of dialogues or of scripts: the unit of work and of resuming, passed on as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, cycle, pairwise
from pathlib import Path
from typing import NamedTuple, cast

import pyarrow as pa
import pyarrow.ipc

from .. import script_rows
from ..dialogue import Dialogue, Role, Script, Split, Turn

_ROLES: tuple[Role, Role] = ("user", "assistant")

_SCHEMA = pa.schema(
    [
        ("source_id", pa.string()),
        ("key", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("texts", pa.list_(pa.string())),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("line", pa.int64()),
    ]
)


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

    def split(self, member: int) -> Split:
        """Where all that is made of a dialogue goes."""
        return self.dialogues[member].split

    def source_id(self, member: int) -> str:
        """What a dialogue is called."""
        return self.dialogues[member].source_id


class GivenScript(NamedTuple):
    """A script that a source holds.

    Attributes:
        finished: whether statements are in it already, where there are to be any.
    """

    script: Script
    split: Split
    finished: bool


@dataclass(frozen=True, slots=True)
class ScriptBlock:
    """Scripts that follow each other in the sources, and where each stands."""

    number: int
    scripts: tuple[GivenScript, ...]
    places: tuple[Place, ...]

    def digest(self) -> str:
        """A hash of all that the rows made of this block depend on, but the recipe."""
        lines = map(repr, zip(self.scripts, self.places, strict=True))
        return sha256("\n".join(lines).encode()).hexdigest()

    def split(self, member: int) -> Split:
        """Where the row of a script goes."""
        return self.scripts[member].split

    def source_id(self, member: int) -> str:
        """What a script is called: its dialogue, or its own id if it joins several."""
        script = self.scripts[member].script
        return script.source_ids[0] if len(script.source_ids) == 1 else script.id


AnyBlock = Block | ScriptBlock


def write_any_block(block: AnyBlock, file: Path) -> None:
    """Writes a block of either kind; read_any_block gives it back."""
    if isinstance(block, Block):
        write_block(block, file)
    else:
        _write_scripts(block, file)


def read_any_block(number: int, file: Path) -> AnyBlock:
    """Reads what write_any_block wrote."""
    with pa.ipc.open_file(str(file)) as reader:
        if reader.schema.equals(_SCHEMA):
            return read_block(number, file)
        table = reader.read_all()
    scripts = script_rows.read_script_table(table)
    columns = {name: table[name].to_pylist() for name in _BESIDE}
    return ScriptBlock(
        number,
        tuple(
            GivenScript(*one, finished)
            for one, finished in zip(scripts, columns["finished"], strict=True)
        ),
        tuple(map(Place, columns["file"], columns["row"], columns["line"])),
    )


_BESIDE = {
    "finished": pa.bool_(),
    "file": pa.string(),
    "row": pa.int64(),
    "line": pa.int64(),
}
"""What a block's file holds beside the columns of a script."""


def _write_scripts(block: ScriptBlock, file: Path) -> None:
    table = script_rows.script_table((one.script, one.split) for one in block.scripts)
    beside = {
        "finished": [one.finished for one in block.scripts],
        "file": [one.file for one in block.places],
        "row": [one.row for one in block.places],
        "line": [one.line for one in block.places],
    }
    for name, kind in _BESIDE.items():
        table = table.append_column(name, pa.array(beside[name], kind))
    _write(table, file)


def _write(table: pa.Table, file: Path) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(str(file), table.schema, options=options) as writer:
        writer.write_table(table)


def write_block(block: Block, file: Path) -> None:
    """Writes a block; read_block gives it back."""
    dialogues, places = block.dialogues, block.places
    turns = [len(one.turns) for one in dialogues]
    texts = pa.array([turn.text for one in dialogues for turn in one.turns], pa.string())
    columns = [
        [one.source_id for one in dialogues],
        [one.key for one in dialogues],
        [one.language for one in dialogues],
        [one.split for one in dialogues],
        pa.ListArray.from_arrays(pa.array([0, *accumulate(turns)], pa.int32()), texts),
        [one.file for one in places],
        [one.row for one in places],
        [one.line for one in places],
    ]
    table = pa.Table.from_arrays(
        [pa.array(one, field.type) for one, field in zip(columns, _SCHEMA, strict=True)],
        schema=_SCHEMA,
    )
    _write(table, file)


def read_block(number: int, file: Path) -> Block:
    """Reads what write_block wrote."""
    with pa.ipc.open_file(str(file)) as reader:
        table = reader.read_all().combine_chunks()
    texts = table["texts"].chunk(0)
    bounds, flat = texts.offsets.to_pylist(), texts.values.to_pylist()
    columns = {name: table[name].to_pylist() for name in table.column_names if name != "texts"}
    return Block(
        number,
        tuple(
            Dialogue(source_id, key, language, _turns(flat[first:last]), cast(Split, split))
            for source_id, key, language, split, (first, last) in zip(
                columns["source_id"],
                columns["key"],
                columns["language"],
                columns["split"],
                pairwise(bounds),
                strict=True,
            )
        ),
        tuple(map(Place, columns["file"], columns["row"], columns["line"])),
    )


def _turns(texts: Sequence[str]) -> tuple[Turn, ...]:
    return tuple(map(Turn, cycle(_ROLES), texts))
