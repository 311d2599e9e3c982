"""Parquet files: tables that become a row group, and what is written of their columns."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.export import FORMATS
from duplexdata.pipeline.export.shards import WORK, joined, write_parquet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder."""
    (tmp_path / WORK).mkdir()
    return tmp_path


def noted(texts: list[str], **notes: object) -> pa.Table:
    """A table with JSON in its metadata."""
    metadata = {key: json.dumps(note) for key, note in notes.items()}
    return pa.table({"content": texts}).replace_schema_metadata(metadata or None)


def test_tables_that_are_joined_keep_all_their_notes(folder: Path) -> None:
    """The notes of every table are in the file, whether it came alone or joined to others."""
    first = joined([noted(["a"], x={"1": [1]}), noted(["b"]), noted(["c"], x={"2": 2}, y={})])
    last = noted(["d"], x={"3": 3})
    assert first.column("content").num_chunks == 1
    file = write_parquet([first, last], first.schema.remove_metadata(), folder, "rows.parquet")
    written = pq.ParquetFile(folder / file.path)
    assert written.read().column("content").to_pylist() == ["a", "b", "c", "d"]
    assert written.num_row_groups == 2
    metadata = written.metadata.metadata
    assert json.loads(metadata[b"x"]) == {"1": [1], "2": 2, "3": 3}
    assert json.loads(metadata[b"y"]) == {}


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_said_has_no_dictionary_and_no_statistics(name: str, folder: Path) -> None:
    """Every other column has both; all have an index of pages, which the Hub's viewer reads."""
    schema = FORMATS[name].schema
    table = pa.Table.from_pylist([{}, {}], schema=schema)
    write_parquet([table], schema, folder, "rows.parquet")
    group = pq.ParquetFile(folder / "rows.parquet").metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    said = {one.path_in_schema for one in columns if one.statistics is None}
    lane = "output" if name == "tdm" else "messages"
    assert said == {f"{lane}.list.element.content", "utterances.list.element.unheard"}
    for one in columns:
        assert one.has_offset_index
        plain = one.path_in_schema in said or one.physical_type == "BOOLEAN"
        assert ("RLE_DICTIONARY" in one.encodings) is not plain


def test_a_row_in_front_changes_few_bytes(folder: Path) -> None:
    """The Hub stores equal chunks of files once: what follows a change is stored no second time."""
    chance = random.Random(0)  # noqa: S311  # no secret
    texts = [" ".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=4_000)) for _ in range(600)]
    table = pa.table({"content": texts})
    for name, rows in (("all", table), ("one_fewer", table.slice(1))):
        write_parquet([rows], table.schema, folder, f"{name}.parquet")
    one, other = ((folder / f"{name}.parquet").read_bytes() for name in ("all", "one_fewer"))
    probes = [one[place : place + 64] for place in range(0, len(one) - 64, len(one) // 200)]
    assert sum(probe in other for probe in probes) > 0.5 * len(probes)
