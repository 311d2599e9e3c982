"""Sliced scripts as rows: a script's row, and where each slice of its texts begins and ends.

`schemas/slices.json` describes a row as JSON.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .. import script_rows
from ..dialogue import Split
from ..export.shards import WrittenFile, write_parquet
from ..slice.schedule import SlicedScript
from ..slice.slicer import Slices

SLICED = pa.struct(
    [
        ("begins", pa.list_(pa.int32())),
        ("ends", pa.list_(pa.int32())),
        ("heard", pa.int32()),
        ("start", pa.int32()),
    ]
)

SCHEMA = pa.schema(
    [
        *script_rows.SCHEMA,
        pa.field("slices", pa.list_(SLICED)),
        pa.field("pairs", pa.int32()),
    ]
)
"""A script a row; for each utterance the bytes of its UTF-8 text at which each slice begins and
ends, how many slices are heard, and the pair of the first; and how many pairs the row takes."""


def write_slices(
    batches: Iterable[list[tuple[SlicedScript, Split]]], folder: Path, path: str
) -> WrittenFile:
    """Writes sliced scripts, a row group a batch."""
    return write_parquet(map(_table, batches), SCHEMA, folder, path)


def _table(batch: list[tuple[SlicedScript, Split]]) -> pa.Table:
    rows = [
        {
            **script_rows.script_row(one.script, split),
            "slices": [
                {
                    "begins": cut.begins.tolist(),
                    "ends": cut.ends.tolist(),
                    "heard": heard,
                    "start": start,
                }
                for cut, heard, start in zip(one.slices, one.heard, one.starts, strict=True)
            ],
            "pairs": one.pairs,
        }
        for one, split in batch
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def read_slices(file: Path) -> Iterator[tuple[SlicedScript, Split]]:
    """Reads what `write_slices` wrote."""
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(256):
            for row in batch.to_pylist():
                script, split = script_rows.read_script_row(row)
                cut = tuple(
                    Slices(
                        utterance.text.encode(),
                        np.array(one["begins"], dtype=np.int64),
                        np.array(one["ends"], dtype=np.int64),
                    )
                    for utterance, one in zip(script.utterances, row["slices"], strict=True)
                )
                heard = tuple(one["heard"] for one in row["slices"])
                starts = tuple(one["start"] for one in row["slices"])
                yield SlicedScript(script, cut, heard, starts, row["pairs"]), split
