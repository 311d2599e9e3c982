"""Row layouts: which one a file's rows have, and what is read of them."""

import io
import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.dialogue import Dialogue
from duplexdata.pipeline.load.layouts import LAYOUTS, guess_layout
from duplexdata.pipeline.load.layouts.message import Layout
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.validate.layouts import read_dialogue
from duplexdata.pipeline.validate.source import find_source_files

from ..conftest import ROOT

Read = Callable[..., tuple[list[Dialogue], Reading]]

TEXTS = ["Hi?", "Hello.", "And?", "Done."]
ROLES = ["user", "assistant"] * 2
MESSAGES = [{"role": role, "content": text} for role, text in zip(ROLES, TEXTS, strict=True)]
CONVERSATIONS = [
    {"from": role, "value": text} for role, text in zip(["human", "gpt"] * 2, TEXTS, strict=True)
]
EXAMPLES: dict[str, dict[str, Any]] = {
    "ultrachat": {"id": "i", "data": TEXTS},
    "ultrachat_200k": {"prompt_id": "i", "prompt": TEXTS[0], "messages": MESSAGES},
    "openai": {"id": "i", "messages": MESSAGES},
    "sharegpt": {"id": "i", "conversations": CONVERSATIONS},
    "oasst": {
        "message_tree_id": "i",
        "prompt": {
            "role": "prompter",
            "text": TEXTS[0],
            "replies": [
                {
                    "role": "assistant",
                    "text": TEXTS[1],
                    "replies": [
                        {
                            "role": "prompter",
                            "text": TEXTS[2],
                            "replies": [{"role": "assistant", "text": TEXTS[3], "replies": None}],
                        }
                    ],
                }
            ],
        },
    },
}


def backwards(row: Any) -> Any:
    """The row with the keys of every object in the other order."""
    if isinstance(row, dict):
        return {key: backwards(row[key]) for key in reversed(row)}
    return [backwards(one) for one in row] if isinstance(row, list) else row


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """The rows as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def test_every_layout_has_an_example_here() -> None:
    """A new layout of dialogues must come with a row in this file."""
    assert set(EXAMPLES) == {name for name, layout in LAYOUTS.items() if isinstance(layout, Layout)}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("turn", [lambda row: row, backwards], ids=["", "backwards"])
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_layout_is_guessed_said_and_read(
    name: str, turn: Callable[[Any], Any], kind: str, read: Read
) -> None:
    """Whatever the order of its keys, a row is known, the user is told, and nothing is lost."""
    said: list[str] = []
    row = turn(EXAMPLES[name])
    content = parquet([row]) if kind == "parquet" else json.dumps(row)
    dialogues, reading = read(content, f"rows.{kind}", say=said.append)
    assert [turn.text for turn in dialogues[0].turns] == TEXTS
    assert [turn.role for turn in dialogues[0].turns] == ROLES
    assert dialogues[0].source_id == "rows:i"
    assert reading.files[0].layout == name
    assert len(said) == 1
    assert f"layout {name}," in said[0]


@pytest.mark.parametrize("role", ["user", "human"])
@pytest.mark.parametrize("answerer", ["gpt", "assistant", "chatgpt", "model", "bard", "bing"])
def test_sharegpt_roles(role: str, answerer: str, read: Read) -> None:
    """Every name that ShareGPT files have for the two sides is known."""
    row = [{"from": role, "value": "q"}, {"from": answerer, "value": "a"}]
    dialogues, _ = read([{"conversations": row}])
    assert [turn.role for turn in dialogues[0].turns] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["openai", "sharegpt", "sharegpt"], "sharegpt"),
        (["sharegpt", "openai", "openai"], "openai"),
        (["sharegpt", "ultrachat"], "ultrachat"),
        (["ultrachat", "sharegpt"], "ultrachat"),
        (["ultrachat_200k", "openai"], "openai"),
        (["ultrachat_200k", "ultrachat_200k"], "ultrachat_200k"),
    ],
)
def test_the_layout_of_most_rows_wins(rows: list[str], expected: str) -> None:
    """A file has one layout: of most of its rows, of equals the first in the registry."""
    for order in (rows, rows[::-1]):
        layout = guess_layout([None, 7, *(EXAMPLES[name] for name in order), [], {"x": 1}])
        assert layout is not None
        assert layout.name == expected


@pytest.mark.parametrize("rows", [[], [None], [{}], [{"data": "text"}, {"messages": {}}], [[[]]]])
def test_no_layout_is_guessed_of_nothing(rows: list[Any]) -> None:
    """Rows without the keys of any layout have none."""
    assert guess_layout(rows) is None


def test_rows_of_another_layout_are_rejected(read: Read) -> None:
    """What does not fit the file's layout is no silent half: each such row is named."""
    rows = [EXAMPLES["sharegpt"], EXAMPLES["ultrachat"], EXAMPLES["sharegpt"], {"x": 1}]
    dialogues, reading = read(rows, duplicates="keep")
    assert len(dialogues) == 2
    assert [(one.reason, one.place.row) for one in reading.rejected] == [
        ("unknown_layout", 2),
        ("unknown_layout", 4),
    ]
    assert "data" in reading.rejected[0].detail


