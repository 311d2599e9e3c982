"""The stages of a build, one by one: the same bytes, and scripts that a person edits between."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer.testing

from duplexdata.cli import app
from duplexdata.pipeline.export.shards import WORK

from .conftest import ROOT, manifest_of, rows_of

Edit = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]

STAGES = ("interrupt", "distract", "slice", "export")
RECIPE = "block_rows = 32\n"
FLAGS = ("--source", "sample", "--statements", "1.2", "--validation", "0.2")
BUILT = ("rejected.parquet", "left_out.parquet", "manifest.json", "README.md")


def run(*arguments: str | Path, code: int = 0) -> typer.testing.Result:
    """Runs a command that ends with this code."""
    done = typer.testing.CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == code, f"{arguments}: {done.stderr}{done.stdout}"
    return done


def go_through(here: Path, first: int = 0) -> None:
    """Runs the stages from the so-manieth on, each into a folder of its name."""
    before = ("load", *STAGES)
    for name, folder in list(zip(STAGES, before, strict=False))[first:]:
        run(name, here / folder, "--out", here / name, "--workers", "1", "--overwrite")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All stages of the sample as tdm, in blocks, and a build of the same recipe."""
    here = tmp_path_factory.mktemp("stages")
    (here / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    flags = ("--format", "tdm", *FLAGS, "--config", here / "recipe.toml")
    run("load", *flags, "--out", here / "load")
    go_through(here)
    run("build", *flags, "--out", here / "build", "--workers", "1")
    return here


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """The stages in a folder of one's own."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def same_bytes(one: Path, other: Path) -> None:
    """Compares all that a recipe decides in two runs' folders."""
    assert {file.name for file in one.iterdir()} == {file.name for file in other.iterdir()}
    files = [*BUILT, *(f"data/{file.name}" for file in (one / "data").iterdir())]
    assert len(files) > len(BUILT)
    assert len(list((one / "data").iterdir())) == len(list((other / "data").iterdir()))
    for name in files:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_the_stages_give_the_bytes_of_build(made: Path) -> None:
    """All types and statements, in several blocks and both splits, as tdm."""
    same_bytes(made / "export", made / "build")
    manifest = manifest_of(made / "build")
    assert len([name for name in manifest["files"] if name.startswith("data/")]) == 6
    assert min(manifest["counts"]["written"].values()) > 0
    assert len(manifest["counts"]["written"]) == 6
    assert manifest["counts"]["replies"]["statement/offline"] > 100


def test_so_they_do_as_duo(made: Path, tmp_path: Path) -> None:
    """The same, of sampled rows within a length budget."""
    more = ("--samples", "60", "--max-tokens", "900")
    flags = ("--format", "duo", *FLAGS, *more, "--config", made / "recipe.toml")
    run("load", *flags, "--out", tmp_path / "load")
    go_through(tmp_path)
    run("build", *flags, "--out", tmp_path / "build", "--workers", "1")
    same_bytes(tmp_path / "export", tmp_path / "build")
    counts = manifest_of(tmp_path / "build")["counts"]
    assert sum(counts["written"].values()) == 60
    assert counts["shortened"]


@pytest.mark.parametrize(
    ("row_format", "more", "recipe"),
    [
        ("tdm", (), RECIPE),
        ("duo", ("--samples", "150", "--max-tokens", "420"), f'{RECIPE}on_failure = "leave_out"\n'),
    ],
)
def test_so_they_do_with_a_model(
    row_format: str,
    more: tuple[str, ...],
    recipe: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asked by interrupt and distract; what a model cannot write is left out by either."""
    monkeypatch.setenv("DUPLEXDATA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "recipe.toml").write_text(recipe, encoding="utf-8")
    asked = ("--llm", "fake", "--fake-faults", "0.6")
    told: tuple[str, ...] = ("--format", row_format, *FLAGS, *more, *asked)
    flags = (*told, "--config", str(tmp_path / "recipe.toml"))
    run("load", *flags, "--out", tmp_path / "load")
    go_through(tmp_path)
    run("build", *flags, "--out", tmp_path / "build", "--workers", "1", "--cache", tmp_path / "b")
    same_bytes(tmp_path / "export", tmp_path / "build")
    counts = manifest_of(tmp_path / "build")["counts"]
    assert {"answer/fake", "statement/fake"} <= set(counts["replies"])
    assert counts["unbuilt"]["regeneration"] > 0
    if more:
        assert {"reply_refused", "too_long"} <= set(counts["left_out"])
    for stage in ("interrupt", "distract", "slice"):
        proved = run("validate", tmp_path / stage, "--source", "sample").stdout
        assert "no breach" in proved


def test_a_model_may_write_more_than_the_budget_until_statements_are_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what interrupt wrote, nobody says that it keeps within; distract leaves out the rest."""
    monkeypatch.setenv("DUPLEXDATA_CACHE", str(tmp_path / "cache"))
    flags = ("--format", "duo", "--source", "sample", "--max-tokens", "300", "--llm", "fake")
    run("load", *flags, "--out", tmp_path / "load")
    run("interrupt", tmp_path / "load", "--out", tmp_path / "interrupt")
    run("distract", tmp_path / "interrupt", "--out", tmp_path / "distract")
    for stage, part in (("interrupt", 1), ("distract", 0)):
        told = run("validate", tmp_path / stage).stdout
        assert "no breach" in told
        assert "  budget: " in told.split("not proved:")[part]


def test_interrupt_may_ask_where_load_did_not(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`interrupt --llm` is as if load had been told; distract keeps to it."""
    monkeypatch.setenv("DUPLEXDATA_CACHE", str(tmp_path / "cache"))
    shutil.copytree(made / "load", tmp_path / "load")
    asked = ("--llm", "fake", "--rates", "regeneration=1")
    run("interrupt", tmp_path / "load", *asked, "--out", tmp_path / "interrupt")
    go_through(tmp_path, first=1)
    flags = ("--format", "tdm", *FLAGS, *asked, "--config", made / "recipe.toml")
    run("build", *flags, "--out", tmp_path / "build", "--workers", "1")
    same_bytes(tmp_path / "export", tmp_path / "build")
    scripts = tmp_path / "interrupt"
    told = run("distract", scripts, "--llm", "offline", "--out", tmp_path / "new", code=2).stderr
    assert "No such option" in told


def test_one_folder_of_slices_gives_both_formats(made: Path, tmp_path: Path) -> None:
    """`export --format` renders what was decided before in another format."""
    run("export", made / "slice", "--format", "duo", "--out", tmp_path / "duo")
    tdm = {row["id"] for row in rows_of(made / "export")}
    assert {row["id"] for row in rows_of(tmp_path / "duo")} == tdm
    flags = ("--format", "duo", "--samples", "0", *FLAGS, "--config", made / "recipe.toml")
    run("build", *flags, "--out", tmp_path / "build", "--workers", "1")
    same_bytes(tmp_path / "duo", tmp_path / "build")


def test_a_later_stage_decides_anew(made: Path, tmp_path: Path) -> None:
    """`interrupt --rates` and `distract --statements` are as if load had been told."""
    run("interrupt", made / "load", "--rates", "regeneration=1", "--out", tmp_path / "interrupt")
    shutil.copytree(made / "load", tmp_path / "load")
    run("distract", tmp_path / "interrupt", "--statements", "0", "--out", tmp_path / "distract")
    go_through(tmp_path, first=2)
    config = ("--config", made / "recipe.toml", "--rates", "regeneration=1", "--statements", "0")
    flags = ("--format", "tdm", "--source", "sample", "--validation", "0.2", *config)
    run("build", *flags, "--out", tmp_path / "build", "--workers", "1")
    same_bytes(tmp_path / "export", tmp_path / "build")


@pytest.mark.parametrize(
    ("stage", "file", "schema"),
    [
        ("load", "dialogues", "dialogue"),
        ("interrupt", "scripts", "script"),
        ("distract", "scripts", "script"),
        ("slice", "slices", "slices"),
    ],
)
def test_every_stage_is_valid(made: Path, stage: str, file: str, schema: str) -> None:
    """Each row is valid against its JSON Schema, and `validate` finds no breach."""
    shown = json.loads((ROOT / "schemas" / f"{schema}.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(shown)
    for path in sorted((made / stage / "data").glob(f"{file}-*.parquet")):
        for row in pq.read_table(path).to_pylist():
            validator.validate(row)
    told = run("validate", made / stage, "--source", "sample").stdout
    assert "no breach" in told
    proved = set(
        re.findall(r"^  ([\w ]+): [\d,]+ \w+: ", told.split("not proved:")[0], re.MULTILINE)
    )
    assert {"file", "schema", "shape", "unique", "manifest"} <= proved
    if stage != "load":
        assert {"type", "rule 1", "rule 4", "rule 5", "rule 6", "source", "rule 9"} <= proved
    if stage == "slice":
        assert {"rule 2", "rule 3", "rule 7"} <= proved


def test_validate_sees_what_breaks_a_stage(copy: Path) -> None:
    """A slice that is moved, a cut that is moved and a dialogue that is there twice are told."""
    file = copy / "slice" / "data" / "slices-00000.parquet"
    edit(file, _with_a_moved_slice)
    told = run("validate", copy / "slice", code=1).stdout
    assert "rule 3" in told.split("breach")[-1]
    assert "slices-00000.parquet: manifest: expected sha256" in told
    edit(copy / "interrupt" / "data" / "scripts-00000.parquet", _with_a_moved_cut)
    assert "rule 4: expected" in run("validate", copy / "interrupt", code=1).stdout
    dialogues = copy / "load" / "data" / "dialogues-00000.parquet"
    edit(dialogues, lambda rows: [*rows, rows[0]])
    assert "unique: expected" in run("validate", copy / "load", code=1).stdout


def _with_a_moved_slice(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows[0]["slices"][1]["start"] += 1
    return rows


def _with_a_moved_cut(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    row = next(row for row in rows if row["type"] == "generation_termination")
    for one in row["utterances"]:
        for name in ("heard", "at"):
            if one[name] is not None:
                one[name] -= 1
    return rows


def edit(file: Path, change: Edit) -> None:
    """Writes a file of rows anew."""
    table = pq.read_table(file)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema), file)


def test_edited_scripts_go_on(copy: Path) -> None:
    """Rows dropped and texts changed, in two stages: all is counted, valid, and says so."""
    edit(copy / "interrupt" / "data" / "scripts-00000.parquet", _without_resets_and_with_a_text)
    go_through(copy, first=1)
    assert "no breach" in run("validate", copy / "distract", "--source", "sample").stdout
    edit(copy / "distract" / "data" / "scripts-00001.parquet", lambda rows: rows[3:])
    go_through(copy, first=2)
    told = run("validate", copy / "export", "--source", "sample").stdout
    assert "1 rows: a person edited a text of it" in told
    was, counts = (manifest_of(copy / name)["counts"] for name in ("build", "export"))
    removed = counts["edited"]["removed"]
    assert counts["edited"]["changed"] == {"uninterrupted": 1}
    assert removed["dialogue_reset"] > 0
    assert sum(removed.values()) == removed["dialogue_reset"] + 3
    for name, count in was["written"].items():
        assert counts["written"].get(name, 0) == count - removed.get(name, 0)
    (edited,) = [row for row in rows_of(copy / "export") if "edited" in row["generator"]]
    assert "".join(
        one["content"] for one in edited["output"][1::2] if one["content"] != "<idle>"
    ).startswith("It is as it is.")
    left_out = pq.read_table(copy / "export" / "left_out.parquet").to_pylist()
    assert "removed_by_hand" in {one["reason"] for one in left_out}


def _without_resets_and_with_a_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    row = next(row for row in rows if row["type"] == "uninterrupted")
    row["utterances"][1]["text"] = "It is as it is. " * 12
    return [row for row in rows if row["type"] != "dialogue_reset"]


def test_the_example_of_an_edit_runs(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The edit that docs/stages.md shows can be made, and the stages go on."""
    page = (ROOT / "docs" / "stages.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(copy)
    (copy / "outputs").mkdir()
    (copy / "interrupt").rename(copy / "outputs" / "2-scripts")
    exec(compile(code, "docs/stages.md", "exec"), {})  # noqa: S102  # our own page
    run("distract", "outputs/2-scripts", "--out", "distract", "--overwrite")
    stage = json.loads((copy / "distract" / "stage.json").read_text("utf-8"))
    assert stage["blocks"][0]["removed"] == {
        "dialogue_reset": stage["blocks"][0]["removed"]["dialogue_reset"]
    }
    assert stage["blocks"][0]["planned"]["dialogue_reset"] == 0


def a_cut(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The cut answer of the first row that has one."""
    found = (one for row in rows for one in row["utterances"] if one["heard"] is not None)
    return next(found)


def _with_a_shorter_answer(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    one = a_cut(rows)
    one["text"] = "x" + one["text"]
    return rows


def _with_a_token(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    row = next(row for row in rows if row["type"] == "uninterrupted")
    row["utterances"][0]["text"] = "What does <idle> mean?"
    return rows


def _with_another_split(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows[0]["split"] = "validation" if rows[0]["split"] == "train" else "train"
    return rows


def _with_one_more(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*rows, {**rows[0], "id": "uninterrupted-0123456789"}]


def _without_a_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows[0]["utterances"][0]["text"] = " "
    return rows


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_with_a_shorter_answer, "is no end of a slice of utterance"),
        (_with_a_token, "utterance 0 holds the control token <idle>"),
        (_with_another_split, "row 1 (.*): its type, split, keys or source_ids were changed"),
        (_with_one_more, "it was not planned: rows can be dropped or changed, not added"),
        (lambda rows: [*rows, rows[0]], "it is there twice"),
        (_without_a_text, "row 1 (.*): utterance 0: it has no text"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(change: Edit, said: str, copy: Path) -> None:
    """The file, the row and what is wrong are named; mended, the stage runs."""
    file = copy / "distract" / "data" / "scripts-00000.parquet"
    whole = file.read_bytes()
    edit(file, change)
    told = run("slice", copy / "distract", "--out", copy / "new", code=2).stderr
    assert re.search(said, told)
    assert "scripts-00000.parquet" in told
    assert len(told.splitlines()) <= 2
    assert not (copy / "new" / "stage.json").exists()
    file.write_bytes(whole)
    run("slice", copy / "distract", "--out", copy / "new")
    assert (copy / "new" / "stage.json").is_file()


Rows = list[dict[str, Any]]
Change = Callable[[Rows], None]


def one_of(rows: Rows, kind: str) -> dict[str, Any]:
    """The first utterance of a kind."""
    return next(one for row in rows for one in row["utterances"] if one["kind"] == kind)


def _cut_text_that_ends_where_it_was_heard(rows: Rows) -> None:
    one = a_cut(rows)
    one["text"] = one["text"][: one["heard"]]


def _another_end_of_what_is_resumed(rows: Rows) -> None:
    row = next(row for row in rows if row["type"] == "back_on_topic")
    cut = next(one for one in row["utterances"] if one["heard"] is not None)
    cut["text"] += " And so it is."


CHANGES: dict[str, Change] = {
    r"utterance \d: it was cut, and no text": _cut_text_that_ends_where_it_was_heard,
    "utterance 0: it begins over the other side": lambda rows: rows[0]["utterances"][0].update(
        at=3
    ),
    "rule 7: expected a remark that needs no answer; found a question mark": lambda rows: one_of(
        rows, "statement"
    ).update(text="Is it?"),
    "at is -1, and must be null": lambda rows: one_of(rows, "statement").update(at=-1),
    "its language was en, and is zh": lambda rows: rows[0].update(language="zh"),
    "its kind was repeat, and is aside": lambda rows: one_of(rows, "repeat").update(kind="aside"),
    "its origin was source, and is me": lambda rows: one_of(rows, "message").update(origin="me"),
    "its origin was offline, and is source": lambda rows: one_of(rows, "repeat").update(
        origin="source"
    ),
    "its origin was source, and is edited": lambda rows: one_of(rows, "answer").update(
        origin="edited"
    ),
    r"it had \d+ utterances, and has 2": lambda rows: rows[0].update(
        utterances=rows[0]["utterances"][:2]
    ),
    "its source_ids or whose were changed": lambda rows: next(
        row for row in rows if row["type"] == "topic_interweaving"
    )["whose"].reverse(),
    "type: expected a reply to the aside, then all": _another_end_of_what_is_resumed,
}


@pytest.mark.parametrize("said", CHANGES)
def test_what_breaks_a_rule_is_refused_by_the_next_stage(said: str, copy: Path) -> None:
    """Texts may change; all else stays as it is, and the texts keep the rules."""
    file = copy / "distract" / "data" / "scripts-00000.parquet"

    def change(rows: Rows) -> Rows:
        CHANGES[said](rows)
        return rows

    edit(file, change)
    (told,) = run("slice", copy / "distract", "--out", copy / "new", code=2).stderr.splitlines()
    assert re.search(said, told), told
    assert re.search(r"scripts-00000\.parquet, row \d+", told)


def test_an_edit_before_statements_is_looked_at_too(copy: Path) -> None:
    """`distract` refuses what `slice` would: a cut that moved, a token, a row too long."""
    file = copy / "interrupt" / "data" / "scripts-00000.parquet"
    whole = file.read_bytes()
    for change, said in (
        (_with_a_moved_cut, "is no end of a slice of utterance"),
        (_with_a_token, "utterance 0 holds the control token <idle>"),
    ):
        edit(file, change)
        assert said in run("distract", copy / "interrupt", "--out", copy / "new", code=2).stderr
        file.write_bytes(whole)


def test_texts_that_change_places_are_edited(copy: Path) -> None:
    """A text that stands where another stood is new there."""

    def swap(rows: Rows) -> Rows:
        messages = [one for one in rows[0]["utterances"] if one["kind"] == "message"]
        messages[0]["text"], messages[1]["text"] = messages[1]["text"], messages[0]["text"]
        return rows

    edit(copy / "distract" / "data" / "scripts-00000.parquet", swap)
    assert "no breach" in run("validate", copy / "distract", "--source", "sample").stdout
    go_through(copy, first=2)
    assert "no breach" in run("validate", copy / "export", "--source", "sample").stdout
    (edited,) = [row for row in rows_of(copy / "export") if "edited" in row["generator"]]
    assert [one["origin"] for one in edited["utterances"]].count("edited") == 2


def test_an_edit_under_a_budget(made: Path, tmp_path: Path) -> None:
    """A row grown too long is refused before and after statements; one grown short is right."""
    told: tuple[str, ...] = ("--format", "tdm", "--source", "sample", "--max-tokens", "420")
    flags = (*told, "--statements", "0", "--config", str(made / "recipe.toml"))
    run("load", *flags, "--out", tmp_path / "load")
    go_through(tmp_path)
    file = tmp_path / "interrupt" / "data" / "scripts-00000.parquet"
    whole = file.read_bytes()

    def grow(rows: Rows) -> Rows:
        rows[0]["utterances"][1].update(text="It is long. " * 400)
        return rows

    edit(file, grow)
    (line,) = run(
        "distract", tmp_path / "interrupt", "--out", tmp_path / "new", code=2
    ).stderr.splitlines()
    assert "more than max_tokens (420)" in line
    file.write_bytes(whole)

    def shrink(rows: Rows) -> Rows:
        for row in rows:
            row["utterances"][1].update(text="No.")
        return [row for row in rows if row["type"] == "uninterrupted"]

    edit(file, shrink)
    go_through(tmp_path, first=1)
    assert manifest_of(tmp_path / "export")["counts"]["shortened"]["uninterrupted"] > 0
    assert "no breach" in run("validate", tmp_path / "export", "--source", "sample").stdout


def test_other_edits_are_refused(copy: Path) -> None:
    """Dialogues, plans and slices are as they were written, and every file is there."""
    for stage, name, after in (
        ("load", "dialogues", "interrupt"),
        ("interrupt", "plan", "distract"),
        ("slice", "slices", "export"),
    ):
        edit(copy / stage / "data" / f"{name}-00000.parquet", lambda rows: rows[1:])
        told = run(after, copy / stage, "--out", copy / "new", code=2).stderr
        assert "only scripts can be edited" in told
    (copy / "distract" / "data" / "scripts-00000.parquet").unlink()
    told = run("slice", copy / "distract", "--out", copy / "new", code=2).stderr
    assert "scripts-00000.parquet is missing" in told


@pytest.mark.parametrize(
    ("stage", "here", "out", "said"),
    [
        ("slice", "load", "new", "was written by duplexdata load; give a folder of duplexdata dis"),
        ("interrupt", "build", "new", "run duplexdata load first"),
        ("interrupt", "load", "interrupt", "--overwrite makes it again"),
        ("interrupt", "load", "build", "holds a run"),
        ("interrupt", "load", ".", "holds files that are no stage's"),
        ("interrupt", "load", "load", "is the folder of the stage before"),
        ("export", "slice", "export", "holds a finished run"),
    ],
)
def test_folders_are_told_apart(stage: str, here: str, out: str, said: str, made: Path) -> None:
    """A stage reads that of the one before alone, and keeps what it finds unless told."""
    before = sorted(made.rglob("*"))
    assert said in run(stage, made / here, "--out", made / out, code=2).stderr
    assert sorted(made.rglob("*")) == before


def test_another_version_is_refused(copy: Path) -> None:
    """Stages of one run are made with the same tokenizer, versions and sentences."""
    file = copy / "interrupt" / "stage.json"
    stage = json.loads(file.read_text("utf-8"))
    stage["identity"]["tokenizer"]["fingerprint"] = "0" * 64
    file.write_text(json.dumps(stage), encoding="utf-8")
    told = run("distract", copy / "interrupt", "--out", copy / "new", code=2).stderr
    assert "was made with something else (tokenizer.fingerprint" in told


def test_statements_are_not_changed_under_a_budget(made: Path, tmp_path: Path) -> None:
    """With max_tokens the rows were chosen for their statements, so these are load's to say."""
    flags = ("--format", "tdm", *FLAGS, "--max-tokens", "900", "--limit", "20")
    run("load", *flags, "--config", made / "recipe.toml", "--out", tmp_path / "load")
    run("interrupt", tmp_path / "load", "--out", tmp_path / "interrupt", "--workers", "1")
    scripts = tmp_path / "interrupt"
    told = run("distract", scripts, "--statements", "0", "--out", tmp_path / "new", code=2).stderr
    assert "give it to duplexdata load" in told
    assert not (tmp_path / "new").exists()


def test_nothing_unfinished_is_left(made: Path) -> None:
    """A finished folder has no working folder in it."""
    assert not list(made.rglob(WORK))


def test_what_all_stages_used_is_told_at_the_end(tmp_path: Path) -> None:
    """Also of a stage that was stopped; it is what a build of the same uses."""
    flags = ("--format", "duo", "--source", "sample", "--limit", "9", "--llm", "fake")
    prices = ("--price-in", "1000", "--price-out", "1000", "--workers", "1", "--cache")
    run("build", *flags, *prices, tmp_path / "one", "--out", tmp_path / "build")
    folders = [tmp_path / name for name in ("load", *STAGES)]
    run("load", *flags, "--out", folders[0])
    paid = (*prices, tmp_path / "other")
    interrupt = ("interrupt", folders[0], "--out", folders[1], *paid)
    run(*interrupt, "--max-requests", "3", code=1)
    run(*interrupt)
    run("distract", folders[1], "--out", folders[2], *paid)
    run("slice", folders[2], "--out", folders[3])
    run("export", folders[3], "--out", folders[4])
    of_build, of_stages = (
        json.loads((folder / "run.json").read_text("utf-8"))
        for folder in (tmp_path / "build", folders[4])
    )
    assert of_stages["usage"] == of_build["usage"]
    assert of_stages["cost"] == pytest.approx(of_build["cost"])
    assert of_build["cost"] > 0
    run("interrupt", folders[0], "--out", folders[1], "--llm", "offline", "--overwrite")
    assert not (folders[1] / "run.json").exists()
