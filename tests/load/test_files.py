"""Source files: which ones a source names, and the rows they hold."""

import gzip
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.dialogue import Dialogue
from duplexdata.pipeline.errors import SourceError
from duplexdata.pipeline.load.files import raw_rows
from duplexdata.pipeline.load.raw_file import LocalFile, stem_of
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.load.sources import find_sources, source_files

Read = Callable[..., tuple[list[Dialogue], Reading]]

ROWS = [{"id": str(n), "data": [f"Question {n}?", f"答案 {n} 👋"]} for n in range(9)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
ARRAY = json.dumps(ROWS, ensure_ascii=False, indent=1).encode()
BOM = b"\xef\xbb\xbf"


def zstd(data: bytes) -> bytes:
    """One zstd frame."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


def parquet(rows: list[dict[str, Any]], group: int = 4) -> bytes:
    """A Parquet file of several row groups."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=group)
    return sink.getvalue()


def questions(dialogues: list[Dialogue]) -> list[str]:
    """The first turn of each dialogue."""
    return [one.turns[0].text for one in dialogues]


ALL_QUESTIONS = [row["data"][0] for row in ROWS]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rows.jsonl", LINES),
        ("rows.jsonl.gz", gzip.compress(LINES)),
        ("rows.jsonl.zst", zstd(LINES)),
        ("rows.json", ARRAY),
        ("rows.json.gz", gzip.compress(ARRAY)),
        ("rows.json.zst", zstd(ARRAY)),
        ("rows.json", LINES),
        ("rows.json.gz", gzip.compress(LINES)),
        ("rows.parquet", parquet(ROWS)),
        ("rows.parquet.gz", gzip.compress(parquet(ROWS))),
        ("rows.parquet.zst", zstd(parquet(ROWS))),
    ],
)
def test_every_kind_of_file_holds_the_same_dialogues(name: str, data: bytes, read: Read) -> None:
    """Lines, arrays and Parquet, plain or packed, give the same dialogues in the same order."""
    dialogues, reading = read(data, name)
    assert [(one.source_id, [turn.text for turn in one.turns]) for one in dialogues] == [
        (f"rows:{row['id']}", row["data"]) for row in ROWS
    ]
    assert (reading.rows, reading.kept, reading.rejected) == (9, 9, [])
    assert [(one.layout, one.rows, one.bytes) for one in reading.files] == [
        ("ultrachat", 9, len(data))
    ]


@pytest.mark.parametrize(
    ("name", "data", "lines"),
    [
        ("a.jsonl", LINES, list(range(1, 10))),
        ("a.jsonl", b"\n\n" + LINES.replace(b"\n", b"\n \t\r\n"), list(range(3, 21, 2))),
        ("a.json", ARRAY, [None] * 9),
        ("a.parquet", parquet(ROWS), [None] * 9),
    ],
)
def test_rows_are_numbered_from_1(
    name: str, data: bytes, lines: list[int | None], tmp_path: Path
) -> None:
    """Blank lines are lines but no rows; what is no file of lines has rows alone."""
    (tmp_path / name).write_bytes(data)
    found = list(raw_rows(LocalFile(tmp_path / name, name), {"data"}))
    assert [row for row, _, _ in found] == list(range(1, 10))
    assert [line for _, line, _ in found] == lines


def test_parquet_rows_are_numbered_over_all_batches(read: Read) -> None:
    """A row's number in a long Parquet file counts from the file's begin."""
    rows = [{"data": [f"q{n}", "a"] if n != 1500 else [f"q{n}"]} for n in range(2000)]
    dialogues, reading = read(parquet(rows, group=300), "long.parquet")
    assert len(dialogues) == 1999
    assert [(one.reason, one.place.row) for one in reading.rejected] == [("no_answer", 1501)]
    assert dialogues[-1].source_id == "long:#2000"


