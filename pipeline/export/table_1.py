"""Table 1 of the paper (arXiv 2406.15718): how long the rows of Duplex-UltraChat are."""

from collections.abc import Mapping
from typing import NamedTuple

BASE = "uninterrupted"
"""The type beside which the others stand: its rows are the source dialogues as they are."""


class Lengths(NamedTuple):
    """Rows of a type, and mean lengths of a row."""

    rows: int
    pairs: float
    tokens: float


PAPER: Mapping[str, Lengths] = {
    "uninterrupted": Lengths(1_458_353, 153.9, 2342.2),
    "topic_interweaving": Lengths(489_065, 427.7, 6819.6),
    "generation_termination": Lengths(1_468_141, 89.3, 1318.0),
    "regeneration": Lengths(806_687, 171.2, 2590.4),
    "dialogue_reset": Lengths(300_318, 194.7, 2906.5),
    "back_on_topic": Lengths(327_286, 199.1, 2495.6),
}
