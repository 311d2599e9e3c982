"""Dialogues as rows of Parquet: what `duplexdata load` writes. `schemas/dialogue.json` has one."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..dialogue import Dialogue, turns_of
from .block import Block, Place, block_of

SCHEMA = pa.schema(
    [
        ("source_id", pa.string()),
        ("key", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("source", pa.int32()),
        ("texts", pa.list_(pa.string())),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("line", pa.int64()),
    ]
)
"""A dialogue a row: its texts in turn, the user's first, and where it stands in the sources."""


def dialogue_table(block: Block) -> pa.Table:
    """A block as a table of `SCHEMA`."""
    rows = [
        {
            "source_id": one.source_id,
            "key": one.key,
            "language": one.language,
            "split": one.split,
            "source": one.source,
            "texts": [turn.text for turn in one.turns],
            **place._asdict(),
        }
        for one, place in zip(block.dialogues, block.places, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def read_dialogues(number: int, file: Path) -> Block:
    """The block whose table lies in a Parquet file."""
    with pq.ParquetFile(file) as parquet:
        rows = parquet.read().to_pylist()
    return block_of(
        number,
        tuple(
            Dialogue(
                one["source_id"],
                one["key"],
                one["language"],
                turns_of(one["texts"]),
                one["split"],
                one["source"],
            )
            for one in rows
        ),
        tuple(Place(one["file"], one["row"], one["line"]) for one in rows),
    )
