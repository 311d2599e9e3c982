"""Interaction types: how dialogues become scripts. A type is one file and one line here."""

from .back_on_topic import BACK_ON_TOPIC
from .dialogue_reset import DIALOGUE_RESET
from .generation_termination import GENERATION_TERMINATION
from .interaction import InteractionType
from .regeneration import REGENERATION
from .topic_interweaving import TOPIC_INTERWEAVING
from .uninterrupted import UNINTERRUPTED

TYPES: dict[str, InteractionType] = {
    one.name: one
    for one in (
        UNINTERRUPTED,
        TOPIC_INTERWEAVING,
        GENERATION_TERMINATION,
        REGENERATION,
        DIALOGUE_RESET,
        BACK_ON_TOPIC,
    )
}


def default_rates() -> dict[str, float]:
    """For each type, the share of dialogues that take part in it (the paper's shares)."""
    return {one.name: one.default_rate for one in TYPES.values()}
