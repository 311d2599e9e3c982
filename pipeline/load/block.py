"""A block of dialogues: the unit of work and of resuming, passed on as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import orjson

from ..dialogue import Dialogue, Role, Turn

_ROLES: tuple[Role, Role] = ("user", "assistant")


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


def write_block(block: Block, file: Path) -> None:
    """Writes a block; read_block gives it back."""
    dialogues, places = block.dialogues, block.places
    columns = [
        [one.source_id for one in dialogues],
        [one.key for one in dialogues],
        [one.language for one in dialogues],
        [[turn.text for turn in one.turns] for one in dialogues],
        [one.split for one in dialogues],
        [one.file for one in places],
        [one.row for one in places],
        [one.line for one in places],
    ]
    file.write_bytes(orjson.dumps(columns))


def read_block(number: int, file: Path) -> Block:
    """Reads what write_block wrote."""
    source_ids, keys, languages, texts, splits, *places = orjson.loads(file.read_bytes())
    return Block(
        number,
        tuple(map(Dialogue, source_ids, keys, languages, map(_turns, texts), splits)),
        tuple(map(Place, *places)),
    )


def _turns(texts: Sequence[str]) -> tuple[Turn, ...]:
    return tuple(map(Turn, cycle(_ROLES), texts))
