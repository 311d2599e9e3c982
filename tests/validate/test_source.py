"""The validator's own reading of sources, and its join with rows."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.errors import SourceError
from duplexdata.pipeline.validate.join import Source, scan_sources
from duplexdata.pipeline.validate.layouts import guess_layout, ids_of, read_dialogue
from duplexdata.pipeline.validate.source import (
    SourceFile,
    Unreadable,
    find_source_files,
    read_records,
)


def records(path: Path) -> list[Any]:
    """The rows of a file."""
    return list(read_records(SourceFile(path, str(path), "name")))


def ultrachat(count: int, name: str = "d") -> list[dict[str, Any]]:
    """Rows of two turns."""
    return [{"id": f"{name}{one}", "data": [f"Question {one}?", f"{one}."]} for one in range(count)]


def write_jsonl(path: Path, rows: Sequence[Any]) -> Path:
    """Rows as lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_lines_part_at_line_feeds_alone(tmp_path: Path) -> None:
    """BOM, CRLF, blank lines, a missing last newline and U+2028 inside a row are ordinary."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        '\ufeff{"a": 1}\r\n\r\n   \n{"a": "x\u2028y\u0085z"}\nnot json\n{"a": NaN}'.encode()
    )
    read = records(path)
    assert read[0] == {"a": 1}
    assert read[1] == {"a": "x\u2028y\u0085z"}
    assert isinstance(read[2], Unreadable)
    assert read[3]["a"] != read[3]["a"]
    assert len(read) == 4


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", [".jsonl", ".json", ".parquet"])
def test_every_kind_of_file_is_read(tmp_path: Path, kind: str, packed: str) -> None:
    """Lines, arrays and Parquet give the same rows, plain and packed."""
    rows = ultrachat(50)
    plain = tmp_path / f"rows{kind}"
    if kind == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), plain)
    elif kind == ".json":
        plain.write_text(json.dumps(rows, indent=1), "utf-8")
    else:
        write_jsonl(plain, rows)
    path = plain
    if packed:
        path = tmp_path / f"rows{kind}{packed}"
        if packed == ".gz":
            path.write_bytes(gzip.compress(plain.read_bytes()))
        else:
            with pa.output_stream(str(path), compression="zstd") as out:
                out.write(plain.read_bytes())
    assert records(path) == rows
    assert find_source_files([str(path)])[0].name == "rows"


def test_a_long_array_is_read_over_its_chunks(tmp_path: Path) -> None:
    """An array larger than a chunk, with text of several bytes a character, is read whole."""
    rows = [{"id": one, "data": ["问" * 3000, "答" * 3000]} for one in range(300)]
    path = tmp_path / "long.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    assert path.stat().st_size > 4 << 20
    assert records(path) == rows


def test_a_broken_file_is_a_source_error(tmp_path: Path) -> None:
    """A file that cannot be read to its end raises an error that names it."""
    for name, data in (
        ("cut.json", b'[{"a": 1}, {"b"'),
        ("cut.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 1000)[:-20]),
        ("no.parquet", b"no parquet"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(SourceError, match=name):
            records(path)


def test_sources_are_found_in_order(tmp_path: Path) -> None:
    """Folders and globs are read in the order of their names, sources in the order given."""
    for name in ("b.jsonl", "a.jsonl.gz", "notes.txt", ".hidden.jsonl"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.json").write_bytes(b"[]")
    found = find_source_files(["sample", str(tmp_path)])
    assert [one.name for one in found] == ["sample", "a", "b", "c"]
    assert [one.name for one in find_source_files([str(tmp_path / "*.jsonl*")])] == ["a", "b"]
    for missing in ("owner/name", str(tmp_path / "notes.txt"), str(tmp_path / "x*")):
        with pytest.raises(SourceError, match="--source"):
            find_source_files([missing])


@pytest.mark.parametrize(
    ("record", "turns"),
    [
        ({"data": ["a", "b", "c"]}, ("a", "b")),
        ({"data": ["a", " ", "c", "d"]}, None),
        ({"data": ["a", None]}, None),
        ({"data": ["a"]}, None),
        ({"data": ["\ud800", "b"]}, None),
        (
            {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
            ("a", "b"),
        ),
        ({"conversations": [{"from": "gpt", "value": "b"}]}, None),
        (
            {
                "messages": [
                    {"role": "system", "content": "s"},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "a "},
                            {"type": "text", "value": "b"},
                        ],
                    },
                    {"role": "system", "content": None},
                    {"role": "assistant", "content": "c"},
                    {"role": "user", "content": ""},
                ]
            },
            ("a b", "c"),
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "text": "a"}]}] * 2},
            None,
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": "b", "tool_calls": [{}]},
                ]
            },
            None,
        ),
        ({"other": []}, None),
        ([1], None),
    ],
)
def test_rows_are_read_as_dialogues_or_not_at_all(
    record: Any, turns: tuple[str, ...] | None
) -> None:
    """System messages and a trailing user turn are dropped; what else is odd is no dialogue."""
    layout = guess_layout(record)
    dialogue = read_dialogue(record, layout) if layout else None
    assert (dialogue.turns if dialogue else None) == turns


def test_ids_are_text_or_whole_numbers() -> None:
    """An id that is empty, a fraction, true or a list is none."""
    assert [ids_of({"id": one}) for one in (1, "x", "", 1.5, True, ["a"], None)] == [
        *(["1"], ["x"]),
        *([],) * 5,
    ]
    assert ids_of({"prompt_id": "p", "id": 0}) == ["0", "p"]


def scanned(*paths: Path) -> Source:
    """The sources, read once."""
    return scan_sources([str(one) for one in paths], {}, None)


def test_an_id_names_its_first_kept_row_and_the_others_go_by_number(tmp_path: Path) -> None:
    """`<file>:<id>`, or `#<row>`; an id that repeats belongs to the first row that is kept."""
    rows = ultrachat(4)
    rows[2]["id"] = rows[1]["id"]
    del rows[3]["id"]
    source = scanned(write_jsonl(tmp_path / "a.v2.jsonl", rows))
    assert source.ordinals("a.v2:d1") == [1, 2]
    assert source.ordinals("a.v2:#3") == [2]
    assert source.ordinals("a.v2:#4") == [3]
    assert source.ordinals("a.v2:d9") == source.ordinals("b:d1") == []
    said = source.files[0].said
    assert source.reject([(said, 2), (said, 99)]) == [(said, 99)]
    assert source.ordinals("a.v2:d1") == [2]
    assert source.place(2)[1] == 3


def test_the_join_holds_no_more_than_is_asked_for(tmp_path: Path) -> None:
    """Rows in the order of their source need one batch of dialogues in memory, no more."""
    source = scanned(
        write_jsonl(tmp_path / "a.jsonl", ultrachat(500, "a")),
        write_jsonl(tmp_path / "b.jsonl", ultrachat(500, "b")),
    )
    most = 0
    for _ in range(2):  # two splits
        source.rewind()
        for begin in range(0, 1000, 10):
            # The last of a batch is asked for again, as where a type ends one batch.
            wanted = range(max(0, begin - 1), begin + 10)
            found = source.dialogues(wanted)
            assert [found[one].turns[0] for one in wanted] == [
                f"Question {one % 500}?" for one in wanted
            ]
            most = max(most, source.held)
    assert most == 11


def test_the_join_finds_shuffled_rows_too(tmp_path: Path) -> None:
    """Rows out of order make the join keep what it has read; none is missed."""
    source = scanned(write_jsonl(tmp_path / "a.jsonl", ultrachat(100)))
    for one in (90, 3, 50, 3, 99, 0):
        assert source.dialogues([one])[one].turns == (f"Question {one}?", f"{one}.")
    assert source.held == 100


def test_a_layout_that_does_not_exist_is_told() -> None:
    """--layout takes the names of the layouts."""
    with pytest.raises(SourceError, match="ultrachat_200k"):
        scan_sources(["sample"], {}, "alpaca")
