"""Rows of released slices: what is told of them, and by which rule."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.load.block import ScriptBlock
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.load.rejects import Reject
from duplexdata.pipeline.load.slices import Heard, read_slices
from duplexdata.pipeline.recipe import Recipe
from duplexdata.pipeline.slice.joining import join_words
from duplexdata.pipeline.slice.words import word_spans
from duplexdata.pipeline.validate import validate

from ..conftest import Rows, manifest_of, rows_of

Pairs = Sequence[tuple[str, str]]
Said = list[tuple[str, str, str | None, str, int]]

CUT: Pairs = [
    ("How do I keep", ""),
    ("a pot of basil?", "Give it the brightest window you have,"),
    ("", " and water it only when the top"),
    ("Sorry, is tap", ""),
    ("water all right?", "Yes, if it has stood."),
    ("", ""),
]


def contents(pairs: Pairs) -> list[str]:
    """Slices, with silence where nothing is said."""
    return [text or "<idle>" for pair in pairs for text in pair]


def row_of(pairs: Pairs, **more: Any) -> dict[str, Any]:
    """A row of the released layout."""
    return {
        "output": [
            {"role": ("user", "assistant")[number % 2], "content": text}
            for number, text in enumerate(contents(pairs))
        ],
        **more,
    }


def told(pairs: Pairs, type_name: str | None = None, language: str = "en") -> Heard:
    """What is made out of these slices."""
    return read_slices(contents(pairs), type_name, language, "them")


def said(heard: Heard) -> Said:
    """Who says what, with state, kind and place; the assistant's without its kind."""
    return [(one.role[0], one.text, one.state, one.kind, one.at) for one in heard.utterances]


