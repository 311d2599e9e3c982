"""Both formats, rendered from the same scripts."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplexdata.pipeline.chance import Chance
from duplexdata.pipeline.dialogue import Dialogue, Script, Turn, turns_key
from duplexdata.pipeline.export import FORMATS
from duplexdata.pipeline.generate import finish
from duplexdata.pipeline.generate.offline import offline_reply
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.interrupt.cuts import cut_places
from duplexdata.pipeline.interrupt.interaction import Setting
from duplexdata.pipeline.interrupt.transitions import load_transitions
from duplexdata.pipeline.markers import DEFAULT_MARKERS, IDLE, undo
from duplexdata.pipeline.slice.schedule import SlicedScript, joined_rows, slice_script
from duplexdata.pipeline.slice.slicer import Slicer
from duplexdata.pipeline.slice.tokenizers import load_tokenizer

CL100K = load_tokenizer("cl100k_base")
TRANSITIONS = {language: load_transitions(language, None) for language in ("en", "zh")}

texts = st.text(min_size=1, max_size=200).filter(str.strip) | st.lists(
    st.sampled_from(
        ["word ", "<idle>", "<1>", "你好，", "\n\n", "👨‍👩‍👧 ", "a\u2060b", "\x00", "Is it? "]
    ),
    min_size=1,
    max_size=40,
).map("".join).filter(str.strip)
dialogues = st.lists(st.tuples(texts, texts), min_size=1, max_size=3).map(
    lambda rounds: Dialogue(
        "s:1",
        turns_key(turns := _turns([text for pair in rounds for text in pair])),
        "en",
        turns,
    )
)


def _turns(found: Sequence[str]) -> tuple[Turn, ...]:
    return tuple(
        Turn("assistant" if number % 2 else "user", text) for number, text in enumerate(found)
    )


def sliced_scripts(
    found: Sequence[Dialogue], slice_tokens: int = 10, tail: int = 1
) -> list[SlicedScript]:
    """Every script that can be made of these dialogues."""
    slicer = Slicer(CL100K, slice_tokens)
    setting = Setting(cut_places(slicer), TRANSITIONS, 0.3, DEFAULT_MARKERS)
    scripts = [
        finish(one.script([dialogue], Chance(0, (dialogue.key,)), setting), offline_reply)
        for dialogue in found
        for one in TYPES.values()
        if one.grouping is None and one.missing([dialogue], setting) is None
    ]
    return [slice_script(script, slicer, seed=0, tail_idle=tail) for script in scripts]


def rendered(format_name: str, sliced: Sequence[SlicedScript]) -> list[dict[str, Any]]:
    """The rows of a format."""
    table = FORMATS[format_name].render(joined_rows(sliced, 0))
    table.validate(full=True)
    assert table.schema == FORMATS[format_name].schema
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


@settings(deadline=None, max_examples=60)
@given(st.lists(dialogues, min_size=1, max_size=3), st.sampled_from([1, 3, 10]), st.integers(0, 3))
def test_tdm_is_the_script_in_time(found: list[Dialogue], slice_tokens: int, tail: int) -> None:
    """Every utterance is heard in its pairs, to the byte, and all else is silence (rules 1, 3)."""
    sliced = sliced_scripts(found, slice_tokens, tail)
    for row, one in zip(rendered("tdm", sliced), sliced, strict=True):
        output = row["output"]
        assert [part["role"] for part in output] == ["user", "assistant"] * (len(output) // 2)
        silent = [part["content"] == IDLE for part in output]
        for utterance, place in zip(one.script.utterances, row["utterances"], strict=True):
            side = 0 if place["role"] == "user" else 1
            pairs = range(place["start"], place["start"] + place["slices"])
            heard = [output[2 * pair + side]["content"] for pair in pairs]
            if side:
                assert "".join(heard) == utterance.text[: utterance.heard]
                assert "".join(heard) + place["unheard"] == utterance.text
            else:
                assert [word for part in heard for word in part.split()] == utterance.text.split()
            for pair in pairs:
                assert not silent[2 * pair + side]
                silent[2 * pair + side] = True
        assert all(silent)
        both = [
            output[pair]["content"] == output[pair + 1]["content"] == IDLE
            for pair in range(0, len(output), 2)
        ]
        assert both == [False] * (len(both) - tail) + [True] * tail


@settings(deadline=None, max_examples=60)
@given(st.lists(dialogues, min_size=1, max_size=3))
def test_the_assistant_never_begins_over_the_user(found: list[Dialogue]) -> None:
    """Only in the last slice of a query do both speak (rule 5)."""
    sliced = sliced_scripts(found)
    for row in rendered("tdm", sliced):
        contents = [part["content"] for part in row["output"]]
        both = {
            pair
            for pair in range(len(contents) // 2)
            if IDLE not in (contents[2 * pair], contents[2 * pair + 1])
        }
        queries = [one for one in row["utterances"] if one["state"] == "query"]
        assert both == {one["start"] + one["slices"] - 1 for one in queries}
        assert not [one for one in row["utterances"] if one["role"] == "assistant" and one["over"]]


@settings(deadline=None, max_examples=60)
@given(st.lists(dialogues, min_size=1, max_size=3))
def test_duo_is_the_script_in_turns(found: list[Dialogue]) -> None:
    """Turns alternate; a user content ends in its state token; an answer is what was heard."""
    sliced = sliced_scripts(found)
    for row, one in zip(rendered("duo", sliced), sliced, strict=True):
        messages = row["messages"]
        assert [part["role"] for part in messages] == ["user", "assistant"] * (len(messages) // 2)
        assert len(row["states"]) == len(messages)
        for utterance, place in zip(one.script.utterances, row["utterances"], strict=True):
            content = messages[place["start"]]["content"]
            assert row["states"][place["start"]] == utterance.state == place["state"]
            assert place["slices"] is None
            if utterance.role == "user":
                assert content == utterance.text + "<1>"
            else:
                assert content == utterance.text[: utterance.heard]
                assert content + place["unheard"] == utterance.text
        stopped = one.script.utterances[-1].state == "stop"
        assert len(messages) == len(one.script.utterances) + stopped
        empty = [number for number, part in enumerate(messages) if not part["content"]]
        assert empty == ([len(messages) - 1] if stopped else [])


@settings(deadline=None, max_examples=60)
@given(dialogues)
def test_no_text_forges_a_control_token(found: Dialogue) -> None:
    """Where a content is not silence it holds no marker, and undone it is the source (rule 6)."""
    sliced = sliced_scripts([found])
    tdm, duo = rendered("tdm", sliced)[0], rendered("duo", sliced)[0]
    spoken = [part["content"] for part in tdm["output"] if part["content"] != IDLE]
    turns = [
        part["content"].removesuffix("<1>") if part["role"] == "user" else part["content"]
        for part in duo["messages"]
    ]
    for content in spoken + turns:
        assert not [marker for marker in DEFAULT_MARKERS if marker in content]
    expected = [turn.text.strip() if turn.role == "user" else turn.text for turn in found.turns]
    assert [undo(turn, DEFAULT_MARKERS) for turn in turns] == expected


def test_both_formats_tell_the_same_conversations() -> None:
    """Ids, texts, kinds, origins and what is unheard agree between the formats of one seed."""
    long = "It is a long answer, and it goes on for a while, so that it can be cut. " * 3
    found = [
        Dialogue("s:1", str(number), "en", _turns([f"Question {number}?", long, "And?", long]))
        for number in range(20)
    ]
    sliced = sliced_scripts(found)
    for tdm, duo in zip(rendered("tdm", sliced), rendered("duo", sliced), strict=True):
        assert {k: tdm[k] for k in ("id", "type", "language", "source_ids", "generator")} == {
            k: duo[k] for k in ("id", "type", "language", "source_ids", "generator")
        }
        for one, other in zip(tdm["utterances"], duo["utterances"], strict=True):
            placed = {"start": 0, "slices": 0}
            assert {**one, **placed} == {**other, **placed}


@pytest.mark.parametrize(
    ("format_name", "column", "kind"),
    [
        ("tdm", "output", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("duo", "messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("duo", "states", pa.list_(pa.string())),
        ("tdm", "source_ids", pa.list_(pa.string())),
        ("duo", "generator", pa.string()),
    ],
)
def test_columns_have_the_types_of_the_contract(
    format_name: str, column: str, kind: pa.DataType
) -> None:
    """The Arrow schema of a format is the contract's."""
    assert FORMATS[format_name].schema.field(column).type == kind


def test_no_rows_is_a_table_too() -> None:
    """Rendering nothing gives an empty table of the right schema."""
    for name in FORMATS:
        assert rendered(name, []) == []


def test_a_script_with_silence_alone_at_its_end() -> None:
    """tail_idle pairs end a row, none if the recipe says so."""
    script = Script("i", "uninterrupted", "en", ("s",), ("k",), ())
    slicer = Slicer(CL100K, 10)
    sliced = [slice_script(script, slicer, seed=0, tail_idle=tail) for tail in (0, 2)]
    assert [len(row["output"]) for row in rendered("tdm", sliced)] == [0, 4]
