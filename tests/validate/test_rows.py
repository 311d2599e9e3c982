"""Rows of all shapes: JSONL, the released layout, malformed ones, types of later versions."""

import copy
import gzip
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.errors import FolderError, RecipeError
from duplexdata.pipeline.validate import Report, validate
from duplexdata.pipeline.validate.released import runs_of

from .test_mutation import MUTATIONS, Mutation

Built = Callable[[str, str], Path]
Row = dict[str, Any]

IDLE = "<idle>"


def rows_of(folder: Path) -> list[Row]:
    """The rows of the train split."""
    rows: list[Row] = pq.read_table(folder / "data" / "train-00000.parquet").to_pylist()
    return rows


def write(path: Path, rows: list[Any]) -> Path:
    """Rows as lines, packed if the name says so."""
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def released(rows: list[Row], column: str) -> list[Row]:
    """Rows with nothing but what is said."""
    return [{column: row[column]} for row in rows]


def only(report: Report) -> tuple[str, str, str]:
    """The one breach of a report."""
    assert report.breaches == 1, report.lines()
    return report.first[0].check, report.first[0].expected, report.first[0].found


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_lines_of_our_columns_prove_what_parquet_proves(
    clean_build: Built, tmp_path: Path, row_format: str, name: str
) -> None:
    """JSONL with our columns is proved as Parquet is, with the source too."""
    rows = rows_of(clean_build(row_format, "sample"))
    report = validate(write(tmp_path / name, rows), sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["rule 1"] == report.proved["source"] == report.rows == len(rows)


def odd_role(row: Row, _chance: random.Random) -> bool:
    """An utterance is of nobody known."""
    row["utterances"][0]["role"] = "system"
    return True


def disordered(row: Row, _chance: random.Random) -> bool:
    """Two utterances of one side change places."""
    utterances = row["utterances"]
    if len(utterances) < 3:
        return False
    utterances[0], utterances[2] = utterances[2], utterances[0]
    return True


def overlong(row: Row, chance: random.Random) -> bool:
    """An utterance says that it takes a pair more than it does."""
    chance.choice(row["utterances"])["slices"] += 1
    return True


def far(row: Row, _chance: random.Random) -> bool:
    """An utterance says that it starts far behind all that is said."""
    row["utterances"][-1]["start"] += 100_000
    return True


def emptied(row: Row, chance: random.Random) -> bool:
    """A slice is empty."""
    chance.choice(row["output"])["content"] = ""
    return True


def odd_turn(row: Row, _chance: random.Random) -> bool:
    """Two messages of one side follow each other."""
    row["output"][2]["role"] = "assistant"
    return True


WAYS: list[Mutation] = [
    *(mutate for mutate, _ in MUTATIONS["tdm"].values()),
    *(odd_role, disordered, overlong, far, emptied),
]


def any_way(row: Row, chance: random.Random) -> bool:
    """One of the ways in which roles still alternate."""
    return chance.choice(WAYS)(row, chance)


@pytest.mark.parametrize("mutate", [*WAYS, odd_turn, any_way], ids=lambda one: one.__name__)
def test_what_is_read_in_batches_is_what_is_read_row_by_row(
    clean_statements: Built, tmp_path: Path, mutate: Mutation
) -> None:
    """Where some rows are broken, Parquet has the very breaches that lines of JSON have."""
    folder, chance = clean_statements("tdm", "sample"), random.Random(0)  # noqa: S311  # no codes
    rows = rows_of(folder)
    for at in range(0, len(rows), 3):
        changed = copy.deepcopy(rows[at])
        if mutate(changed, chance):
            rows[at] = changed
    schema = pq.read_schema(folder / "data" / "train-00000.parquet")
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "rows.parquet")
    told = []
    for file in (write(tmp_path / "rows.jsonl", rows), tmp_path / "rows.parquet"):
        report = validate(file, show=len(rows))
        found = ((one.check, one.row, one.expected, one.found) for one in report.first)
        told.append([one for one in found if one[0] != "schema"])  # other rows are sampled
    assert told[0] == told[1] != []


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.parquet"])
def test_the_released_layout_is_proved_as_far_as_its_column_tells(
    clean_build: Built, tmp_path: Path, name: str
) -> None:
    """Rows of `output` alone: rules 1, 2, 3 and 6 from the pattern of silence, the rest named."""
    rows = released(rows_of(clean_build("tdm", "sample")), "output")
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    else:
        write(tmp_path / name, rows)
    report = validate(tmp_path / name, sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["rule 3"] == report.proved["rule 6"] == len(rows)
    for check in ("rule 4", "rule 5", "type", "source"):
        assert report.unproved[check, "no utterances column"] == len(rows)
        assert report.proved[check] == 0


def test_duo_messages_alone_are_proved_as_far_as_they_tell(
    clean_build: Built, tmp_path: Path
) -> None:
    """Rows of `messages` alone: order, state tokens and markers."""
    rows = released(rows_of(clean_build("duo", "sample")), "messages")
    report = validate(write(tmp_path / "rows.jsonl", rows))
    assert report.breaches == 0, report.lines()
    assert report.proved["shape"] == len(rows)
    rows[0]["messages"][0]["content"] += " "
    rows[1]["messages"][1]["role"] = "user"
    rows[2]["messages"][1]["content"] += "<2> and more"
    broken = validate(write(tmp_path / "rows.jsonl", rows))
    assert {(one.row, one.check) for one in broken.first} == {
        (1, "shape"),
        (1, "rule 6"),
        (2, "shape"),
        (3, "rule 6"),
    }


def pairs(*said: tuple[str, str]) -> list[dict[str, str]]:
    """Pairs of slices as an `output`."""
    return [
        {"role": role, "content": text}
        for pair in said
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


def test_runs_are_drawn_out_of_silence() -> None:
    """A query of one slice that is answered at once ends there, even where the next follows."""
    runs = runs_of(["Hi.", "Hello.", "Why is", IDLE, "it so?", "Well,", IDLE, " so.", IDLE, IDLE])
    assert [(one.role, one.start, list(one.slices)) for one in runs] == [
        ("user", 0, ["Hi."]),
        ("assistant", 0, ["Hello."]),
        ("user", 1, ["Why is", "it so?"]),
        ("assistant", 2, ["Well,", " so."]),
    ]


@pytest.mark.parametrize(
    ("output", "check"),
    [
        (pairs(("one two three", IDLE), ("four", "Yes.")), "rule 2"),
        (pairs(("one two three four ", IDLE), ("five", "Yes.")), "rule 1"),
        (pairs(("one two", IDLE), (IDLE, IDLE), ("three", "Yes.")), "rule 3"),
        (pairs((IDLE, "Yes."), ("one", "No.")), "rule 3"),
        (pairs(("one", "Yes <1>.")), "rule 6"),
        (pairs(("one", "Y"), (IDLE, "es.")), "rule 2"),
        (pairs(("one", "Yes."))[::-1], "shape"),
        (pairs(("one", "Yes."))[:1], "shape"),
        (pairs((IDLE, IDLE)), "rule 3"),
    ],
)
def test_the_released_layout_shows_what_is_broken(
    tmp_path: Path, output: list[Row], check: str
) -> None:
    """Each rule that the column tells of is broken by a row of its own."""
    report = validate(write(tmp_path / "rows.jsonl", [{"output": output}]))
    assert report.broken[check] == 1, report.lines()


def test_words_of_chinese_that_cannot_be_made_out_are_not_a_breach(tmp_path: Path) -> None:
    """Where a row of the released layout is Chinese, its words are said to be unproved."""
    output = pairs(("今天天气怎么样啊", IDLE), ("你好吗", "好。"))
    report = validate(write(tmp_path / "rows.jsonl", [{"output": output}]))
    assert report.breaches == 0, report.lines()
    assert any(check == "rule 2" and "Chinese" in why for check, why in report.unproved)


TRACEBACK = "Traceback (most recent call last):"


@pytest.mark.parametrize(
    "asked",
    [
        ("请看这个错误：", "File in line three of", "it"),  # in neither
        (f"看看这个 {TRACEBACK}", "怎么办"),  # as English
        ("今天天气怎么样啊我想去外面玩儿", "好吗"),  # as Chinese
    ],
)
def test_mixed_words_without_a_language_are_not_a_breach(
    tmp_path: Path, asked: tuple[str, ...]
) -> None:
    """Where no column tells the language, words that fit in one or none are said unproved."""
    *before, last = asked
    output = pairs(*((one, IDLE) for one in before), (last, "好。"))
    report = validate(write(tmp_path / "rows.jsonl", [{"output": output}]))
    assert report.breaches == 0, report.lines()
    assert report.proved["rule 2"] == 0
    assert any(check == "rule 2" and "no column" in why for check, why in report.unproved)


@pytest.mark.parametrize("language", [{}, {"language": "zh"}])
@pytest.mark.parametrize("first", ["a b c d e f 好", "好 a", "one two three"])
def test_words_that_fit_in_no_language_are_a_breach(
    tmp_path: Path, first: str, language: Row
) -> None:
    """No word spans white space, and each has a character: that holds in every language."""
    output = pairs((first, IDLE), ("four", "Yes."))
    report = validate(write(tmp_path / "rows.jsonl", [{"output": output, **language}]))
    assert report.broken["rule 2"] == 1, report.lines()


def test_words_that_fit_in_both_languages_are_proved(tmp_path: Path) -> None:
    """English with a word or two of Chinese in it needs no column to be counted."""
    output = pairs(("Please say 你好 for", IDLE), ("me.", "Yes."))
    report = validate(write(tmp_path / "rows.jsonl", [{"output": output}]))
    assert report.proved["rule 2"] == 1, report.lines()


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_language_that_there_is_not_is_a_breach(
    clean_build: Built, tmp_path: Path, row_format: str
) -> None:
    """Every row's language is en or zh: by the row check, and by the schema."""
    rows = rows_of(clean_build(row_format, "sample"))[:3]
    rows[1]["language"] = "fr"
    report = validate(write(tmp_path / "rows.jsonl", rows))
    assert {(one.check, one.row) for one in report.first} >= {("shape", 2), ("schema", 2)}
    assert report.proved["shape"] == 2
    column = {"tdm": "output", "duo": "messages"}[row_format]
    named = [{column: rows[1][column], "language": "fr"}]
    assert validate(write(tmp_path / "rows.jsonl", named)).broken["shape"] == 1


def test_an_id_of_another_form_is_a_breach(clean_build: Built, tmp_path: Path) -> None:
    """An id is its type and a hash; that the hash is right is said to be unproved."""
    rows = rows_of(clean_build("tdm", "sample"))[:2]
    rows[1]["id"] = f"{rows[1]['type']}-mine"
    report = validate(write(tmp_path / "rows.jsonl", rows))
    assert only(report)[:2] == ("shape", f"an id of the form {rows[1]['type']}-<hex>")
    assert ("id", "ids are not computed again from the keys of the dialogues") in report.unproved


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_files_without_a_row_are_told(clean_build: Built, tmp_path: Path, name: str) -> None:
    """Nothing is proved over nothing."""
    if name.endswith(".parquet"):
        table = pq.read_table(clean_build("tdm", "sample") / "data" / "train-00000.parquet")
        pq.write_table(table.slice(0, 0), tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b"\n \n")
    with pytest.raises(FolderError, match="holds no row"):
        validate(tmp_path / name)


@pytest.mark.parametrize("tokens", [0, -3])
def test_slices_of_no_token_are_refused(clean_build: Built, tokens: int) -> None:
    """A slice holds a token at least, whoever asks."""
    with pytest.raises(RecipeError, match=rf"--slice-tokens {tokens}: it must be 1 or more"):
        validate(clean_build("tdm", "sample"), slice_tokens=tokens)


@pytest.mark.parametrize("unfinished", [False, True])
def test_without_a_manifest_nothing_lost_is_not_proved(
    clean_build: Built, tmp_path: Path, unfinished: bool
) -> None:
    """Rows alone do not tell which types were built; an unfinished build's folder is named."""
    data = shutil.copytree(clean_build("tdm", "sample") / "data", tmp_path / "data")
    if unfinished:
        (tmp_path / ".work").mkdir()
    for path in (tmp_path, data):
        report = validate(path, sources=["sample"])
        assert report.breaches == 0, report.lines()
        assert report.proved["source"] == report.rows
        assert report.proved["nothing lost"] == 0
        said = next(why for check, why in report.unproved if check == "nothing lost")
        assert said.endswith("no manifest says which types and how many rows were built")
        told = ("manifest", "it is the folder of an unfinished build") in report.unproved
        assert told == said.startswith("it is the folder of an unfinished build") == unfinished


def test_a_part_of_a_run_does_not_prove_that_nothing_is_lost(clean_build: Built) -> None:
    """A file of a run is not all of it."""
    folder = clean_build("tdm", "sample")
    report = validate(folder / "data" / "train-00000.parquet", sources=["sample"])
    assert report.breaches == 0, report.lines()
    for check in ("manifest", "nothing lost"):
        assert (check, f"only a part of the run was given: give {folder}") in report.unproved


def _without(name: str) -> Callable[[Row], Any]:
    def change(row: Row) -> Any:
        del row[name]
        return row

    return change


def _with(name: str, value: Any) -> Callable[[Row], Any]:
    return lambda row: {**row, name: value}


def _in_utterance(name: str, value: Any) -> Callable[[Row], Any]:
    def change(row: Row) -> Any:
        row["utterances"][0][name] = value
        return row

    return change


@pytest.mark.parametrize(
    "change",
    [
        _without("id"),
        _without("utterances"),
        _without("generator"),
        _without("output"),
        _with("id", 7),
        _with("source_ids", None),
        _with("source_ids", [None]),
        _with("utterances", [None]),
        _with("output", {"role": "user"}),
        _with("output", [{"role": "user", "content": None}]),
        _with("messages", []),
        _in_utterance("start", "0"),
        _in_utterance("start", -1),
        _in_utterance("start", 2**40),
        _in_utterance("slices", None),
        _in_utterance("over", None),
        _in_utterance("unheard", None),
        _in_utterance("role", "narrator"),
        _with("output", []),
        _with("utterances", []),
        lambda _: [1, 2],
        lambda _: None,
    ],
)
def test_malformed_rows_are_breaches(
    clean_build: Built, tmp_path: Path, change: Callable[[Row], Any]
) -> None:
    """A row that is no row is one in breach; the rows around it are still proved."""
    rows: list[Any] = rows_of(clean_build("tdm", "sample"))[:3]
    rows[1] = change(copy.deepcopy(rows[1]))
    report = validate(write(tmp_path / "rows.jsonl", rows), sources=["sample"])
    assert report.rows_in_breach == 1, report.lines()
    assert report.proved["rule 1"] >= 2
    assert {one.row for one in report.first} == {2}


def test_a_line_that_is_no_json_is_a_breach(tmp_path: Path) -> None:
    """A cut line is counted as a row in breach."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"output": [\n')
    check, expected, _ = only(validate(path))
    assert (check, expected) == ("shape", "a line of JSON")


def test_nulls_in_parquet_are_breaches(clean_build: Built, tmp_path: Path) -> None:
    """A null where none may be is told with its row; the others are proved."""
    folder = clean_build("tdm", "sample")
    schema = pq.read_schema(folder / "data" / "train-00000.parquet")
    rows = rows_of(folder)[:5]
    rows[3]["output"][0]["content"] = None
    rows[4]["generator"] = None
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    report = validate(path)
    assert {one.row for one in report.first} == {4, 5}
    assert report.proved["rule 3"] == 3
    assert report.broken["file"] == 0


def test_another_arrow_schema_is_a_breach(clean_build: Built, tmp_path: Path) -> None:
    """Columns of another type or name break the file; its rows are still looked at."""
    table = pq.read_table(clean_build("tdm", "sample") / "data" / "train-00000.parquet")
    path = tmp_path / "rows.parquet"
    pq.write_table(table.drop_columns(["generator"]), path)
    report = validate(path)
    assert report.broken["file"] == 1
    assert report.broken["shape"] == report.rows == table.num_rows
    wide = table.set_column(0, "id", table["id"].cast(pa.large_string()))
    pq.write_table(wide, path)
    assert only(validate(path))[:2] == ("file", "column id: string")


def test_columns_of_other_tools_are_named_not_broken(clean_build: Built, tmp_path: Path) -> None:
    """A column that the contract does not know is said to be unproved."""
    table = pq.read_table(clean_build("tdm", "sample") / "data" / "train-00000.parquet")
    path = tmp_path / "rows.parquet"
    pq.write_table(table.append_column("tokens", pa.array([[1]] * table.num_rows)), path)
    report = validate(path)
    assert report.breaches == 0, report.lines()
    assert ("shape", "the column tokens is not known to this version") in report.unproved


def test_types_and_kinds_of_later_versions_are_not_breaches(
    clean_build: Built, tmp_path: Path
) -> None:
    """What this version does not know is counted as not proved, and said."""
    rows = rows_of(clean_build("tdm", "sample"))[:3]
    rows[0]["type"] = "juggling"
    rows[0]["id"] = "juggling-1"
    rows[0]["source_ids"] = ["sample:en-01", "sample:en-02"]
    rows[1]["utterances"][0]["kind"] = "sigh"
    report = validate(write(tmp_path / "rows.jsonl", rows), sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["shape"] == report.proved["rule 6"] == 3
    assert report.proved["rule 3"] == 1
    assert report.unproved["rule 3", "the type juggling is not known to this version"] == 1
    assert report.unproved["rule 3", "the kind sigh is not known to this version"] == 1


def test_repeated_ids_are_named(clean_build: Built, tmp_path: Path) -> None:
    """The second row of an id is the one that is told."""
    rows = rows_of(clean_build("duo", "sample"))[:3]
    report = validate(write(tmp_path / "rows.jsonl", [*rows, rows[1]]))
    assert only(report)[0] == "unique"
    assert report.first[0].row == 4


def test_a_row_of_another_source_is_a_breach(clean_build: Built, tmp_path: Path) -> None:
    """A source id that no source row has is told, and so is the text of another dialogue."""
    rows = rows_of(clean_build("tdm", "sample"))[:2]
    rows[0]["source_ids"] = ["sample:nobody"]
    rows[1]["source_ids"] = ["sample:zh-01"]
    report = validate(write(tmp_path / "rows.jsonl", rows), sources=["sample"])
    assert report.broken["source"] == 2
    assert report.proved["rule 3"] == 2


@pytest.mark.parametrize("name", ["", "nothing", "rows.txt", "cut.parquet", "cut.jsonl.gz"])
def test_paths_that_hold_no_rows_are_told_in_one_line(tmp_path: Path, name: str) -> None:
    """A path that cannot be read raises an error with what to do, in one line."""
    path = tmp_path / name if name else tmp_path
    if name.startswith("cut"):
        path.write_bytes(gzip.compress(b"{}\n" * 1000)[:-9])
    elif name.endswith(".txt"):
        path.write_bytes(b"")
    with pytest.raises(FolderError) as told:
        validate(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)
