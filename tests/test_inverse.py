"""Rows of either format as a source: back to the very scripts that they were made from."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.dialogue import Script
from duplexdata.pipeline.errors import DuplexdataError, RecipeError, SourceError
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.load.block import ScriptBlock
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.recipe import Recipe
from duplexdata.pipeline.validate import validate

from .conftest import ROOT, Rows, manifest_of, rows_of

Builder = Callable[..., Path]

RATES = ",".join(f"{name}=1" for name in TYPES)
SAMPLE: Mapping[str, Any] = {"source": ["sample"], "statements": 0.7, "rates": RATES, "samples": 0}


def build(out: Path, **knobs: Any) -> Path:
    """Builds in this process, with these knobs."""
    return Path(run_build(knobs, config=None, out=out, workers=1, engine="local", overwrite=False))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both formats of the sample: all types, statements, both languages, both splits."""
    folder = tmp_path_factory.mktemp("first")
    return {
        name: build(folder / name, **SAMPLE, format=name, validation=0.3) for name in ("tdm", "duo")
    }


@pytest.fixture
def rebuilt(tmp_path: Path) -> Builder:
    """A build of these sources, in a folder of its own."""

    def make(*sources: Path, **knobs: Any) -> Path:
        values = {"samples": 0, **knobs, "source": [str(one) for one in sources]}
        return build(tmp_path / "rebuilt", **values)

    return make


def shards(folder: Path) -> dict[str, bytes]:
    """The bytes of a run's shards."""
    return {one.name: one.read_bytes() for one in (folder / "data").iterdir()}


def scripts_of(*sources: Path, **knobs: Any) -> list[Script]:
    """The scripts that sources hold."""
    recipe = Recipe("tdm", source=tuple(map(str, sources)), **knobs)
    blocks = list(Reading(recipe, lambda _: None).blocks())
    return [given.script for one in blocks if isinstance(one, ScriptBlock) for given in one.scripts]


def jsonl(file: Path, rows: Rows) -> Path:
    """Rows in a file of lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.mark.parametrize("made_of", ["tdm", "duo"])
@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_rows_of_rows_are_those_of_the_dialogues(
    made_of: str, row_format: str, first: dict[str, Path], rebuilt: Builder
) -> None:
    """From rows of either format the other comes out, and the same, byte for byte."""
    again = rebuilt(first[made_of], format=row_format)
    assert shards(again) == shards(first[row_format])
    rows = rows_of(again)
    assert {row["type"] for row in rows} == set(TYPES)
    assert {row["language"] for row in rows} == {"en", "zh"}
    assert any(one["kind"] == "statement" for row in rows for one in row["utterances"])
    counts = manifest_of(again)["counts"]
    assert counts["scripts"] == counts["kept"] == len(rows)
    assert counts["read_as"] == {}


def test_a_sample_of_rows_is_that_of_the_dialogues(
    first: dict[str, Path], rebuilt: Builder, tmp_path: Path
) -> None:
    """Which rows are kept hangs on their ids alone."""
    direct = build(tmp_path / "direct", **{**SAMPLE, "samples": 40}, format="duo", validation=0.3)
    assert shards(rebuilt(first["tdm"], format="duo", samples=40)) == shards(direct)


def test_both_formats_hold_the_same_scripts(first: dict[str, Path]) -> None:
    """Ids, types, and every utterance with its text, cut and place."""
    tdm, duo = (scripts_of(first[name]) for name in ("tdm", "duo"))
    assert tdm == duo
    cut = [one for script in tdm for one in script.utterances if one.cut]
    over = [one for script in tdm for one in script.utterances if one.at >= 0]
    assert cut
    assert Counter(one.state for one in over).keys() == {"query", "stop", "statement"}


def test_white_space_that_no_file_tells_is_one_space(
    first: dict[str, Path], rebuilt: Builder, tmp_path: Path
) -> None:
    """Rows in lines have lost what a shard says beside its rows; the manifest counts it."""
    file = jsonl(tmp_path / "rows.jsonl", rows_of(first["tdm"]))
    again = rebuilt(file, format="duo")
    expected = {row["id"]: row for row in rows_of(first["duo"])}
    found = rows_of(again)

    def squeezed(row: dict[str, Any]) -> Any:
        messages = [(one["role"], re.sub(r"\s+", "", one["content"])) for one in row["messages"]]
        return {**row, "messages": messages}

    assert [squeezed(row) for row in found] == [squeezed(expected[row["id"]]) for row in found]
    assert any(row != expected[row["id"]] for row in found)
    borders = sum(
        one["slices"] - 1
        for row in rows_of(first["tdm"])
        for one in row["utterances"]
        if one["role"] == "user"
    )
    assert manifest_of(again)["counts"]["read_as"] == {"white_space_between_slices": borders}
    tdm = build(tmp_path / "tdm", format="tdm", source=[str(file)])
    assert rows_of(tdm) == rows_of(first["tdm"])  # cut again, the slices are the same


def test_rates_statements_and_the_cut_of_the_first_recipe_stay(
    first: dict[str, Path], rebuilt: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is a conversation already keeps its type and its statements, and that is said."""
    again = rebuilt(first["tdm"], format="tdm", rates="uninterrupted=1", statements=0)
    assert rows_of(again) == rows_of(first["tdm"])
    assert "--rates, --statements and --language do not apply" in capsys.readouterr().err


