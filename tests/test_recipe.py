"""The recipe: printed, checked by line and key, and read from a manifest."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer.main
import typer.testing

from duplexdata.cli import app
from duplexdata.pipeline.commands import resolve_recipe
from duplexdata.pipeline.errors import RecipeError
from duplexdata.pipeline.knobs import KNOBS, NOT_HASHED, SOURCE_KNOBS
from duplexdata.pipeline.recipe import Recipe, SourceOptions
from duplexdata.pipeline.recipe_file import line_of, read_recipe

from .conftest import ROOT

TYPES = ("uninterrupted", "regeneration")


def run(*arguments: str | Path) -> typer.testing.Result:
    """Runs a command."""
    return typer.testing.CliRunner().invoke(app, list(map(str, arguments)))


def test_the_printed_recipe_is_the_default(tmp_path: Path) -> None:
    """What `duplexdata recipe` prints changes nothing, and holds every knob."""
    printed = run("recipe").stdout
    (tmp_path / "recipe.toml").write_text(printed, encoding="utf-8")
    for row_format in ("tdm", "duo"):
        flags = {"format": row_format}
        ours = resolve_recipe(flags, tmp_path / "recipe.toml")
        assert ours.digest() == resolve_recipe(flags, None).digest()
    for knob in KNOBS:
        assert re.search(rf"^(# )?{knob.name} = |^\[{knob.name}\]$", printed, re.MULTILINE)


def test_what_the_printed_recipe_leaves_out_can_be_set(tmp_path: Path) -> None:
    """Each commented knob holds a value that can be: without its `# ` the recipe is one still."""
    printed = run("recipe").stdout
    commented = re.findall(r"^# \w+ = .*$", printed, re.MULTILINE)
    assert len(commented) == sum(bool(knob.example) for knob in KNOBS)
    for line in commented:
        text = printed.replace(line, line.removeprefix("# "))
        if "sources" in line:
            text = text.replace('source = ["ultrachat"]', "")
        (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
        done = run("recipe", tmp_path / "recipe.toml")
        assert done.exit_code == 0, done.stderr
        assert line.removeprefix("# ").split(" = ")[0] in tomllib.loads(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = 1\n\nseeds = 2\n", "line 3: seeds: no such key; did you mean seed?"),
        ("[rates]\nuninterrupted = 1\nbasic = 1\n", "line 3: rates.basic: no such type"),
        ("[rates]\n\nuninterrupted = 2\n", "line 3: rates.uninterrupted: 2 is greater than"),
        ('source = [\n  "a",\n  3,\n]\n', "line 1: source[2]: 3 is not of type 'string'"),
        (
            "# a\n[[sources]]\npath = 'a'\n[[sources]]\npath='b'\nweight = 0",
            "line 6: sources[2].weight",
        ),
        ("[[sources]]\nweight = 1\n", "line 1: sources[1]: 'path' is a required property"),
        ('source = ["a"]\n[[sources]]\npath = "b"\n', "line 1: source: there is `sources` too"),
        ('format = "mp3"\nover = nan', "line 1: format: 'mp3' is not one of ['tdm', 'duo']"),
        ("over = nan", "line 1: over: the number nan is not finite"),
        ('markers = ["<foo>"]', "line 1: markers: `<idle>` has to be among them; `<1>` has to be"),
        ("[group_weights]\n3 = 0\n4 = 0\n5 = 0", "line 1: group_weights: all the weights are 0:"),
        ("[request]\nn = 2", "line 1: request: messages, model, response_format, stream and n are"),
        ("slice_tokens = 10.0", "line 1: slice_tokens: 10.0 is no whole number: write 10"),
        ("[[sources]]\npath = 'a'\nlimit = 10.0", "line 3: sources[1].limit: 10.0 is no whole"),
        ("seed = 1\nseed = 2", "is not a TOML recipe: Cannot overwrite a value (at line 2"),
        ("seed = ", "is not a TOML recipe: Invalid value (at line 1"),
    ],
)
def test_a_wrong_recipe_is_told_by_line_and_key(text: str, said: str, tmp_path: Path) -> None:
    """What is wrong is named with its line and key, in one or two lines, by check and build."""
    file = tmp_path / "recipe.toml"
    file.write_text(text, encoding="utf-8")
    build = ("build", "--config", file, "--format", "tdm", "--out", tmp_path / "out")
    for arguments in (("recipe", file), build):
        done = run(*arguments)
        assert done.exit_code == 2
        assert said in done.stderr
        assert len(done.stderr.splitlines()) <= 2
        assert not (tmp_path / "out").exists()


def test_a_whole_number_is_written_as_one(tmp_path: Path) -> None:
    """Every knob that is a whole number, of a source too, refuses one with a point."""
    schema = json.loads((ROOT / "schemas" / "recipe.json").read_text("utf-8"))["properties"]
    whole = [name for name, one in schema.items() if one.get("type") == "integer"]
    of_a_source = schema["sources"]["items"]["properties"]
    inner = [name for name, one in of_a_source.items() if one.get("type") == "integer"]
    assert {"slice_tokens", "samples", "limit", "tail_idle", "tries"} <= set(whole)
    assert inner == ["limit"]
    tables = [f"{name} = 7.0" for name in whole]
    tables += [f"[[sources]]\npath = 'a'\n{name} = 7.0" for name in inner]
    file = tmp_path / "recipe.toml"
    for text in tables:
        for given, code in ((text, 2), (text.replace("7.0", "7"), 0)):
            file.write_text(given, encoding="utf-8")
            assert run("recipe", file).exit_code == code, given


def test_faults_that_a_schema_alone_names_have_words() -> None:
    """What must not be is described beside the schema's `not`, and what must be has a value."""

    def parts(value: object) -> Iterator[Mapping[str, Any]]:
        if isinstance(value, Mapping):
            yield value
        for one in value.values() if isinstance(value, Mapping) else value:  # type: ignore[attr-defined]
            if isinstance(one, Mapping | list):
                yield from parts(one)

    found = list(parts(json.loads((ROOT / "schemas" / "recipe.json").read_text("utf-8"))))
    assert sum("not" in one for one in found) == 2
    assert all("description" in one["not"] for one in found if "not" in one)
    assert all("const" in one["contains"] for one in found if "contains" in one)