@pytest.mark.parametrize("cut", [1, 50, len(LINES) // 2, len(LINES) - 1])
@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("zst", zstd)])
def test_packed_parts_are_read_as_one(
    suffix: str, pack: Callable[[bytes], bytes], cut: int, read: Read
) -> None:
    """Gzip members and zstd frames that follow each other are one text, wherever they meet."""
    data = pack(LINES[:cut]) + pack(b"") + pack(LINES[cut:])
    dialogues, _ = read(data, f"rows.jsonl.{suffix}")
    assert questions(dialogues) == ALL_QUESTIONS


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rows.jsonl.gz", gzip.compress(LINES)),
        ("rows.json.gz", gzip.compress(ARRAY)),
        ("rows.jsonl.zst", zstd(LINES)),
        ("rows.json.zst", zstd(ARRAY)),
        ("rows.json", ARRAY.strip()),
        ("rows.parquet", parquet(ROWS)),
    ],
)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, -1])
def test_a_file_cut_short_is_an_error(
    name: str, data: bytes, kept: float, tmp_path: Path, read_sources: Read
) -> None:
    """A download that broke off is never taken for the whole; the error names the file."""
    file = tmp_path / name
    file.write_bytes(data[: int(len(data) * kept) if kept > 0 else -1])
    with pytest.raises(SourceError) as caught:
        read_sources(file)
    assert str(file) in str(caught.value)
    assert "no usable row" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rows.jsonl.gz", LINES),
        ("rows.jsonl.zst", LINES),
        ("rows.jsonl.gz", gzip.compress(LINES)[:-8] + bytes(8)),
        ("rows.jsonl.gz", gzip.compress(LINES)[:10] + b"\xff" + gzip.compress(LINES)[11:]),
        ("rows.jsonl.gz", gzip.compress(LINES) + b"more"),
        ("rows.jsonl.zst", zstd(LINES) + b"more"),
        ("rows.json", ARRAY + b"x"),
        ("rows.json", ARRAY + ARRAY),
        ("rows.parquet", LINES),
        ("rows.parquet", b""),
    ],
)
def test_a_broken_file_is_an_error(
    name: str, data: bytes, tmp_path: Path, read_sources: Read
) -> None:
    """What is not what its name says, or has more behind its end, names its file."""
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(SourceError) as caught:
        read_sources(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.json", "empty.jsonl.gz", "empty.jsonl.zst"])
@pytest.mark.parametrize("data", [b"", b"\n", BOM, b" \r\n\r\n"])
def test_an_empty_file_says_so(name: str, data: bytes, read: Read) -> None:
    """A file without a row is an error that calls it empty."""
    pack = {"gz": gzip.compress, "zst": zstd}.get(name.rpartition(".")[2], bytes)
    with pytest.raises(SourceError, match="empty"):
        read(pack(data), name)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", BOM + LINES),
        ("a.jsonl", BOM + b"\n" + LINES),
        ("a.json", BOM + ARRAY),
        ("a.json", BOM + b"\r\n  " + ARRAY),
        ("a.json", BOM + LINES),
        ("a.jsonl.gz", gzip.compress(BOM + LINES)),
        ("a.jsonl", LINES.replace(b"\n", b"\r\n")),
        ("a.jsonl", LINES.replace(b"\n", b"\n\n\r\n \n")),
        ("a.jsonl", LINES.removesuffix(b"\n")),
        ("a.jsonl", LINES.replace(b"\n", b"\r\n").removesuffix(b"\r\n")),
        ("a.jsonl", LINES.replace(b"\n", b" \t\n\x0c")),
    ],
)
def test_ordinary_oddities_change_nothing(name: str, data: bytes, read: Read) -> None:
    """A BOM, CRLF, blank lines and a missing last newline are no part of any row."""
    dialogues, reading = read(data, name)
    assert questions(dialogues) == ALL_QUESTIONS
    assert reading.rejected == []


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\u000b", "\u000c", "\u001e"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_only_a_newline_ends_a_line(character: str, ascii_only: bool, read: Read) -> None:
    """Other separators of lines stay in the text that they stand in."""
    texts = [f"a{character}b", f"{character}c{character}"]
    lines = [json.dumps({"data": texts}, ensure_ascii=ascii_only)]
    lines.append(json.dumps({"data": ["x", "y"]}))
    dialogues, reading = read("\n".join(lines))
    assert [[turn.text for turn in one.turns] for one in dialogues] == [texts, ["x", "y"]]
    assert reading.rows == 2


@pytest.mark.parametrize("texts", [["\r\nq \r", "\ta\n\n"], ["q\u00a0", "\ufeffa"], ["q\x00", "a"]])
def test_texts_are_not_mended(texts: list[str], read: Read) -> None:
    """White space, a BOM and NUL inside a text stay as they are, in lines and in arrays."""
    for content, name in (
        (json.dumps({"data": texts}), "a.jsonl"),
        (f"[{json.dumps({'data': texts})}]", "a.json"),
    ):
        dialogues, _ = read(content, name)
        assert [turn.text for turn in dialogues[0].turns] == texts


def test_a_first_line_of_metadata_is_a_reject(read: Read) -> None:
    """A line that describes the file is rejected by its number; the rest is read."""
    dialogues, reading = read(b'{"dataset": "x", "rows": 9}\n' + LINES)
    assert questions(dialogues) == ALL_QUESTIONS
    assert [(one.reason, one.place.row, one.place.line) for one in reading.rejected] == [
        ("unknown_layout", 1, 1)
    ]


