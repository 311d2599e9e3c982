"""Scripts as rows: there and back, and what is no script."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.dialogue import Script, Split, Utterance, is_cut
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.load.block import (
    GivenScript,
    Place,
    ScriptBlock,
    read_block,
    write_block,
)
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.recipe import Recipe
from duplexdata.pipeline.script_rows import (
    SCHEMA,
    ScriptRowError,
    read_script_row,
    read_script_table,
    script_row,
    script_table,
)

from .conftest import ROOT

Scripts = list[tuple[Script, Split]]


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Scripts:
    """Scripts of the sample: every type, with statements."""
    out = tmp_path_factory.mktemp("scripts") / "run"
    flags = {"source": ["sample"], "format": "duo", "statements": 1, "validation": 0.3}
    run_build(flags, config=None, out=out, workers=1, engine="local", overwrite=False)
    reading = Reading(Recipe("duo", source=(str(out),)), lambda _: None)
    blocks = [one for one in reading.blocks() if isinstance(one, ScriptBlock)]
    found = [(given.script, given.split) for one in blocks for given in one.scripts]
    assert {script.type for script, _ in found} == set(TYPES)
    return found


def test_a_script_comes_back_from_its_row(scripts: Scripts) -> None:
    """As JSON, valid against the schema, and as a table."""
    schema = json.loads((ROOT / "schemas" / "script.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for script, split in scripts:
        row = json.loads(json.dumps(script_row(script, split)))
        validator.validate(row)
        assert list(row) == SCHEMA.names
        assert read_script_row(row) == (script, split)
    table = script_table(scripts)
    assert table.schema.equals(SCHEMA)
    assert read_script_table(table) == scripts


def test_a_block_of_scripts_comes_back_from_its_file(scripts: Scripts, tmp_path: Path) -> None:
    """With the place of each, and whether statements are to be added."""
    given = tuple(GivenScript(*one, finished=number % 2 == 0) for number, one in enumerate(scripts))
    places = tuple(Place("a.jsonl", row, row % 3 or None) for row in range(1, len(given) + 1))
    block = ScriptBlock(3, given, places)
    write_block(block, tmp_path / "block")
    again = read_block(3, tmp_path / "block")
    assert again == block
    assert again.digest() == block.digest()
    other = ScriptBlock(3, (given[0]._replace(finished=False), *given[1:]), places)
    assert other.digest() != block.digest()


def test_a_text_can_be_changed_without_counting(scripts: Scripts) -> None:
    """What is heard whole stays so."""
    row = script_row(*scripts[0])
    answer = next(
        one for one in row["utterances"] if one["role"] == "assistant" and not one["heard"]
    )
    answer["text"] += " And more."
    script, _ = read_script_row(row)
    changed = next(one for one in script.utterances if one.text.endswith(" And more."))
    assert changed.heard == len(changed.text)


def utterance(role: str, text: str, at: int | None = None, **more: Any) -> dict[str, Any]:
    """An utterance of a row."""
    user = role == "user"
    state, kind = ("query", "message") if user else (None, "answer")
    plain = {"role": role, "text": text, "heard": None, "at": at, "state": state, "kind": kind}
    return {**plain, "origin": "source", **more}


ROW: dict[str, Any] = {
    "id": "generation_termination-ab",
    "type": "generation_termination",
    "language": "en",
    "split": "train",
    "source_ids": ["s:1"],
    "keys": ["ab"],
    "whose": [],
    "utterances": [
        utterance("user", "Hello?"),
        utterance("assistant", "Yes, I am here.", heard=4),
        utterance("user", "Who?", at=4, kind="interjection"),
        utterance("assistant", "It is me."),
        utterance("user", "I see.", at=2, state="statement", kind="statement"),
        utterance("user", "It rains.", state="statement", kind="statement"),
    ],
}

Breaking = Callable[[dict[str, Any], list[dict[str, Any]]], object]

BREAKING: dict[str, Breaking] = {
    "split": lambda row, _: row.update(split="test"),
    "id is None": lambda row, _: row.update(id=None),
    "type is ''": lambda row, _: row.update(type=""),
    "begin with a user's query": lambda _, said: said.clear(),
    "begin with": lambda _, said: said.pop(0),
    "utterance 0 is a str": lambda _, said: said.insert(0, "x"),  # type: ignore[arg-type]
    "the role is 'system'": lambda _, said: said[0].update(role="system"),
    "no text": lambda _, said: said[1].update(text=" "),
    "white space": lambda _, said: said[0].update(text="Hello? "),
    "kind is None": lambda _, said: said[1].update(kind=None),
    "origin is ''": lambda _, said: said[1].update(origin=""),
    "heard is 40": lambda _, said: said[1].update(heard=40),
    "heard is 0": lambda _, said: said[1].update(heard=0),
    "a user is heard whole": lambda _, said: said[0].update(heard=2),
    "begins over the other side, which": lambda _, said: said[0].update(at=3),
    "must be null where nobody": lambda _, said: said[5].update(at=-1),
    "at is 0": lambda _, said: said[2].update(at=0),
    "only a user begins": lambda _, said: said[1].update(at=1),
    "the state is None": lambda _, said: said[0].update(state=None),
    "and must be null": lambda _, said: said[1].update(state="query"),
    "last query is not answered": lambda _, said: said.append(utterance("user", "And?")),
    "must follow a query": lambda _, said: said.insert(1, utterance("user", "And?")),
    "must cut in": lambda _, said: said[2].update(at=None),
    "cuts in, but not where": lambda _, said: said[2].update(at=3),
    "over no answer, or after its end": lambda _, said: said[4].update(at=9),
    "after a stop": lambda _, said: said.insert(
        3, utterance("user", "No.", state="stop", kind="stop")
    ),
}


@pytest.mark.parametrize("expected", BREAKING)
def test_what_is_no_script_is_told(expected: str) -> None:
    """In words, with the utterance that is wrong."""
    row = copy.deepcopy(ROW)
    read_script_row(row)
    BREAKING[expected](row, row["utterances"])
    if expected == "after a stop":
        row["utterances"][2].update(state="stop")
    with pytest.raises(ScriptRowError, match=expected):
        read_script_row(row)


def test_the_row_of_a_table_is_named() -> None:
    """Counted from 1."""
    good, _ = read_script_row(ROW)
    table = script_table([(good, "train"), (good, "train")]).to_pylist()
    table[1]["split"] = None
    import pyarrow as pa

    with pytest.raises(ScriptRowError, match=r"^row 2: the split"):
        read_script_table(pa.Table.from_pylist(table, schema=SCHEMA))


def test_an_answer_whose_rest_nobody_knows_is_cut_too() -> None:
    """By who cuts in; a statement over an answer cuts nothing."""
    script, _ = read_script_row(ROW)
    assert [is_cut(script.utterances, number) for number in range(6)] == [False, True, *[False] * 4]
    heard: list[Utterance] = [one._replace(text=one.text[: one.heard]) for one in script.utterances]
    assert not heard[1].cut
    assert is_cut(heard, 1)