def test_a_recipe_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As some editors write it: it is read, and lines are counted as ever."""
    file = tmp_path / "recipe.toml"
    file.write_text("format = 'tdm'\nseed = 3\n", encoding="utf-8-sig")
    assert read_recipe(file, TYPES) == {"format": "tdm", "seed": 3}
    file.write_text("seeds = 3\n", encoding="utf-8-sig")
    assert "line 1: seeds: no such key" in run("recipe", file).stderr


def test_all_that_is_wrong_is_named(tmp_path: Path) -> None:
    """Beside the first fault stand the places of the others."""
    file = tmp_path / "recipe.toml"
    file.write_text("seed = 'a'\nlimit = 0\n[rates]\nbasic = 1\n", encoding="utf-8")
    told = run("recipe", file).stderr
    assert told.splitlines()[1] == "also wrong: line 2: limit; line 4: rates.basic"


def test_lines_of_keys() -> None:
    """A key is found in tables, dotted keys, arrays of tables, and after text of many lines."""
    text = (
        'a = """\n[rates]\nb = 1\n"""\n'
        "c.d = 1\n[rates]\nb = [\n 1,\n 2\n]\n[[e]]\nf = 1\n[[e]]\n# f\nf = 1\n"
    )
    expected = {
        ("a",): 1,
        ("c", "d"): 5,
        ("rates",): 6,
        ("rates", "b"): 7,
        ("rates", "b", 1): 7,
        ("e", 0, "f"): 12,
        ("e", 1): 13,
        ("e", 1, "f"): 15,
    }
    assert {key: line_of(key, text) for key in expected} == expected
    assert line_of(("b",), text) is None


def test_a_manifest_is_a_recipe_with_faults_of_its_own(tmp_path: Path) -> None:
    """Of a manifest the recipe is read; another JSON file, or a broken one, is refused."""
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"recipe": {"format": "tdm", "seed": 3}}), encoding="utf-8")
    assert read_recipe(file, TYPES) == {"format": "tdm", "seed": 3}
    for text, said in (
        ("{}", "no manifest"),
        ("[", "no JSON"),
        ('{"recipe": {"seed": "a"}}', "recipe: seed: 'a' is not of type"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(RecipeError, match=said):
            read_recipe(file, TYPES)


def test_the_table_holds_every_knob() -> None:
    """Table, recipe and schema have the same keys, each flag is one of build's, or has a reason."""
    schema = json.loads((ROOT / "schemas" / "recipe.json").read_text("utf-8"))["properties"]
    names = [knob.name for knob in KNOBS]
    assert names == list(Recipe.__dataclass_fields__)
    assert set(names) == set(schema)
    assert [knob.name for knob in SOURCE_KNOBS] == list(SourceOptions.__dataclass_fields__)
    assert set(schema["sources"]["items"]["properties"]) == {knob.name for knob in SOURCE_KNOBS}
    build = typer.main.get_group(app).commands["build"]
    flags = {parameter.opts[0] for parameter in build.params} - {"--help"}
    ours = {knob.flag for knob in KNOBS if knob.flag}
    assert flags == ours | set(NOT_HASHED)
    assert not ours & set(NOT_HASHED)


