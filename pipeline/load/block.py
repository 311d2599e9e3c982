"""A block of dialogues or of scripts: the unit of work and of resuming, passed on as a file.

The file is written and read by processes of one run alone, so it is in the quickest form that
Python has for lists of texts and numbers.
"""

import marshal
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ..dialogue import Dialogue, Script, Split, turns_of
from ..script_rows import read_script_row, script_row


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

    def source_ids(self) -> Iterator[str]:
        """Of all dialogues."""
        return (one.source_id for one in self.dialogues)


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

    def source_ids(self) -> Iterator[str]:
        """Of all dialogues of the scripts."""
        return (one for given in self.scripts for one in given.script.source_ids)


AnyBlock = Block | ScriptBlock


def write_block(block: AnyBlock, file: Path) -> None:
    """Writes a block of either kind; read_block gives it back."""
    held = _columns(block) if isinstance(block, Block) else _script_rows(block)
    file.write_bytes(marshal.dumps(held))


def read_block(number: int, file: Path) -> AnyBlock:
    """Reads what write_block wrote."""
    held = marshal.loads(file.read_bytes())  # noqa: S302  # written by this run
    if isinstance(held, dict):
        scripts = (GivenScript(*read_script_row(row), done) for row, done in held["scripts"])
        return ScriptBlock(number, tuple(scripts), tuple(Place(*one) for one in held["places"]))
    ids, keys, languages, texts, splits, sources, *places = held
    return Block(
        number,
        tuple(map(Dialogue, ids, keys, languages, map(turns_of, texts), splits, sources)),
        tuple(map(Place, *places)),
    )


def _columns(block: Block) -> list[list[Any]]:
    dialogues, places = block.dialogues, block.places
    return [
        [one.source_id for one in dialogues],
        [one.key for one in dialogues],
        [one.language for one in dialogues],
        [[turn.text for turn in one.turns] for one in dialogues],
        [one.split for one in dialogues],
        [one.source for one in dialogues],
        [one.file for one in places],
        [one.row for one in places],
        [one.line for one in places],
    ]


def _script_rows(block: ScriptBlock) -> dict[str, Any]:
    return {
        "scripts": [(script_row(one.script, one.split), one.finished) for one in block.scripts],
        "places": [tuple(one) for one in block.places],
    }
