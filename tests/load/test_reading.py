"""Pass one over the sources: duplicates, limits, languages, splits and blocks of rows."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.dialogue import Dialogue, turns_key
from duplexdata.pipeline.errors import SourceError
from duplexdata.pipeline.load.block import Block
from duplexdata.pipeline.load.raw_file import file_digest
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.recipe import Recipe

Read = Callable[..., tuple[list[Dialogue], Reading]]

SAME = ["What is it?", "It is this."]
MANY = [{"data": [f"Question {n}?", f"Answer {n}."]} for n in range(1000)]


def write(file: Path, *rows: Any) -> Path:
    """A file of these rows, a line each."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_duplicates_are_rejected(read: Read) -> None:
    """The first in source order stays; the others name the row that it is."""
    rows = [{"data": ["x", "y"]}, {"data": SAME}, {}, {"data": SAME}, {"data": SAME}]
    dialogues, reading = read(rows)
    assert [one.source_id for one in dialogues] == ["rows:#1", "rows:#2"]
    assert [(one.reason, one.place.row) for one in reading.rejected] == [
        ("unknown_layout", 3),
        ("duplicate", 4),
        ("duplicate", 5),
    ]
    assert "row 2 " in reading.rejected[-1].detail


def test_duplicates_are_found_over_layouts_and_files(tmp_path: Path, read_sources: Read) -> None:
    """Roles and texts alone tell a dialogue: its id, layout, file or system message do not."""
    messages = [{"role": "system", "content": "Be brief."}]
    messages += [
        {"role": role, "content": text}
        for role, text in zip(("user", "assistant"), SAME, strict=True)
    ]
    first = write(tmp_path / "a.jsonl", {"id": "1", "data": SAME})
    second = write(tmp_path / "b.jsonl", {"id": "2", "messages": messages})
    dialogues, reading = read_sources(first, second)
    assert [one.source_id for one in dialogues] == ["a:1"]
    assert [(one.reason, one.place.file) for one in reading.rejected] == [
        ("duplicate", str(second))
    ]


@pytest.mark.parametrize(
    "other",
    [["What is it?", "It is this. "], ["What is it", "It is this."], [*SAME, "q", "a"]],
)
def test_almost_the_same_is_no_duplicate(other: list[str], read: Read) -> None:
    """A character more or less is another dialogue."""
    dialogues, _ = read([{"data": SAME}, {"data": other}])
    assert len({one.key for one in dialogues}) == 2


def test_kept_duplicates_have_keys_of_their_own_and_one_split(read: Read) -> None:
    """Each copy draws chance of its own, and copies of a dialogue stay together (rule 9)."""
    texts = [[f"q{number}", "a"] for number in range(40)]
    rows = [{"data": one} for one in texts * 3]
    dialogues, reading = read(rows, duplicates="keep", validation=0.5)
    assert (len(dialogues), reading.rejected) == (120, [])
    assert len({one.key for one in dialogues}) == 120
    splits: dict[str, set[str]] = {}
    for one in dialogues:
        splits.setdefault(one.turns[0].text, set()).add(one.split)
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == {"train", "validation"}


def test_the_first_of_kept_duplicates_is_keyed_as_if_alone(read: Read) -> None:
    """A copy further down changes nothing of the first."""
    alone, _ = read([{"data": SAME}])
    first, _ = read([{"data": SAME}, {"data": SAME}], duplicates="keep")
    assert alone[0] == first[0]
    assert alone[0].key == turns_key(alone[0].turns)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_validation_split_has_its_share(share: float, read: Read) -> None:
    """About that share of dialogues is validation; none at 0, all at 1."""
    dialogues, _ = read(MANY, validation=share)
    found = sum(one.split == "validation" for one in dialogues) / len(dialogues)
    assert abs(found - share) < 0.05
    assert share not in {0, 1} or found == share


def test_splits_hang_on_seed_and_content_alone(tmp_path: Path, read_sources: Read) -> None:
    """A dialogue is in the same split whatever its file, row and neighbours."""
    everything, _ = read_sources(write(tmp_path / "a.jsonl", *MANY), validation=0.3)
    some, _ = read_sources(write(tmp_path / "b.jsonl", *MANY[::-7]), validation=0.3)
    splits = {one.key: one.split for one in everything}
    assert all(splits[one.key] == one.split for one in some)
    other, _ = read_sources(tmp_path / "a.jsonl", validation=0.3, seed=1)
    assert {one.key: one.split for one in other} != splits
    more, _ = read_sources(tmp_path / "a.jsonl", validation=0.6)
    assert {one.key for one in everything if one.split == "validation"} <= {
        one.key for one in more if one.split == "validation"
    }


