"""What will be built of a block: every row to come, and what is left out and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from .chance import Chance
from .dialogue import Dialogue, row_id
from .interrupt import TYPES
from .interrupt.interaction import Setting
from .load.block import Block


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row to come: its id, type, and the numbers of its dialogues in the block."""

    id: str
    type: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that cannot be built: the number of its dialogue in the block, and why."""

    member: int
    type: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All rows to come of a block, and all that were drawn but cannot be built."""

    rows: tuple[PlannedRow, ...]
    left_out: tuple[LeftOut, ...]


def plan_block(block: Block, setting: Setting, rates: Mapping[str, float], seed: int) -> Plan:
    """Draws which dialogues take part in which type, and checks that each can."""
    rows: list[PlannedRow] = []
    left_out: list[LeftOut] = []
    for member, dialogue in enumerate(block.dialogues):
        for name, interaction in TYPES.items():
            if not takes_part(dialogue, name, rates.get(name, 0.0), seed):
                continue
            reason = interaction.missing([dialogue], setting)
            if reason:
                left_out.append(LeftOut(member, name, reason))
            else:
                rows.append(PlannedRow(row_id(name, (dialogue.key,)), name, (member,)))
    return Plan(tuple(rows), tuple(left_out))


def takes_part(dialogue: Dialogue, type_name: str, rate: float, seed: int) -> bool:
    """Whether a dialogue takes part in a type, drawn with the type's rate."""
    if rate >= 1:
        return True
    return Chance(seed, (dialogue.key,)).of(f"rate/{type_name}").fraction() < rate


def sample_rank(row: str, seed: int) -> int:
    """What `--samples` keeps the lowest of: 64 bits of a hash of (seed, row id)."""
    return Chance(seed, (row,)).of("sample").bits()