def jsonl(file: Path, rows: Rows) -> Path:
    """Rows in a file of lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_slices_are_merged_and_a_cut_is_found() -> None:
    """A message ends where it is answered, an answer where the user begins."""
    heard = told(CUT)
    answer = "Give it the brightest window you have, and water it only when the top"
    assert said(heard) == [
        ("u", "How do I keep a pot of basil?", "query", "message", -1),
        ("a", answer, None, "answer", -1),
        ("u", "Sorry, is tap water all right?", "query", "interjection", len(answer)),
        ("a", "Yes, if it has stood.", None, "answer", -1),
    ]
    assert heard.type == "generation_termination"
    assert heard.read_as["cut_ins"] == 1
    assert heard.read_as["white_space_between_slices"] == 2


@pytest.mark.parametrize(
    ("type_name", "cut_in", "answer"),
    [
        ("generation_termination", "interjection", "answer"),
        ("regeneration", "repeat", "new_answer"),
        ("dialogue_reset", "reset", "answer"),
        ("back_on_topic", "aside", "resumption"),
        ("uninterrupted", "message", "answer"),
        ("topic_interweaving", "message", "answer"),
    ],
)
def test_the_type_says_what_a_cut_in_is_for(type_name: str, cut_in: str, answer: str) -> None:
    """And where nobody is interrupted, none is found."""
    heard = told(CUT, type_name)
    assert heard.type == type_name
    assert [one.kind for one in heard.utterances[2:]] == [cut_in, answer]
    assert (heard.utterances[2].at >= 0) is (cut_in != "message")


@pytest.mark.parametrize(
    ("last", "is_cut"),
    [
        (" and water it only when the top", True),
        (" and water it only when the top,", True),
        (" and water it only when it is dry.", False),
        (" and water it only when it is dry!\n", False),
        (' and say "it is dry"', False),
        (" and water it, with love \U0001f33f", False),
        (" and then", False),  # far shorter than a slice that is followed by another
    ],
)
def test_an_answer_is_cut_where_it_ends_as_no_text_does(last: str, is_cut: bool) -> None:
    """Within a sentence, after a slice that is not the short rest of a text."""
    pairs = [*CUT[:2], ("", last), *CUT[3:]]
    assert (told(pairs).utterances[2].at >= 0) is is_cut


def test_what_comes_after_silence_cuts_nothing() -> None:
    """The user waited."""
    assert told([*CUT[:3], ("", ""), *CUT[3:]]).utterances[2].at == -1


@pytest.mark.parametrize("type_name", [None, "generation_termination"])
def test_who_cuts_in_and_is_not_answered_asked_for_silence(type_name: str | None) -> None:
    """The row ends there."""
    heard = told([*CUT[:3], ("Enough of this now.", ""), ("", "")], type_name)
    assert said(heard)[-1][1:4] == ("Enough of this now.", "stop", "stop")
    assert heard.utterances[-1].at == len(heard.utterances[-2].text)
    assert heard.read_as["stops"] == 1


def test_a_row_of_its_type_may_end_at_a_full_stop() -> None:
    """Of generation_termination it is known that its end is the cut."""
    pairs = [*CUT[:2], ("", " and water it when it is dry."), ("Enough of this.", ""), ("", "")]
    assert told(pairs, "generation_termination").utterances[-1].state == "stop"
    heard = told(pairs)
    assert [one.role for one in heard.utterances] == ["user", "assistant"]
    assert heard.read_as["dropped_at_the_end"] == 1


def test_what_is_said_over_an_answer_that_goes_on_is_a_statement() -> None:
    """Its place is where the user began."""
    pairs = [
        *CUT[:2],
        ("I see,", " and water it"),
        ("of course.", " only when"),
        ("", " it is dry."),
    ]
    heard = told(pairs)
    answer = "Give it the brightest window you have, and water it only when it is dry."
    assert said(heard)[1:] == [
        ("a", answer, None, "answer", -1),
        ("u", "I see, of course.", "statement", "statement", answer.index(" and water")),
    ]


@pytest.mark.parametrize(("slice_", "state"), [(" and water it.", "statement"), ("Yes.", "query")])
def test_one_slice_over_an_answer_is_told_by_how_that_goes_on(slice_: str, state: str) -> None:
    """White space begins no answer, so the one that was running goes on."""
    assert (
        told([*CUT[:2], ("I see.", slice_), ("", "")])
        .utterances[-1 if state == "statement" else 2]
        .state
        == state
    )


def test_a_question_over_an_answer_is_no_statement() -> None:
    """What rule 7 refuses is the begin of the next message; at the end it is left out."""
    over = [
        ("How do I keep a pot?", ""),
        ("", "Give it the brightest window"),
        ("Tap water, is it", " you have, and water it only"),
        ("all right?", " when the top is dry."),
        ("", ""),
    ]
    heard = told([*over, ("And the pot?", ""), ("", "A small one.")])
    assert [one.text for one in heard.utterances if one.role == "user"] == [
        "How do I keep a pot?",
        "Tap water, is it all right? And the pot?",
    ]
    assert heard.read_as["messages_with_a_pause"] == 1
    assert not heard.read_as["statements"]
    alone = told(over)
    assert [one.kind for one in alone.utterances] == ["message", "answer"]
    assert alone.read_as["dropped_at_the_end"] == 1


def test_an_assistant_that_falls_silent_late_was_cut() -> None:
    """All that was heard of it is its text, and the user began before its end."""
    pairs = [
        *CUT[:3],
        ("No, wait, I", " soil is dry."),
        ("meant the thyme.", ""),
        ("Thyme!", "Ah."),
    ]
    heard = told(pairs)
    assert heard.utterances[1].text.endswith(" the top soil is dry.")
    assert heard.utterances[2].at == len(heard.utterances[1].text)
    assert heard.utterances[2].text == "No, wait, I meant the thyme. Thyme!"


@pytest.mark.parametrize(
    ("pairs", "expected", "counted"),
    [
        # The user pauses before anybody answers.
        ([("Hello", ""), ("", ""), ("there?", "Yes."), ("", "")], ["Hello there?", "Yes."],
         "messages_with_a_pause"),
        # The assistant pauses in its answer.
        ([("Hello?", "Yes,"), ("", ""), ("", " I am here."), ("", "")],
         ["Hello?", "Yes, I am here."], "answers_with_a_pause"),
        # A remark in silence, and then a question.
        ([("Hello?", "Yes."), ("It rains.", ""), ("", ""), ("And now?", "It stopped.")],
         ["Hello?", "Yes.", "It rains.", "And now?", "It stopped."], "statements"),
    ],
)  # fmt: skip
def test_pauses(pairs: Pairs, expected: list[str], counted: str) -> None:
    """Silence inside what one side says ends nothing, but for a remark after a whole answer."""
    heard = told(pairs)
    assert [one.text for one in heard.utterances] == expected
    assert heard.read_as[counted] == 1


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([("", ""), ("", "")], "no_answer"),
        ([("Hello?", ""), ("", "")], "no_answer"),
        ([("", "Hello."), ("Hi?", "Yes.")], "roles_out_of_order"),
    ],
)
def test_a_row_without_an_answer_is_rejected(pairs: Pairs, reason: str) -> None:
    """And one in which the assistant begins."""
    with pytest.raises(Reject) as error:
        told(pairs)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    "text",
    ["今天的天气真不错，我们去公园散步吧。", "我用 Python 写 了一个 hello world 程序", "好 好 看"],
)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_chinese_slices_are_joined_so_that_they_are_cut_again_as_they_were(
    text: str, size: int
) -> None:
    """No word comes of two slices."""
    spans = word_spans(text, "zh")
    slices = [
        text[spans[first][0] : spans[min(first + size, len(spans)) - 1][1]]
        for first in range(0, len(spans), size)
    ]
    joined = join_words(slices, "zh")
    assert "".join(joined.split()) == "".join(text.split())
    position = 0
    begins = {begin for begin, _ in word_spans(joined, "zh")}
    for one in slices:
        position = joined.index(one, position)
        assert position in begins
        position += len(one)


def scripts_in(file: Path, **knobs: Any) -> tuple[ScriptBlock, Reading]:
    """The one block of scripts that a file holds."""
    reading = Reading(Recipe("duo", source=(str(file),), **knobs), lambda _: None)
    (block,) = reading.blocks()
    assert isinstance(block, ScriptBlock)
    return block, reading


def test_copies_of_a_row_are_drawn_alike(tmp_path: Path) -> None:
    """By what they say, as copies of a dialogue are: a weight thins out, and parts no copies."""
    rows = [row_of([(f"Is it {number} o'clock?", "Yes, it is."), ("", "")]) for number in range(80)]
    jsonl(tmp_path / "basic.jsonl", [*rows, *reversed(rows)])
    config = tmp_path / "recipe.toml"
    source = json.dumps(str(tmp_path / "basic.jsonl"))
    config.write_text(
        f'format = "tdm"\nduplicates = "keep"\n[[sources]]\npath = {source}\nweight = 0.5\n'
    )
    out = tmp_path / "out"
    run_build({}, config=config, out=out, workers=1, engine="local", overwrite=False)
    said = Counter(row["output"][0]["content"] for row in rows_of(out))
    assert set(said.values()) == {2}
    assert 20 < len(said) < 60


@pytest.mark.parametrize(
    ("name", "more", "expected", "by"),
    [
        ("regeneration_eng", {}, "regeneration", "type_by_name"),
        ("my-Dialogue_Reset.2", {}, "dialogue_reset", "type_by_name"),
        ("basic_eng", {}, "uninterrupted", "type_by_name"),
        ("duplex_ultrachat", {}, "generation_termination", "type_by_rule"),
        ("regeneration_eng", {"type": "back_on_topic"}, "back_on_topic", "type_by_column"),
        ("rows", {"type": "of my own"}, "generation_termination", "type_by_rule"),
    ],
)
def test_where_the_type_comes_from(
    name: str, more: dict[str, str], expected: str, by: str, tmp_path: Path
) -> None:
    """A column, else the file's name, else the interruptions; the manifest counts which."""
    block, reading = scripts_in(jsonl(tmp_path / f"{name}.jsonl", [row_of(CUT, **more)]))
    (given,) = block.scripts
    assert given.script.type == expected
    assert given.script.id.startswith(f"{expected}-")
    assert reading.read_as[by] == 1


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_duo_of_released_rows_is_what_the_authors_of_duo_made(kind: str, tmp_path: Path) -> None:
    """Slices merged, the cut answer as it was heard; the folder validates."""
    chinese: Pairs = [
        ("今天天气", ""),
        ("怎么样？", "今天天气很好，"),
        ("", "适合散步。"),
        ("", ""),
    ]
    rows = [row_of(CUT), row_of(chinese), row_of(CUT)]
    source = tmp_path / f"duplex_ultrachat.{kind}"
    if kind == "jsonl":
        jsonl(source, rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), source)
    flags = {"source": [str(source)], "format": "duo", "statements": 0}
    out = tmp_path / "out"
    run_build(flags, config=None, out=out, workers=1, engine="local", overwrite=False)
    first, second = rows_of(out)
    assert [one["content"] for one in first["messages"]] == [
        "How do I keep a pot of basil?<1>",
        "Give it the brightest window you have, and water it only when the top",
        "Sorry, is tap water all right?<1>",
        "Yes, if it has stood.",
    ]
    assert [one["over"] for one in first["utterances"]] == [False, False, True, False]
    assert first["source_ids"] == ["duplex_ultrachat:#1"]
    assert first["generator"] == "duplex_ultrachat"
    assert second["language"] == "zh"
    assert second["messages"][0]["content"] == "今天天气怎么样？<1>"
    manifest = manifest_of(out)
    assert manifest["sources"][0]["layout"] == "duplex_ultrachat"
    assert manifest["counts"]["rejected"] == {"duplicate": 1}
    assert manifest["counts"]["read_as"] == {
        "cut_ins": 1,
        "type_by_rule": 2,
        "white_space_between_slices": 3,
    }
    report = validate(out, sources=[str(source)])
    assert report.breaches == 0, report.lines()
    assert any(check == "rule 4" for check, _ in report.unproved)


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_statements_are_added_to_released_rows(row_format: str, tmp_path: Path) -> None:
    """As DUO's authors did; never before what cuts in."""
    source = jsonl(tmp_path / "rows.jsonl", [row_of(CUT)])
    flags = {"source": [str(source)], "format": row_format, "statements": 2}
    out = tmp_path / "out"
    run_build(flags, config=None, out=out, workers=1, engine="local", overwrite=False)
    (row,) = rows_of(out)
    kinds = [one["kind"] for one in row["utterances"]]
    assert kinds == ["message", "answer", "interjection", "answer", "statement", "statement"]
    report = validate(out)
    assert report.breaches == 0, report.lines()


