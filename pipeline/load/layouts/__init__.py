"""Row layouts: how a row says who said what. A layout is one file and one line here."""

from collections.abc import Sequence
from typing import Any

from . import openai, sharegpt, ultrachat, ultrachat_200k
from .message import Layout

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (ultrachat.LAYOUT, ultrachat_200k.LAYOUT, openai.LAYOUT, sharegpt.LAYOUT)
}

COLUMNS = frozenset(column for layout in LAYOUTS.values() for column in layout.columns)
"""The columns of a Parquet file that some layout reads."""


def guess_layout(rows: Sequence[Any]) -> Layout | None:
    """The layout that fits most of these rows, the first in the registry if several do."""
    best, most = None, 0
    for layout in LAYOUTS.values():
        count = sum(isinstance(row, dict) and layout.fits(row) for row in rows)
        if count > most:
            best, most = layout, count
    return best
