"""Scripts rendered as rows, and rows as files. A format is one file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from ..slice.columns import SlicedRows
from . import duo, tdm


@dataclass(frozen=True, slots=True)
class Format:
    """A row format: its Arrow schema, and how scripts are rendered in it."""

    schema: pa.Schema
    render: Callable[[SlicedRows], pa.Table]


FORMATS: dict[str, Format] = {
    "tdm": Format(tdm.SCHEMA, tdm.render),
    "duo": Format(duo.SCHEMA, duo.render),
}