REMARK: Pairs = [
    *CUT[:2],
    ("I see,", " and water it"),
    ("of course.", " only when"),
    ("", " it is dry to the touch,"),
    ("", " or a bit later."),
    ("", ""),
]


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize(("statements", "origins"), [
    (1, ["duplex_ultrachat"]), (3, ["duplex_ultrachat", "offline", "offline"]),
])  # fmt: skip
def test_remarks_that_are_there_count(
    row_format: str, statements: int, origins: list[str], tmp_path: Path
) -> None:
    """What is added comes after them, so that at most one is over the answer."""
    source = jsonl(tmp_path / "rows.jsonl", [row_of(REMARK)])
    config = tmp_path / "recipe.toml"
    config.write_text("over = 1.0\n", "utf-8")
    flags = {"source": [str(source)], "format": row_format, "statements": statements}
    out = tmp_path / "out"
    run_build(flags, config=config, out=out, workers=1, engine="local", overwrite=False)
    (row,) = rows_of(out)
    said = [one for one in row["utterances"] if one["kind"] == "statement"]
    assert [one["origin"] for one in said] == origins
    assert [one["over"] for one in said] == [True, *(False for _ in said[1:])]
    report = validate(out)
    assert report.breaches == 0, report.lines()


Breaking = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("breaking", "reason"),
    [
        (lambda row: row["output"].pop(), "roles_out_of_order"),
        (lambda row: row["output"].pop(0), "roles_out_of_order"),
        (lambda row: row["output"][0].update(role="system"), "unknown_role"),
        (lambda row: row["output"].insert(0, "x"), "unknown_role"),
        (lambda row: row["output"][0].update(content=None), "not_text"),
        (lambda row: row["output"][0].update(content="\ud800"), "not_text"),
        (lambda row: row["output"][0].update(content=""), "empty_content"),
        (lambda row: row["output"].clear(), "no_answer"),
        (lambda row: row.update(output=None), "unknown_layout"),
    ],
)
def test_a_bad_row_is_rejected(breaking: Breaking, reason: str, tmp_path: Path) -> None:
    """Its neighbours are kept."""
    rows = [row_of(CUT), row_of(CUT), row_of(CUT[:3])]
    breaking(rows[1])
    _, reading = scripts_in(jsonl(tmp_path / "rows.jsonl", rows))
    assert [(one.place.row, one.reason) for one in reading.rejected] == [(2, reason)]
    assert reading.kept == 2


