"""Sources at URLs: files in fsspec's own memory, read as files here are."""

import gzip
import io
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.dialogue import Dialogue
from duplexdata.pipeline.errors import BuildError, SourceError
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.load.sources import find_sources

from .hub_files import dialogues, lines

Read = Callable[..., tuple[list[Dialogue], Reading]]
Put = Callable[[dict[str, bytes]], None]


@pytest.fixture
def put() -> Iterator[Put]:
    """Puts files, by path, under memory://bucket."""
    system = fsspec.filesystem("memory")

    def put_files(files: dict[str, bytes]) -> None:
        for path, data in files.items():
            system.pipe(f"/bucket/{path}", data)

    yield put_files
    system.rm("/bucket", recursive=True)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """Rows as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def test_the_same_dialogues_as_of_files_here(put: Put, tmp_path: Path, read_sources: Read) -> None:
    """Of every kind of file: ids, order, size and, where all was read in order, sha256."""
    rows = dialogues(0, 12)
    files = {
        "a.jsonl": lines(rows[:2]),
        "b/c.jsonl.gz": gzip.compress(lines(rows[2:4])),
        "b/d.jsonl.zst": pa.compress(lines(rows[4:6]), codec="zstd", asbytes=True),
        "e.parquet": parquet(rows[6:8]),
        "f.parquet.gz": gzip.compress(parquet(rows[8:10])),
        "g.json": b"[" + lines(rows[10:]).strip().replace(b"\n", b",") + b"]",
        "notes.txt": b"x",
        ".hidden/x.jsonl": b"{}",
    }
    put(files)
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    here, local = read_sources(tmp_path)
    there, remote = read_sources("memory://bucket")
    assert there == here
    assert len(there) == 12
    facts = [[(one.name, one.bytes, one.rows) for one in read.files] for read in (local, remote)]
    assert facts[0] == facts[1]
    for one, other in zip(remote.files, local.files, strict=True):
        assert one.file.startswith("memory://")
        assert one.sha256 == (None if one.name == "e" else other.sha256)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("memory://bucket/a.jsonl", ["0"]),
        ("memory://bucket", ["0", "1", "2"]),
        ("memory://bucket/", ["0", "1", "2"]),
        ("memory://bucket/b", ["1", "2"]),
        ("memory://bucket/*.jsonl", ["0"]),
        ("memory://bucket/b/[d]*", ["2"]),
    ],
)
def test_files_folders_and_globs(
    url: str, expected: list[str], put: Put, read_sources: Read
) -> None:
    """A URL names what a path would."""
    names = ("a.jsonl", "b/c.jsonl", "b/d.jsonl")
    put({name: lines(dialogues(n, 1)) for n, name in enumerate(names)})
    found, _ = read_sources(url)
    assert [one.source_id.partition(":")[2] for one in found] == expected


def test_a_file_url_is_a_path(tmp_path: Path, read_sources: Read) -> None:
    """It is read, and called, as the path is."""
    (tmp_path / "a.jsonl").write_bytes(lines(dialogues(0, 2)))
    found, reading = read_sources(f"file://{tmp_path}/a.jsonl")
    assert [one.source_id for one in found] == ["a:0", "a:1"]
    assert [one.file for one in reading.files] == [str(tmp_path / "a.jsonl")]
    assert reading.files[0].sha256


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory://bucket/none.jsonl", "--source sample"),
        ("memory://nowhere", "--source sample"),
        ("magnet://bucket", "magnet"),
    ],
)
def test_a_url_that_is_not_there(url: str, told: str, put: Put) -> None:
    """One line that names the URL and what to do."""
    put({"notes.txt": b"x"})
    with pytest.raises(SourceError) as caught:
        find_sources([url])
    assert url in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_store_whose_client_is_not_installed() -> None:
    """The extra is named."""
    if find_spec("s3fs"):
        pytest.skip("s3fs is installed")
    with pytest.raises(SourceError, match=r"duplexdata\[s3\]"):
        find_sources(["s3://bucket/rows.jsonl"])


def test_a_file_that_ends_early(put: Put) -> None:
    """A file that became shorter after it was listed is never taken for the whole."""
    put({"a.jsonl": lines(dialogues(0, 3))})
    found = find_sources(["memory://bucket/a.jsonl"])
    put({"a.jsonl": lines(dialogues(0, 2))})
    with found[0].files[0].open(seekable=False) as stream:
        assert stream.read(10)
        with pytest.raises(BuildError, match="ended after"):
            stream.read()