def test_the_language_of_the_first_recipe_stays(first: dict[str, Path], rebuilt: Builder) -> None:
    """A row's statements are in its language; another would make it break rule 7."""
    again = rebuilt(first["tdm"], format="tdm", language="en")
    assert rows_of(again) == rows_of(first["tdm"])
    assert {row["language"] for row in rows_of(again)} == {"en", "zh"}


def test_a_run_that_is_not_finished_is_no_source(
    first: dict[str, Path], rebuilt: Builder, tmp_path: Path
) -> None:
    """How much of it is there depends on when it was stopped."""
    unfinished = tmp_path / "unfinished"
    shutil.copytree(first["tdm"], unfinished)
    (unfinished / "manifest.json").unlink()
    (unfinished / ".work").mkdir()
    with pytest.raises(SourceError, match=r"unfinished is a run that is not finished"):
        rebuilt(unfinished, format="duo")


@pytest.mark.parametrize("dialogues_first", [True, False])
@pytest.mark.parametrize("renamed", [True, False])
@pytest.mark.parametrize("duplicates", ["reject", "keep"])
def test_no_dialogue_stands_beside_rows_made_of_it(
    dialogues_first: bool, renamed: bool, duplicates: str, first: dict[str, Path], tmp_path: Path
) -> None:
    """It would be in two splits, and its rows would have ids that are there already."""
    dialogues = "sample"
    if renamed:  # known by what it says
        dialogues = str(tmp_path / "others.jsonl")
        Path(dialogues).write_bytes((ROOT / "pipeline/load/sample/sample.jsonl").read_bytes())
    sources = [dialogues, str(first["tdm"])]
    out = build(
        tmp_path / "out",
        format="duo",
        source=sources if dialogues_first else sources[::-1],
        duplicates=duplicates,
        rates="uninterrupted=1",
    )
    ids = [row["id"] for row in rows_of(out)]
    assert len(set(ids)) == len(ids)
    report = validate(out)
    assert report.breaches == 0, report.lines()
    rejected = manifest_of(out)["counts"]["rejected"]
    assert rejected["duplicate"] > 20


