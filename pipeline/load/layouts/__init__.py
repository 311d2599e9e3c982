"""Row layouts: how a row says who said what. A layout is one file and one line here.

Those of conversations that are duplex already come first: their rows have the columns of
others too, and a few more.
"""

from collections.abc import Sequence
from typing import Any

from . import duo, duplex_ultrachat, oasst, openai, sharegpt, tdm, ultrachat, ultrachat_200k
from .message import Layout
from .script import ScriptLayout

LAYOUTS: dict[str, Layout | ScriptLayout] = {
    layout.name: layout
    for layout in (
        tdm.LAYOUT,
        duo.LAYOUT,
        duplex_ultrachat.LAYOUT,
        ultrachat.LAYOUT,
        ultrachat_200k.LAYOUT,
        openai.LAYOUT,
        sharegpt.LAYOUT,
        oasst.LAYOUT,
    )
}

COLUMNS = frozenset(column for layout in LAYOUTS.values() for column in layout.columns)
"""The columns of a Parquet file that some layout reads."""


def guess_layout(rows: Sequence[Any]) -> Layout | ScriptLayout | None:
    """The layout that fits most of these rows, the first in the registry if several do."""
    best: Layout | ScriptLayout | None = None
    most = 0
    for layout in LAYOUTS.values():
        count = sum(isinstance(row, dict) and layout.fits(row) for row in rows)
        if count > most:
            best, most = layout, count
    return best