@pytest.mark.parametrize("name", ["long.jsonl", "long.json", "long.jsonl.gz", "long.jsonl.zst"])
def test_a_very_long_row_is_read_whole(name: str, read: Read) -> None:
    """A row of many megabytes is a row like any other."""
    texts = ["word 字 " * 400_000, "ok"]
    rows = [{"data": texts}, {"data": ["q", "a"]}]
    text = json.dumps(rows) if "jsonl" not in name else "\n".join(map(json.dumps, rows))
    pack = {"gz": gzip.compress, "zst": zstd}.get(name.rpartition(".")[2], bytes)
    dialogues, reading = read(pack(text.encode()), name, max_characters=0)
    assert [turn.text for turn in dialogues[0].turns] == texts
    assert (reading.rows, reading.kept) == (2, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of several kinds at several depths, each with one row that names it."""
    for name in (
        "b.jsonl", "a.json", "c.parquet", "sub/a.jsonl.gz", "sub/deep/z.jsonl", "A.jsonl.zst",
        "README.md", "notes.txt", "rows.csv", "data.jsonl.bak",
        ".hidden.jsonl", ".git/x.jsonl", "sub/.cache/y.jsonl",
    ):  # fmt: skip
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        row = {"data": [name, "answer"]}
        if name.endswith(".parquet"):
            file.write_bytes(parquet([row]))
            continue
        line = json.dumps(row).encode()
        pack = {".gz": gzip.compress, ".zst": zstd}.get(file.suffix, bytes)
        file.write_bytes(pack(line))
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "",
            ["A.jsonl.zst", "a.json", "b.jsonl", "c.parquet", "sub/a.jsonl.gz", "sub/deep/z.jsonl"],
        ),
        ("sub", ["sub/a.jsonl.gz", "sub/deep/z.jsonl"]),
        ("*.json*", ["A.jsonl.zst", "a.json", "b.jsonl"]),
        ("*", ["A.jsonl.zst", "a.json", "b.jsonl", "c.parquet"]),
        ("[bc].*", ["b.jsonl", "c.parquet"]),
        ("**/*.jsonl", ["b.jsonl", "sub/deep/z.jsonl"]),
        (".hidden.jsonl", [".hidden.jsonl"]),
    ],
)
def test_a_folder_or_glob_names_its_files_in_order(
    source: str, expected: list[str], folder: Path, read_sources: Read
) -> None:
    """Source files alone, sorted by their path; hidden ones only where they are named."""
    place = str(folder / source)
    assert source_files(place) == [folder / name for name in expected]
    dialogues, reading = read_sources(place)
    assert questions(dialogues) == expected
    assert [one.file for one in reading.files] == [str(folder / name) for name in expected]


def test_sources_are_read_in_the_order_given(folder: Path, read_sources: Read) -> None:
    """Several sources follow each other as on the command line, not sorted."""
    sources = [str(folder / name) for name in ("c.parquet", "sub", "a.json")]
    dialogues, reading = read_sources(*sources)
    assert questions(dialogues) == ["c.parquet", "sub/a.jsonl.gz", "sub/deep/z.jsonl", "a.json"]
    assert [one.source for one in reading.files] == [sources[n] for n in (0, 1, 1, 2)]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.jsonl", "a"),
        ("a.b-v1.2.jsonl.gz", "a.b-v1.2"),
        ("x.parquet", "x"),
        ("x.json.zst", "x"),
        ("x.txt", None),
        ("x.gz", None),
        ("jsonl", None),
    ],
)
def test_a_stem_is_the_name_without_extensions(name: str, stem: str | None) -> None:
    """Dots inside the name stay; what is no source file has no stem."""
    assert stem_of(name) == stem


@pytest.mark.parametrize(
    "source",
    ["no-such-file.jsonl", "/no/such/file.jsonl", "none-*.jsonl", "no such name", "no/such/file"],
)
def test_a_source_that_is_not_here_names_the_sample(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing path is one clear line with a way out."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        find_sources([source])
    message = str(caught.value)
    assert source in message
    assert "--source sample" in message
    assert "\n" not in message


@pytest.mark.parametrize("source", ["notes.txt", "only", "*.txt"])
def test_a_source_of_other_files_says_which_can_be_read(source: str, tmp_path: Path) -> None:
    """A file, a folder or a glob without a source file names the suffixes that there are."""
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / ".hidden.jsonl").write_bytes(LINES)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match=r"\.jsonl, \.json, \.parquet"):
        source_files(str(tmp_path / source))


@pytest.mark.parametrize("source", ["no-such-file.jsonl", "none-*.json"])
def test_a_missing_source_is_exit_2_and_leaves_nothing(
    source: str, tmp_path: Path, duplexdata: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The command says it in a line or two, without a traceback, and makes no folder."""
    done = duplexdata("build", "--format", "tdm", "--source", source, "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--source sample" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


def test_columns_that_nobody_reads_do_no_harm(read: Read) -> None:
    """A column that Python cannot hold (a time out of its range) is not looked at."""
    times = pa.array([10**15] * len(ROWS), pa.timestamp("ms"))
    table = pa.table({"when": times, "data": [row["data"] for row in ROWS]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    dialogues, _ = read(sink.getvalue().to_pybytes(), "rows.parquet")
    assert questions(dialogues) == ALL_QUESTIONS
