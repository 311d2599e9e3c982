"""Interaction types: how dialogues become scripts. A type is one file and one line here."""

from .generation_termination import GENERATION_TERMINATION
from .interaction import InteractionType
from .uninterrupted import UNINTERRUPTED

TYPES: dict[str, InteractionType] = {
    one.name: one for one in (UNINTERRUPTED, GENERATION_TERMINATION)
}


def default_rates() -> dict[str, float]:
    """For each type, the share of dialogues that take part in it (the paper's shares)."""
    return {one.name: one.default_rate for one in TYPES.values()}