@pytest.mark.parametrize(
    ("row_format", "knobs"),
    [("tdm", {"slice_tokens": 7, "seed": 5}), ("duo", {"slice_tokens": 25})],
)
def test_rows_are_cut_by_the_recipe_of_the_run(
    row_format: str, knobs: dict[str, int], first: dict[str, Path], rebuilt: Builder
) -> None:
    """With other slices, cuts and statements move to where the rules allow them."""
    again = rebuilt(first["duo"], format=row_format, **knobs)
    report = validate(again, sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["source"] == report.rows
    left_out = manifest_of(again)["counts"]["left_out"]
    assert set(left_out) <= {"no_cuttable_answer"}
    assert report.rows + sum(left_out.get("no_cuttable_answer", {}).values()) == len(
        rows_of(first["duo"])
    )


def test_an_answer_that_could_not_be_cut_once_may_be_cut_now(
    first: dict[str, Path], rebuilt: Builder
) -> None:
    """With shorter slices; which answers are cut stays as it was, and is not proved."""
    report = validate(rebuilt(first["duo"], format="tdm", slice_tokens=3), sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert "rule 4" in {check for check, _ in report.unproved}
    assert report.proved["source"] == report.rows


def test_what_was_dropped_of_the_dialogues_is_no_breach_of_rows_of_rows(
    rebuilt: Builder, tmp_path: Path
) -> None:
    """Their manifest counts what was dropped of rows; the dialogues tell nothing of that."""
    turns = [{"role": "system", "content": "Be brief."}]
    turns += [{"role": role, "content": "Hello."} for role in ("user", "assistant", "user")]
    dialogues = jsonl(tmp_path / "dialogues.jsonl", [{"messages": turns}])
    of_dialogues = build(tmp_path / "first", **{**SAMPLE, "source": [str(dialogues)]}, format="tdm")
    assert manifest_of(of_dialogues)["counts"]["dropped"]["trailing_user_turns"] == 1
    again = rebuilt(of_dialogues, format="duo")
    assert validate(again, sources=[str(of_dialogues)]).breaches == 0
    report = validate(again, sources=[str(dialogues)])
    assert report.breaches == 0, report.lines()
    named = [why for check, why in report.unproved if check == "manifest"]
    assert any("counts.dropped" in why for why in named)


def test_a_text_that_is_not_the_source_s_is_seen_in_rows_of_rows(
    first: dict[str, Path], rebuilt: Builder
) -> None:
    """Wherever their answers are cut."""
    again = rebuilt(first["duo"], format="tdm", slice_tokens=3)
    for file in sorted((again / "data").iterdir()):
        table = pq.read_table(file)
        rows = table.to_pylist()
        for row in rows:
            if row["type"] == "dialogue_reset":
                row["output"][0]["content"] = "Something else,"
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
    resets = sum(row["type"] == "dialogue_reset" for row in rows_of(again))
    report = validate(again, sources=["sample"])
    assert report.broken["source"] == resets > 10


def test_a_budget_shortens_rows_of_rows(first: dict[str, Path], rebuilt: Builder) -> None:
    """Whole rounds are left out; of interwoven dialogues nobody knows whose is whose."""
    again = rebuilt(first["tdm"], format="duo", max_tokens=300)
    counts = manifest_of(again)["counts"]
    assert counts["shortened"]["uninterrupted"] > 0
    assert "topic_interweaving" not in counts["shortened"]
    assert counts["left_out"]["too_long"]["topic_interweaving"] > 0
    report = validate(again)
    assert report.breaches == 0, report.lines()


def test_rounds_that_go_at_the_front_move_no_remark_past_its_answer(
    first: dict[str, Path], tmp_path: Path
) -> None:
    """A statement is cut by how many come before it: fewer now, and it may be longer."""
    config = tmp_path / "recipe.toml"
    config.write_text("shorten = 'front'\n", "utf-8")
    knobs = {"format": "tdm", "source": [str(first["tdm"])], "max_tokens": 400, "samples": 0}
    out = tmp_path / "out"
    run_build(knobs, config=config, out=out, workers=1, engine="local", overwrite=False)
    assert manifest_of(out)["counts"]["shortened"]
    report = validate(out)
    assert report.breaches == 0, report.lines()


def test_statements_are_added_to_slices_that_hold_some(
    first: dict[str, Path], tmp_path: Path
) -> None:
    """Those that were there are cut by what comes before them now, and end in time still."""
    for language in ("en", "zh"):
        rows = [
            {"output": row["output"]}
            for row in rows_of(first["tdm"])
            if row["type"] == "uninterrupted" and row["language"] == language
        ]
        source = jsonl(tmp_path / f"uninterrupted_{language}.jsonl", rows)
        for row_format in ("tdm", "duo"):
            knobs = {"format": row_format, "source": [str(source)], "statements": 1.4, "samples": 0}
            out = build(tmp_path / language / row_format, **knobs)
            report = validate(out)
            assert report.breaches == 0, report.lines()
            assert report.rows == len(rows)
            assert {row["language"] for row in rows_of(out)} == {language}


def test_dialogues_and_rows_go_together(
    first: dict[str, Path], rebuilt: Builder, write_dialogues: Callable[..., Path]
) -> None:
    """Each is planned in its own way; the sums hold for both."""
    dialogues = write_dialogues([["Hello there, who is it?", "It is only me, the postman."]])
    again = rebuilt(dialogues, first["duo"], format="tdm", rates="uninterrupted=1", statements=0)
    counts = manifest_of(again)["counts"]
    assert counts["kept"] == counts["scripts"] + 1 == len(rows_of(again))
    report = validate(again)
    assert report.breaches == 0, report.lines()


def test_a_row_that_comes_twice_is_rejected(first: dict[str, Path], rebuilt: Builder) -> None:
    """By its id, whatever `duplicates` says: two rows cannot have one."""
    again = rebuilt(first["tdm"], first["duo"], format="duo", duplicates="keep")
    assert shards(again) == shards(first["duo"])
    assert manifest_of(again)["counts"]["rejected"] == {"duplicate": len(rows_of(first["duo"]))}


def test_a_validation_split_cannot_be_had_of_rows(first: dict[str, Path], rebuilt: Builder) -> None:
    """Rows do not say which of them hold the same dialogue (rule 9)."""
    with pytest.raises(RecipeError, match="--validation"):
        rebuilt(first["tdm"], format="tdm", validation=0.1)


def test_markers_of_this_recipe_are_defused_too(tmp_path: Path) -> None:
    """What was defused stays so; a place behind what goes in moves with it."""
    said = {"role": "user", "state": "query", "start": 0, "slices": 1, "over": False}
    said |= {"kind": "message", "origin": "source", "unheard": ""}
    answer = {**said, "role": "assistant", "state": None, "kind": "answer", "unheard": " <b> end"}
    stop = {**said, "state": "stop", "kind": "stop", "start": 1, "over": True, "origin": "offline"}
    contents = ["What is <\u2060idle>?", "It is <b>", "Stop.", "<idle>"]
    row = {
        "id": "generation_termination-ab",
        "type": "generation_termination",
        "language": "en",
        "source_ids": ["s:1"],
        "utterances": [said, answer, stop],
        "output": [
            {"role": ("user", "assistant")[number % 2], "content": text}
            for number, text in enumerate(contents)
        ],
    }
    (script,) = scripts_of(jsonl(tmp_path / "rows.jsonl", [row]), markers=("<idle>", "<b>"))
    question, answered, stopped = script.utterances
    assert question.text == "What is <\u2060idle>?"
    assert answered.text == "It is <\u2060b> <\u2060b> end"
    assert answered.text[: answered.heard] == "It is <\u2060b>"
    assert stopped.at == answered.heard


Breaking = Callable[[dict[str, Any]], object]

BREAKING: dict[str, dict[str, Breaking]] = {
    "both": {
        "no type": lambda row: row.update(type=None),
        "an utterance without a kind": lambda row: row["utterances"][0].update(kind=None),
        "no utterance": lambda row: row["utterances"].clear(),
        "an answer less": lambda row: row["utterances"].pop(),
        "a start far off": lambda row: row["utterances"][-1].update(start=10_000),
        "a negative start": lambda row: row["utterances"][-1].update(start=-1),
        "source_ids of another type": lambda row: row.update(source_ids="s:1"),
        # Half a surrogate pair, which cannot be written.
        "an id of no UTF-8": lambda row: row.update(id="x-\ud800"),
        "source_ids of no UTF-8": lambda row: row.update(source_ids=["\ud800"]),
        "a kind of no UTF-8": lambda row: row["utterances"][0].update(kind="\ud800"),
        "an unheard text of no UTF-8": lambda row: row["utterances"][1].update(unheard="\ud800"),
    },
    "tdm": {
        "slices that are silent": lambda row: row["utterances"][-1].update(slices=10_000),
        "over nobody": lambda row: row["utterances"][0].update(over=True),
    },
    "duo": {
        "no token": lambda row: row["messages"][0].update(content="Hello"),
        "over nobody": lambda row: row["utterances"][0].update(over=True),
    },
}


@pytest.mark.parametrize(
    ("row_format", "breaking"),
    [
        pytest.param(name, breaking, id=f"{name}: {what}")
        for name in ("tdm", "duo")
        for what, breaking in {**BREAKING["both"], **BREAKING[name]}.items()
    ],
)
def test_a_broken_row_is_rejected(
    row_format: str, breaking: Breaking, first: dict[str, Path], tmp_path: Path
) -> None:
    """It is named with its reason; its neighbours are kept."""
    rows = [row for row in rows_of(first[row_format]) if row["type"] == "uninterrupted"][:3]
    breaking(rows[1])
    file = jsonl(tmp_path / "rows.jsonl", rows)
    reading = Reading(Recipe("tdm", source=(str(file),)), lambda _: None)
    (block,) = reading.blocks()
    assert [place.row for place in block.places] == [1, 3]
    assert [(one.place.row, one.reason) for one in reading.rejected] == [(2, "broken_script")]


@pytest.mark.parametrize("note", [b"{", b"[]", b"null", b'{"uninterrupted-x": 7}'])
def test_a_broken_note_on_white_space_is_no_harm(
    note: bytes, first: dict[str, Path], tmp_path: Path
) -> None:
    """What a file's metadata hold is taken with care."""
    file = next(iter(sorted((first["tdm"] / "data").iterdir())))
    table = pq.read_table(file).replace_schema_metadata({b"duplexdata.spaces": note})
    broken = tmp_path / "rows.parquet"
    pq.write_table(table, broken)
    assert len(scripts_of(broken)) == table.num_rows


def test_a_file_of_no_rows_is_refused(tmp_path: Path) -> None:
    """In words, as any other source."""
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), file)
    with pytest.raises(DuplexdataError, match="no usable row"):
        build(tmp_path / "out", format="tdm", source=[str(file)])