@pytest.mark.parametrize(
    ("limit", "kept", "rejected", "files"),
    [
        (1, ["a:#1"], 0, [1]),
        (2, ["a:#1"], 1, [2]),
        (3, ["a:#1", "a:#3"], 1, [3]),
        (4, ["a:#1", "a:#3", "b:#1"], 1, [3, 1]),
        (5, ["a:#1", "a:#3", "b:#1"], 2, [3, 2]),
        (6, ["a:#1", "a:#3", "b:#1", "c:#1"], 2, [3, 2, 1]),
        (99, ["a:#1", "a:#3", "b:#1", "c:#1"], 3, [3, 2, 2]),
        (None, ["a:#1", "a:#3", "b:#1", "c:#1"], 3, [3, 2, 2]),
    ],
)
def test_a_limit_counts_rows_over_all_sources(
    limit: int | None,
    kept: list[str],
    rejected: int,
    files: list[int],
    tmp_path: Path,
    read_sources: Read,
) -> None:
    """The first N rows in order, rejects and duplicates included; what is behind is not read."""
    folder = tmp_path / "folder"
    write(folder / "a.jsonl", {"data": ["1", "a"]}, {}, {"data": ["2", "a"]})
    write(folder / "b.jsonl", {"data": ["3", "a"]}, {"data": ["1", "a"]})
    last = write(tmp_path / "c.jsonl", {"data": ["4", "a"]}, {"data": []})
    dialogues, reading = read_sources(folder, last, limit=limit)
    assert [one.source_id for one in dialogues] == kept
    assert [one.rows for one in reading.files] == files
    assert (reading.rows, len(reading.rejected)) == (sum(files), rejected)


@pytest.mark.parametrize("files", [1, 2])
def test_a_limit_that_leaves_no_usable_row_is_an_error(
    files: int, tmp_path: Path, read_sources: Read
) -> None:
    """A source of rejects alone is told of, however many files of it the limit leaves unread."""
    folder = tmp_path / "folder"
    for number in range(files):
        write(folder / f"{number}.jsonl", {"data": []}, {"data": ["alone"]})
    with pytest.raises(SourceError, match="no usable row"):
        read_sources(folder, limit=2)


@pytest.mark.parametrize(("rows", "expected"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (50, [7])])
def test_blocks_hold_so_many_dialogues(rows: int, expected: list[int], tmp_path: Path) -> None:
    """Blocks are numbered from 0, full but for the last, and tell where each row stands."""
    file = write(tmp_path / "a.jsonl", *MANY[:3], {}, *MANY[3:7])
    reading = Reading(Recipe(format="tdm", source=(str(file),), block_rows=rows), lambda _: None)
    blocks = [block for block in reading.blocks() if isinstance(block, Block)]
    assert [block.number for block in blocks] == list(range(len(expected)))
    assert [len(block.dialogues) for block in blocks] == expected
    places = [place for block in blocks for place in block.places]
    assert [(place.file, place.row, place.line) for place in places] == [
        (str(file), row, row) for row in (1, 2, 3, 5, 6, 7, 8)
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json"])
@pytest.mark.parametrize("limit", [None, 1, 40])
def test_the_digest_is_that_of_the_file_however_much_of_it_is_read(
    name: str, limit: int | None, tmp_path: Path, read_sources: Read
) -> None:
    """Read to its end, or stopped after a row: the sha256 names the file as it lies there."""
    rows = [{"data": [f"{number} q?", "long " * 100_000]} for number in range(3)]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    data = json.dumps(rows).encode() if name.endswith(".json") else lines
    file = tmp_path / name
    file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    _, reading = read_sources(file, limit=limit, max_characters=0)
    [found] = reading.files
    assert found.sha256 == file_digest(file)
    assert found.bytes == file.stat().st_size


def test_what_was_read_is_named(tmp_path: Path, read_sources: Read) -> None:
    """Each file has its source, layout, size and sha256, for the manifest."""
    file = write(tmp_path / "in" / "a.b.jsonl", *MANY[:5])
    _, reading = read_sources(tmp_path / "in")
    [found] = reading.files
    assert (found.source, found.file, found.name) == (str(tmp_path / "in"), str(file), "a.b")
    assert (found.layout, found.rows, found.bytes) == ("ultrachat", 5, file.stat().st_size)
    assert found.sha256 == file_digest(file)


def test_a_source_of_duplicates_alone_is_usable(tmp_path: Path, read_sources: Read) -> None:
    """Naming a source twice gives its dialogues once, and is no error."""
    file = write(tmp_path / "a.jsonl", *MANY[:3])
    dialogues, reading = read_sources(file, file)
    assert len(dialogues) == 3
    assert Counter(one.reason for one in reading.rejected) == {"duplicate": 3}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_language_that_is_named_holds_for_all(language: str, read: Read) -> None:
    """`--language` is not weighed against the text."""
    rows = [{"data": ["Hello?", "Yes."]}, {"data": ["你好吗？", "很好。"]}]
    dialogues, _ = read(rows, language=language)
    assert [one.language for one in dialogues] == [language] * 2


def test_the_language_is_of_the_whole_dialogue(read: Read) -> None:
    """All its turns are weighed together, the answers too."""
    rows = [
        {"data": ["Translate: good morning", "早上好。这是一个常用的问候语，适合早晨使用。"]},
        {"data": ["早上好？", "That means good morning, and people say it before noon."]},
    ]
    dialogues, _ = read(rows)
    assert [one.language for one in dialogues] == ["zh", "en"]


def write_large(file: Path) -> Path:
    """5,120 rows of two kilobytes that hardly pack, 10 MB in all."""
    chance = np.random.default_rng(0)
    rows = [{"data": ["Why?", chance.bytes(1000).hex()]} for _ in range(5_120)]
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=1000)
        return file
    lines = ",\n".join(map(json.dumps, rows))
    content = (f"[{lines}]" if ".json." in f"{file.name}." else lines.replace("},", "}")).encode()
    if file.suffix == ".gz":
        content = gzip.compress(content, 1)
    elif file.suffix == ".zst":
        content = pa.compress(content, codec="zstd", asbytes=True)
    file.write_bytes(content)
    return file


