"""The rows of a run as diff sees them: a hash an id, and how they are distributed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import FolderError

_BATCH = 2048


@dataclass(slots=True)
class Shape:
    """How the rows of a type are distributed.

    Attributes:
        rows: of the type.
        length: slice pairs (tdm) or messages (duo) of all of them.
        utterances: of all of them.
        kinds: utterances by kind.
        cut: utterances that are not heard whole.
        over: utterances that begin over the other side.
    """

    rows: int = 0
    length: int = 0
    utterances: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    over: int = 0

    def measures(self) -> dict[str, float]:
        """Means of a row, and shares of its utterances."""
        rows, spoken = max(1, self.rows), max(1, self.utterances)
        return {
            "mean length": self.length / rows,
            "utterances a row": self.utterances / rows,
            "cut": self.cut / spoken,
            "over the other side": self.over / spoken,
            **{f"kind {kind}": count / spoken for kind, count in sorted(self.kinds.items())},
        }


@dataclass(slots=True)
class Rows:
    """All rows of a run.

    Attributes:
        hashes: 8 bytes by id, of the whole row and its split.
        shapes: by type.
    """

    hashes: dict[str, bytes] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)


def read_rows(folder: Path) -> Rows:
    """The rows of a run's folder.

    Raises:
        FolderError: it holds no rows, or a file that cannot be read.
    """
    found = Rows()
    shards = sorted((folder / "data").glob("*.parquet"))
    if not shards:
        raise FolderError(f"{folder} holds no data/*.parquet; give the folder of a finished run")
    for shard in shards:
        split = shard.name.partition("-")[0]
        for batch in _batches(shard):
            _hash(batch, split, found.hashes)
            _measure(batch, found.shapes)
    return found


def _batches(shard: Path) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(shard) as file:
            for batch in file.iter_batches(_BATCH):
                yield pa.Table.from_batches([batch])
    except (OSError, pa.ArrowException) as error:
        raise FolderError(f"{shard} cannot be read: {str(error).splitlines()[0]}") from None


def _hash(batch: pa.Table, split: str, hashes: dict[str, bytes]) -> None:
    for row in batch.to_pylist():
        data = orjson.dumps([split, row], option=orjson.OPT_SORT_KEYS)
        hashes[row["id"]] = blake2b(data, digest_size=8).digest()


def _measure(batch: pa.Table, shapes: dict[str, Shape]) -> None:
    for name in pc.unique(batch["type"]).to_pylist():
        rows = batch.filter(pc.equal(batch["type"], name))
        shape = shapes.setdefault(name, Shape())
        shape.rows += rows.num_rows
        lane, divisor = ("output", 2) if "output" in rows.column_names else ("messages", 1)
        shape.length += (pc.sum(pc.list_value_length(rows[lane])).as_py() or 0) // divisor
        spoken = pc.list_flatten(rows["utterances"])
        shape.utterances += len(spoken)
        for one in pc.value_counts(pc.struct_field(spoken, "kind")).to_pylist():
            shape.kinds[one["values"]] += one["counts"]
        shape.cut += pc.sum(pc.not_equal(pc.struct_field(spoken, "unheard"), "")).as_py() or 0
        shape.over += pc.sum(pc.struct_field(spoken, "over")).as_py() or 0