@pytest.mark.parametrize("layout", ["openai", "ultrachat"])
def test_a_layout_that_is_named_is_not_guessed(layout: str, read: Read) -> None:
    """Rows that fit two layouts are read as the one that is named, and nothing is said."""
    said: list[str] = []
    row = {"id": "i", "messages": MESSAGES, "data": ["Another?", "One."]}
    dialogues, reading = read([row, {"id": "j"}], layout=layout, say=said.append)
    assert [turn.text for turn in dialogues[0].turns] == (
        TEXTS if layout == "openai" else row["data"]
    )
    assert [one.reason for one in reading.rejected] == ["unknown_layout"]
    assert said == []


def test_openai_reads_ultrachat_200k_by_another_id(read: Read) -> None:
    """`prompt_id` is the id of ultrachat_200k alone."""
    row = {**EXAMPLES["ultrachat_200k"], "id": "own"}
    assert read([row])[0][0].source_id == "rows:i"
    assert read([row], layout="openai")[0][0].source_id == "rows:own"


def test_a_layout_that_does_not_exist_is_refused(
    tmp_path: Path, duplexdata: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`--layout` takes the names of the registry alone."""
    done = duplexdata(
        *("build", "--format", "tdm", "--source", "sample", "--layout", "nonesuch"),
        *("--out", tmp_path / "out"),
    )
    assert done.returncode == 2
    assert "layout" in done.stderr
    assert all(name in done.stderr for name in LAYOUTS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["user", "assistant"])
@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([{"type": "text", "text": "one"}], "one"),
        ([{"type": "text", "value": "one"}], "one"),
        ([{"type": "text", "text": "one "}, {"type": "text", "value": " two\n"}], "one  two\n"),
        ([{"type": "text", "text": None, "value": "v"}, {"type": "text", "text": "t"}], "vt"),
        ([{"type": "text", "text": ""}, {"type": "text", "text": "x", "more": 1}], "x"),
        ([{"type": "text", "text": "你"}, {"type": "text", "text": "好"}], "你好"),
    ],
)
def test_text_parts_are_joined_as_they_are(
    place: str, parts: list[Any], text: str, read: Read
) -> None:
    """Nothing comes between the parts of a content, and nothing is trimmed."""
    contents: dict[str, Any] = {"user": "q", "assistant": "a", place: parts}
    rows = [{"messages": [{"role": role, "content": contents[role]} for role in ROLES[:2]]}]
    dialogues, _ = read(rows)
    assert {turn.role: turn.text for turn in dialogues[0].turns} == {**contents, place: text}


def test_text_parts_in_parquet(read: Read) -> None:
    """Parts are read where Arrow filled the missing keys with null."""
    parts = [{"type": "text", "text": "a", "value": None}, {"type": "text", "value": "b"}]
    messages = [{"role": role, "content": parts} for role in ROLES[:2]]
    dialogues, _ = read(parquet([{"messages": messages}]), "p.parquet")
    assert [turn.text for turn in dialogues[0].turns] == ["ab", "ab"]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["a", "b"], ["rows:a", "rows:b"]),
        ([7, 0, -1], ["rows:7", "rows:0", "rows:-1"]),
        ([None, "b", ...], ["rows:#1", "rows:b", "rows:#3"]),
        (["a", "a", "b", "a"], ["rows:a", "rows:#2", "rows:b", "rows:#4"]),
        (["7", 7], ["rows:7", "rows:#2"]),
        ([True, 1.5, "", [1], {"x": 1}], [f"rows:#{n}" for n in range(1, 6)]),
        (["#3", "#x", "x"], ["rows:#1", "rows:#x", "rows:x"]),
        (["a/b:c", " ", "编号"], ["rows:a/b:c", "rows: ", "rows:编号"]),
    ],
)
@pytest.mark.parametrize("name", EXAMPLES)
def test_ids(name: str, ids: list[Any], expected: list[str], read: Read) -> None:
    """A string or an integer is an id; without one, or on its repeat, the row number stands in."""
    key = {"ultrachat_200k": "prompt_id", "oasst": "message_tree_id"}.get(name, "id")
    row = {other: value for other, value in EXAMPLES[name].items() if other != key}
    rows = [row if own is ... else {**row, key: own} for own in ids]
    dialogues, _ = read(rows, duplicates="keep", layout=name if ... not in ids else None)
    if name == "ultrachat_200k" and ... in ids:
        # Read as chat rows, for one lacks the key that sets this layout apart.
        expected = [f"rows:#{n}" for n in range(1, len(ids) + 1)]
    assert [one.source_id for one in dialogues] == expected


def test_an_id_that_is_no_utf8_is_escaped(read: Read) -> None:
    """Half a surrogate pair in an id stops nothing, and two such ids stay apart."""
    lines = '{"id":"\\ud800","data":["a","b"]}\n{"id":"\\udfff","data":["c","d"]}'
    dialogues, _ = read(lines)
    ids = [one.source_id for one in dialogues]
    assert ids == ["rows:\\ud800", "rows:\\udfff"]


def test_ids_stand_behind_the_name_of_their_file(tmp_path: Path, read_sources: Read) -> None:
    """The name loses its extensions alone; the second file of a name is told apart."""
    row = json.dumps({"id": "i", "data": ["a", "b"]})
    for place in ("one/my.data.v1.jsonl", "two/my.data.v1.json", "two/x.jsonl"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(f"{{}}\n{row}")
    dialogues, _ = read_sources(tmp_path, duplicates="keep")
    assert Counter(one.source_id for one in dialogues) == Counter(
        ["my.data.v1:i", "my.data.v1~2:i", "x:i"]
    )


def test_no_two_files_have_one_name(tmp_path: Path, read_sources: Read) -> None:
    """Also where one is called as another would be, to be told apart."""
    for place in ("a", "a~2", "s/a", "t/a~2", "a:b"):
        file = tmp_path / f"{place}.jsonl"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"data": [f"Of {place}?", "Yes."]}))
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "a.jsonl").write_text(json.dumps({"data": ["Of z?", "No."]}))
    dialogues, _ = read_sources(tmp_path)
    assert {one.turns[0].text: one.source_id for one in dialogues} == {
        "Of a:b?": "a:b:#1",
        "Of a?": "a:#1",
        "Of a~2?": "a~2:#1",
        "Of s/a?": "a~3:#1",
        "Of t/a~2?": "a~2~2:#1",
        "Of z?": "a~4:#1",
    }
    assert [one.name for one in find_source_files([str(tmp_path)])] == [
        one.source_id.removesuffix(":#1") for one in dialogues
    ]


def test_a_rejected_row_leaves_its_id_to_the_next(read: Read) -> None:
    """The first row that is kept has the id, not the first that holds it."""
    rows = [
        {"id": "i", "data": ["alone"]},
        {"id": "j", "data": ["a", "b"]},
        {"id": "k", "data": ["a", "b"]},
        {"id": "i", "data": ["c", "d"]},
        {"id": "k", "data": ["e", "f"]},
    ]
    dialogues, _ = read(rows)
    assert [one.source_id for one in dialogues] == ["rows:j", "rows:i", "rows:k"]


def tree(text: str, *replies: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message of a tree; the prompter's where its text is a question."""
    role = "prompter" if text.endswith("?") else "assistant"
    return {"text": text, "role": role, "replies": list(replies), **more}


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        # The longest path is taken, whatever the ranks.
        (tree("q?", tree("a", rank=0), tree("b", tree("r?", tree("c")), rank=1)), "q? b r? c"),
        # Of paths that are as long, the better ranked; one without a rank comes last.
        (tree("q?", tree("a"), tree("b", rank=1), tree("c", rank=0)), "q? c"),
        (tree("q?", tree("a"), tree("b")), "q? a"),
        # They are compared where they part, not by what comes below.
        (
            tree(
                "q?",
                tree("a", tree("r?", tree("c", rank=0)), rank=1),
                tree("b", tree("s?", tree("d", rank=9)), rank=0),
            ),
            "q? b s? d",
        ),
        # A question that nobody answers makes no path longer.
        (tree("q?", tree("a", tree("r?"), rank=1), tree("b", rank=0)), "q? b"),
        # What was deleted is not there.
        (tree("q?", tree("a", rank=0, deleted=True), tree("b", rank=1)), "q? b"),
    ],
)
def test_of_a_tree_the_best_of_the_longest_paths_is_read(
    prompt: dict[str, Any], expected: str, read: Read
) -> None:
    """And the validator's own reading finds the same."""
    row = {"message_tree_id": "i", "prompt": prompt}
    dialogues, _ = read([row])
    assert " ".join(turn.text for turn in dialogues[0].turns) == expected
    checked = read_dialogue(row, "oasst")
    assert checked is not None
    assert " ".join(checked.turns) == expected


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (tree("q?"), "no_answer"),
        (tree("q?", tree("a"), deleted=True), "no_answer"),
        (tree("q?", {"text": "a", "role": "narrator"}), "no_answer"),
        (tree("q?", tree("a", {"text": "x", "role": "narrator", "replies": [tree("b")]})), "role"),
    ],
)
def test_a_tree_without_a_path_is_rejected(prompt: dict[str, Any], reason: str, read: Read) -> None:
    """The reason says what is missing."""
    good = {"message_tree_id": "i", "prompt": tree("q?", tree("a"))}
    _, reading = read([good, {"message_tree_id": "j", "prompt": prompt}])
    assert len(reading.rejected) == 1
    assert reason in reading.rejected[0].reason


def test_the_layout_of_the_docs_reads_its_rows() -> None:
    """What docs/extending.md shows is a layout, as it stands there."""
    page = (ROOT / "docs" / "extending.md").read_text("utf-8")
    (code,) = [
        one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "ticket" in one
    ]
    names: dict[str, Any] = {"__package__": "duplexdata.pipeline.load.layouts"}
    exec(code, names)  # noqa: S102  # the page is ours
    layout = names["LAYOUT"]
    said = [{"speaker": "client", "words": "Hi?"}, {"speaker": "agent", "words": "Hello."}]
    row = {"ticket": 7, "dialog": said}
    assert layout.fits(row)
    assert set(row) == set(layout.columns)
    found = layout.read(row)
    assert found.id == 7
    said_by = list(zip(found.roles, found.contents, strict=True))
    assert said_by == [("user", "Hi?"), ("assistant", "Hello.")]