def shares(file: Path, **knobs: Any) -> list[float]:
    """What the reading says of how far it is, after each block of 512 rows and at the end."""
    reading = Reading(Recipe("tdm", source=(str(file),), block_rows=512, **knobs), lambda _: None)
    return [*(reading.share for _ in reading.blocks()), reading.share]


@pytest.mark.parametrize("ending", ["jsonl", "json", "jsonl.gz", "jsonl.zst", "parquet"])
def test_reading_tells_how_far_it_is(ending: str, tmp_path: Path) -> None:
    """The share grows with the rows, by the bytes on disk, packed or not, up to 1."""
    found = shares(write_large(tmp_path / f"rows.{ending}"))
    assert found == sorted(found)
    for number, share in enumerate(found[:-1], start=1):
        assert number / 10 - 0.02 < share < number / 10 + 0.25  # a buffer is read ahead
    assert found[-1] == 1


def test_reading_tells_how_far_it_is_of_several_files(tmp_path: Path) -> None:
    """Files that are read count whole."""
    for name in "ab":
        write_large(tmp_path / f"{name}.jsonl")
    reading = Reading(
        Recipe("tdm", source=(str(tmp_path),), block_rows=512, duplicates="keep"), lambda _: None
    )
    found = [reading.share for _ in reading.blocks()]
    assert found == sorted(found)
    assert 0.48 < found[9] <= found[10] < 0.65
    assert found[-1] == reading.share == 1


def test_reading_tells_how_far_it_is_of_a_limit(tmp_path: Path) -> None:
    """Where fewer rows are asked for than there are, the share is of those."""
    assert shares(write_large(tmp_path / "rows.jsonl"), limit=1024) == [0.5, 1, 1]


@pytest.mark.parametrize("most", [0, 1, 70, 10_000])
@pytest.mark.parametrize("asked", [0, 1, 3, 100])
def test_rows_that_are_read_ahead_make_the_same_blocks(
    most: int, asked: int, tmp_path: Path
) -> None:
    """However far it went, blocks, rejects and counts are those of a reading in one go."""
    rows: list[Any] = [*MANY[:150], {"data": SAME}, {}, {"data": SAME}, *MANY[100:300]]
    recipe = Recipe("tdm", source=(str(write(tmp_path / "rows.jsonl", *rows)),), block_rows=40)
    whole, ahead = Reading(recipe, lambda _: None), Reading(recipe, lambda _: None)
    enough = iter([False] * asked)
    ahead.read_ahead(lambda: next(enough, True), most)
    if asked and most:
        assert ahead.rows > 0
    assert ahead.rows <= most + 64 + 101  # so many rejects may stand between
    assert list(ahead.blocks()) == list(whole.blocks())
    assert ahead.rejected == whole.rejected
    assert (ahead.rows, ahead.kept, ahead.files) == (whole.rows, whole.kept, whole.files)


def test_a_source_that_is_broken_is_told_when_it_is_read_ahead(tmp_path: Path) -> None:
    """An error is not kept for later."""
    recipe = Recipe("tdm", source=(str(write(tmp_path / "rows.jsonl", {}, {})),))
    with pytest.raises(SourceError, match="no usable row"):
        Reading(recipe, lambda _: None).read_ahead(lambda: False, 10)
