"""The validator's own reading of sources, and its join with rows."""

import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.errors import SourceError
from duplexdata.pipeline.load.files import raw_rows
from duplexdata.pipeline.load.raw_file import LocalFile
from duplexdata.pipeline.load.rejects import Reject
from duplexdata.pipeline.validate.join import Source, scan_sources
from duplexdata.pipeline.validate.layouts import guess_layout, ids_of, read_dialogue
from duplexdata.pipeline.validate.source import (
    SourceFile,
    Unreadable,
    find_source_files,
    language_of,
    own_name,
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


def test_the_join_holds_what_a_block_needs(tmp_path: Path) -> None:
    """Rows that join dialogues of a block at random hold that block's dialogues, no more."""
    source = scanned(write_jsonl(tmp_path / "a.jsonl", ultrachat(1000)))
    chance, uses = random.Random(0), []  # noqa: S311  # it mixes rows, not codes
    for block in range(0, 1000, 50):
        members = list(range(block, block + 50))
        for _ in range(2):  # two types
            chance.shuffle(members)
            uses += [members[at : at + 5] for at in range(0, 50, 5)]
    source.rewind(enumerate(uses))
    most = 0
    for when, wanted in enumerate(uses):
        found = source.dialogues(wanted, when)
        assert {one: found[one].turns[0] for one in wanted} == {
            one: f"Question {one}?" for one in wanted
        }
        most = max(most, source.held)
    assert most <= 50


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


DEEP = '{"id": "deep", "data": ' + "[" * 3000 + "]" * 3000 + "}"
LONG = '{"id": ' + "1" * 5000 + ', "data": ["[q\\"]", "a"]}'


@pytest.mark.parametrize("packed", [DEEP, LONG, LONG.replace("{", "{" + " " * (1 << 20))])
def test_a_row_that_no_reader_goes_through_is_unreadable(tmp_path: Path, packed: str) -> None:
    """Brackets without end and numbers too long are rows that cannot be used, not tracebacks."""
    rows = ['{"a": 1}', packed, '{"b": "]"}']
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), "utf-8")
    (tmp_path / "rows.json").write_text(f"[{', '.join(rows)}]", "utf-8")
    for name in ("rows.jsonl", "rows.json"):
        first, odd, last = records(tmp_path / name)
        assert (first, last) == ({"a": 1}, {"b": "]"})
        assert isinstance(odd, Unreadable)


@pytest.mark.parametrize(
    "broken",
    [
        b'{"id": "b", "data": ["x", "y"],}',
        b'{"id": "a\tb"}',
        b"undefined",
        b'{"id": "\xff"}',
        b'{"id": tru}',
        b'"a" "b"',
        b"[1 2]",
    ],
)
def test_what_is_no_json_in_an_array_is_unreadable(broken: bytes, tmp_path: Path) -> None:
    """It alone, wherever a chunk ends; and it is what a build rejects."""
    first = b'{"id": "a", "data": ["Is it?", "It is."]}'
    filled = b'{"id": "f", "data": ["Is it?", "' + b"x" * 2_000_000 + b'"]}'
    file = tmp_path / "rows.json"
    file.write_bytes(b"[" + b" , ".join([first, broken, filled, broken, first]) + b"]")
    told = [isinstance(one, Unreadable) for one in records(file)]
    assert told == [False, True, False, True, False]
    raw = raw_rows(LocalFile(file, "rows"), ())
    assert [isinstance(held, Reject) for _, _, held in raw] == told


def test_numbers_too_long_alone_in_an_array_are_unreadable(tmp_path: Path) -> None:
    """They end at the comma or bracket after them."""
    (tmp_path / "rows.json").write_text(f"[{'1' * 5000}, 1, {'2' * 5000}]", "utf-8")
    assert [isinstance(one, Unreadable) for one in records(tmp_path / "rows.json")] == [
        *(True, False, True)
    ]


def test_a_glob_is_read_for_its_source_files(tmp_path: Path) -> None:
    """What else it matches is left aside; it is an error only if nothing is left."""
    for name in ("a.jsonl", "README.md", "b.json"):
        (tmp_path / name).write_bytes(b"")
    assert [one.name for one in find_source_files([str(tmp_path / "*")])] == ["a", "b"]
    with pytest.raises(SourceError, match="--source"):
        find_source_files([str(tmp_path / "*.md")])


def test_files_of_one_stem_are_told_apart(tmp_path: Path) -> None:
    """Over all sources, in the order read: `stem`, `stem~2`, `stem~3`."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write_jsonl(tmp_path / folder / "a.jsonl", ultrachat(2, folder))
    (tmp_path / "y" / "a.json").write_text("[]", "utf-8")
    both = [str(tmp_path / "x"), str(tmp_path / "y"), "sample", "sample"]
    assert [one.name for one in find_source_files(both)] == [
        *("a", "a~2", "a~3", "sample", "sample~2")
    ]
    source = scanned(tmp_path / "x", tmp_path / "y" / "a.jsonl")
    assert source.ordinals("a:x1") == [1]
    assert source.ordinals("a~2:y1") == [3]
    assert source.ordinals("a~2:#2") == [3]
    assert source.ordinals("a:y1") == []


def test_own_ids_that_read_as_numbers_or_cannot_be_written() -> None:
    """`#7` is no id of its own; half a surrogate pair is written out."""
    assert own_name("#7") is None
    assert [own_name(one) for one in ("#7a", "x#7", "7")] == ["#7a", "x#7", "7"]
    assert own_name("a\ud800") == "a\\ud800"


def test_an_own_id_that_ends_as_a_number_does_is_one(tmp_path: Path) -> None:
    """`x:#1` is an own id: of several rows that have it, the first one's."""
    rows = ultrachat(3)
    rows[1]["id"] = rows[2]["id"] = "x:#1"
    source = scanned(write_jsonl(tmp_path / "a.jsonl", rows))
    source.reject([])
    assert source.ordinals("a:x:#1") == [1]
    assert source.ordinals("a:#3") == [2]


def test_rejected_rows_of_a_file_read_twice(tmp_path: Path) -> None:
    """Rejected once it is the copy, twice both; a file found elsewhere goes by its place."""
    path = write_jsonl(tmp_path / "a.jsonl", [*ultrachat(2), {"odd": 1}])
    source = scanned(path, path)
    said = source.files[0].said
    assert source.reject([(said, 1), (said, 3), (said, 3)]) == []
    assert source.rejected is not None
    assert source.rejected.tolist() == [False, False, True, True, False, True]
    assert source.reject([(said, 1)] * 3) == [(said, 1)]
    (tmp_path / "b").mkdir()
    other = write_jsonl(tmp_path / "b" / "a.jsonl", ultrachat(3))
    moved = scan_sources([str(path), str(other)], {}, None, said=["old/a.jsonl", "new/a.jsonl"])
    assert moved.reject([("old/a.jsonl", 2)]) == []
    assert moved.rejected is not None
    assert moved.rejected.tolist() == [False, True] + [False] * 4


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is it? It is a cat.", "en"),
        ("今天天气怎么样？很好。", "zh"),
        ("请解释 Python 的 list comprehension，谢谢你的帮助。", "zh"),
        ("Say 你好 to all of them at once.", "en"),
        ("一 two", "zh"),
        ("...", None),
        ("二 don't", None),
    ],
)
def test_the_language_of_a_text_by_its_script(text: str, language: str | None) -> None:
    """Chinese has as many Han characters as other words; where that is open, nothing is said."""
    assert language_of([text]) == language