def test_the_manifest_builds_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`build --config manifest.json` makes every file again, byte for byte."""
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(
        'format = "duo"\nsamples = 50\nper_dialogue = "one"\nblock_rows = 20\nmax_tokens = 700\n'
        "validation = 0.2\n[rates]\nuninterrupted = 0.2\nregeneration = 1\ndialogue_reset = 0.5\n"
        '[[sources]]\npath = "sample"\nweight = 0.9\nordinary = 0.2\nlimit = 80\n',
        encoding="utf-8",
    )
    first = run("build", "--config", "recipe.toml", "--out", "first", "--workers", "1")
    assert first.exit_code == 0, first.stderr
    again = run("build", "--config", "first/manifest.json", "--out", "again", "--workers", "1")
    assert again.exit_code == 0, again.stderr
    files = {path.relative_to("first") for path in Path("first").rglob("*") if path.is_file()}
    assert len(files) > 5
    for file in files - {Path("run.json")}:
        assert (Path("again") / file).read_bytes() == (Path("first") / file).read_bytes(), file
    finished = run("build", "--config", "first/manifest.json", "--out", "first")
    assert "already finished" in finished.stderr


def test_the_manifest_of_a_model_s_run_builds_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with replies of a model, faulty ones too: whom it asked and how is in the recipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUPLEXDATA_CACHE", str(tmp_path / "cache"))
    asked = ("--llm", "fake", "--model", "stand-in", "--fake-faults", "0.4", "--limit", "20")
    flags = ("--format", "duo", "--source", "sample", *asked)
    first = run("build", *flags, "--out", "first", "--workers", "1")
    assert first.exit_code == 0, first.stderr
    again = run("build", "--config", "first/manifest.json", "--out", "again", "--workers", "1")
    assert again.exit_code == 0, again.stderr
    files = {path.relative_to("first") for path in Path("first").rglob("*") if path.is_file()}
    for file in files - {Path("run.json")}:
        assert (Path("again") / file).read_bytes() == (Path("first") / file).read_bytes(), file
    manifest = json.loads(Path("again/manifest.json").read_text("utf-8"))
    assert manifest["recipe"]["model"] == "stand-in"
    assert manifest["counts"]["refused"]


def test_the_card_s_recipe_is_the_run_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The TOML in the card of a mixture gives the recipe whose hash the manifest has."""
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(
        'format = "tdm"\n[[sources]]\npath = "sample"\nlimit = 9\n', encoding="utf-8"
    )
    assert run("build", "--config", "recipe.toml", "--out", "out").exit_code == 0
    (toml,) = re.findall(r"```toml\n(.*?)```", Path("out/README.md").read_text("utf-8"), re.DOTALL)
    Path("card.toml").write_text(toml, encoding="utf-8")
    manifest = json.loads(Path("out/manifest.json").read_text("utf-8"))
    assert resolve_recipe({}, Path("card.toml")).digest() == manifest["recipe_sha256"]