WEATHER: Pairs = [("我想知道今天的", ""), ("天气怎么样？", "今天晴。"), *[("", "")] * 30]


@pytest.mark.parametrize(
    ("pairs", "forced", "expected"),
    [
        (WEATHER, "auto", ("zh", "我想知道今天的天气怎么样？")),
        (WEATHER, "en", ("en", "我想知道今天的 天气怎么样？")),
        (CUT, "zh", ("zh", "How do I keep a pot of basil?")),
    ],
)
def test_slices_are_read_in_the_language_of_the_row(
    pairs: Pairs, forced: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    """Silence is in none, however much of it there is; and what is forced is obeyed at once."""
    block, _ = scripts_in(jsonl(tmp_path / "rows.jsonl", [row_of(pairs)]), language=forced)
    (given,) = block.scripts
    assert (given.script.language, given.script.utterances[0].text) == expected


def test_kept_copies_have_ids_of_their_own(tmp_path: Path) -> None:
    """As copies of dialogues have."""
    block, _ = scripts_in(
        jsonl(tmp_path / "rows.jsonl", [row_of(CUT, id="a"), row_of(CUT, id="b")]),
        duplicates="keep",
    )
    assert len({given.script.id for given in block.scripts}) == 2
    assert [given.script.source_ids for given in block.scripts] == [("rows:a",), ("rows:b",)]


def test_markers_in_released_slices_are_defused(tmp_path: Path) -> None:
    """The place of a cut-in moves with what goes in before it."""
    pairs = [
        CUT[0],
        ("is <1> a token?", "It is <1> and so"),
        ("", " on, as <2> shows to"),
        *CUT[3:],
    ]
    block, _ = scripts_in(jsonl(tmp_path / "rows.jsonl", [row_of(pairs)]))
    question, answer, cut_in = block.scripts[0].script.utterances[:3]
    assert question.text == "How do I keep is <\u20601> a token?"
    assert answer.text == "It is <\u20601> and so on, as <\u20602> shows to"
    assert cut_in.at == answer.heard == len(answer.text)


def test_the_cuts_of_built_rows_are_found_again(tmp_path: Path) -> None:
    """Over the sample without its `utterances`: most cuts, and hardly one that is none."""
    flags = {"source": ["sample"], "format": "tdm", "rates": "uninterrupted=1,regeneration=1"}
    out = tmp_path / "out"
    run_build(flags, config=None, out=out, workers=1, engine="local", overwrite=False)
    there = found = wrong = 0
    for row in rows_of(out):
        heard = read_slices([one["content"] for one in row["output"]], None, row["language"], "x")
        cuts = {number for number, one in enumerate(row["utterances"]) if one["over"]}
        told_cuts = {number for number, one in enumerate(heard.utterances) if one.at >= 0}
        assert len(heard.utterances) == len(row["utterances"])
        there += len(cuts)
        found += len(cuts & told_cuts)
        wrong += len(told_cuts - cuts)
    assert there > 80
    assert found > 0.8 * there
    assert wrong < 0.1 * there
