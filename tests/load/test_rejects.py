"""What rejects a row, what is dropped of one, and that every row is counted."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplexdata.pipeline.dialogue import Dialogue
from duplexdata.pipeline.load.block import Place, block_of, read_block, write_block
from duplexdata.pipeline.load.layouts import LAYOUTS
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.load.rejects import REASONS

Read = Callable[..., tuple[list[Dialogue], Reading]]


def chat(*messages: Any) -> str:
    """A line of chat messages; a pair of role and content, or whatever it is."""
    return json.dumps(
        {
            "messages": [
                {"role": one[0], "content": one[1]} if isinstance(one, tuple) else one
                for one in messages
            ]
        }
    )


def user(content: Any = "Hi?") -> tuple[str, Any]:
    """A user message."""
    return "user", content


def assistant(content: Any = "Yes.") -> tuple[str, Any]:
    """An assistant message."""
    return "assistant", content


GOOD = chat(user("A good question?"), assistant("A good answer."))
DEEP = "[" * 1010 + "]" * 1010

BAD: list[tuple[str, str | bytes]] = [
    ("not_utf8", GOOD.encode().replace(b"good", b"g\xffd")),
    ("not_utf8", "{'caf\u00e9'}".encode("latin-1")),
    ("not_utf8", b'{"x": "\xed\xa0\x80"}'),
    ("not_json", "{"),
    ("not_json", GOOD[:-1]),
    ("not_json", GOOD + GOOD),
    ("not_json", "hello"),
    ("not_json", "\ufeff" + GOOD),
    ("not_json", '{"messages": "a\tb"}'),
    ("not_json", "[" * 100_000),
    ("not_an_object", "[1, 2]"),
    ("not_an_object", "null"),
    ("not_an_object", '"text"'),
    ("not_an_object", "NaN"),
    ("not_an_object", DEEP),
    ("unknown_layout", "{}"),
    ("unknown_layout", '{"text": "hello"}'),
    ("unknown_layout", '{"\\ud800": 1}'),
    ("unknown_layout", '{"messages": null}'),
    ("unknown_layout", '{"messages": {"role": "user"}}'),
    ("unknown_layout", chat("hello", "you")),
    ("unknown_layout", chat(user(), None)),
    ("unknown_role", chat(("narrator", "x"), assistant())),
    ("unknown_role", chat(user(), (None, "x"))),
    ("unknown_role", chat(user(), {"content": "x"})),
    ("unknown_role", chat((7, "x"), assistant())),
    ("unknown_role", chat(("User", "x"), assistant())),
    ("unknown_role", chat((["user"], "x"), assistant())),
    ("unknown_role", f'{{"messages": [{{"role": {DEEP}, "content": "x"}}]}}'),
    ("tool_calls", chat(user(), ("tool", "4"), assistant())),
    ("tool_calls", chat(user(), ("function", "4"), assistant())),
    (
        "tool_calls",
        chat(user(), {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}),
    ),
    (
        "tool_calls",
        chat(user(), {"role": "assistant", "content": "a", "function_call": {"name": "f"}}),
    ),
    ("not_text", chat(user(7), assistant())),
    ("not_text", chat(user(), assistant(0))),
    ("not_text", chat(user(), assistant({"text": "x"}))),
    ("not_text", chat(user(), assistant(False))),
    ("not_text", chat(user(), assistant(float("nan")))),
    ("not_text", chat(user(), assistant("a \ud83d b"))),
    ("not_text", chat(user([{"type": "text", "text": "\udc00"}]), assistant())),
    ("content_parts", chat(user([{"type": "image_url", "image_url": "x"}]), assistant())),
    ("content_parts", chat(user([{"type": "text", "text": "a"}, {"type": "x"}]), assistant())),
    ("content_parts", chat(user(["a", "b"]), assistant())),
    ("content_parts", chat(user([{"text": "a"}]), assistant())),
    ("content_parts", chat(user([{"type": "text"}]), assistant())),
    ("content_parts", chat(user([{"type": "text", "text": 7}]), assistant())),
    ("content_parts", chat(user([{"type": "text", "text": "a"}, None]), assistant())),
    (
        "content_parts",
        f'{{"messages": [{{"role": "user", "content": [{{"type": {DEEP}}}]}}]}}',
    ),
    ("empty_content", chat(user(""), assistant())),
    ("empty_content", chat(user(), assistant(""))),
    ("empty_content", chat(user(), assistant(None))),
    ("empty_content", chat(user(), {"role": "assistant"})),
    ("empty_content", chat(user(), assistant(" \t\r\n"))),
    ("empty_content", chat(user(), assistant("\u3000\u00a0\u2003\u2028\u0085"))),
    ("empty_content", chat(user(), assistant([]))),
    ("empty_content", chat(user(), assistant([{"type": "text", "text": " "}]))),
    ("empty_content", chat(user(), assistant(), user(" "), assistant())),
    ("roles_out_of_order", chat(assistant(), user())),
    ("roles_out_of_order", chat(assistant())),
    ("roles_out_of_order", chat(user(), user("x"), assistant())),
    ("roles_out_of_order", chat(user(), assistant(), assistant())),
    ("roles_out_of_order", chat(user(), assistant(), user(), user())),
    ("no_answer", chat()),
    ("no_answer", chat(user())),
    ("no_answer", chat(("system", "x"))),
    ("no_answer", chat(("system", "x"), user())),
    ("too_long", chat(user(), assistant("x" * 1000))),
    ("too_long", chat(*[user("y" * 100), assistant("x" * 100)] * 6)),
    ("duplicate", GOOD),
    (
        "duplicate",
        chat(("system", "x"), user("A good question?"), assistant("A good answer.")),
    ),
    ("duplicate", chat(user("A good question?"), assistant("A good answer."), user("More?"))),
]


def test_every_reason_has_a_row_here() -> None:
    """A new reason must come with a row here; a weight's and a script's have their own tests."""
    assert {reason for reason, _ in BAD} == set(REASONS) - {"not_drawn", "broken_script"}


@pytest.mark.parametrize(("reason", "line"), BAD)
def test_a_bad_row_is_rejected_for_its_reason(reason: str, line: str | bytes, read: Read) -> None:
    """The row is named with its number, its line and the reason; its neighbours are kept."""
    bad = line if isinstance(line, bytes) else line.encode()
    other = chat(user("Another?"), assistant("One more.")).encode()
    dialogues, reading = read(b"\n\n".join([GOOD.encode(), bad, other]), max_characters=1000)
    assert [(one.reason, one.place.row, one.place.line) for one in reading.rejected] == [
        (reason, 2, 3)
    ]
    assert reading.rejected[0].detail.encode().decode() == reading.rejected[0].detail
    assert [one.turns[0].text for one in dialogues] == ["A good question?", "Another?"]
    assert (reading.rows, reading.kept) == (3, 2)


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("no_answer", []),
        ("no_answer", ["alone"]),
        ("empty_content", ["q", ""]),
        ("empty_content", ["q", None]),
        ("not_text", ["q", 7]),
        ("not_text", [{"role": "user"}, "a"]),
    ],
)
def test_a_bad_ultrachat_row(reason: str, data: list[Any], read: Read) -> None:
    """The texts of UltraChat are held to the same rules."""
    _, reading = read([{"data": ["q", "a"]}, {"data": data}])
    assert [(one.reason, one.place.row) for one in reading.rejected] == [(reason, 2)]


@pytest.mark.parametrize(
    ("reason", "name"), [("tool_calls", "function_call"), ("tool_calls", "observation"),
                         ("tool_calls", "tool"), ("unknown_role", "alien")]
)  # fmt: skip
def test_a_bad_sharegpt_row(reason: str, name: str, read: Read) -> None:
    """The speakers of ShareGPT are held to the same rules."""
    good = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    _, reading = read([{"conversations": good}, {"conversations": [*good, {"from": name}]}])
    assert [(one.reason, one.place.row) for one in reading.rejected] == [(reason, 2)]


def test_a_text_of_parquet_that_is_not_utf8(read: Read) -> None:
    """One bad text rejects its row, not the rows that share its batch."""
    texts = [b"q0", b"a0", b"q\xff1", b"a1", b"q2", b"a2"]
    data = pa.ListArray.from_arrays([0, 2, 4, 6], pa.array(texts, pa.binary()))
    strings = pa.ListArray.from_arrays(data.offsets, data.values.view(pa.string()))
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b", "c"], "data": strings}), sink)
    dialogues, reading = read(sink.getvalue(), "p.parquet")
    assert [one.source_id for one in dialogues] == ["p:a", "p:c"]
    assert [(one.reason, one.place.row) for one in reading.rejected] == [("not_utf8", 2)]


def test_null_rows_of_parquet_are_rejected(read: Read) -> None:
    """A row whose columns are null, in whole or in part, has a reason."""
    sink = io.BytesIO()
    rows = [{"data": ["q", "a"]}, {"data": None}, {"data": ["q", None]}, {"data": []}]
    pq.write_table(pa.Table.from_pylist(rows), sink)
    _, reading = read(sink.getvalue(), "p.parquet")
    assert [(one.reason, one.place.row) for one in reading.rejected] == [
        ("unknown_layout", 2),
        ("empty_content", 3),
        ("no_answer", 4),
    ]


def test_reasons_of_one_file_are_counted(read: Read) -> None:
    """Each bad row has its own reason, in the order of the file."""
    lines = [
        line if isinstance(line, bytes) else line.encode()
        for reason, line in BAD
        if reason != "duplicate"
    ]
    _, reading = read(b"\n".join([GOOD.encode(), *lines]), max_characters=1000)
    assert [one.reason for one in reading.rejected] == [
        reason for reason, _ in BAD if reason != "duplicate"
    ]
    assert [one.place.row for one in reading.rejected] == list(range(2, len(lines) + 2))
    assert reading.rows == reading.kept + len(reading.rejected)


@pytest.mark.parametrize(
    "line",
    [
        '{"x": NaN, "data": ["q", "a"]}',
        '{"x": -Infinity, "data": ["q", "a"]}',
        '{"x": "\\ud800", "data": ["q", "a"]}',
        '{"x": 123456789012345678901234567890, "data": ["q", "a"]}',
        '{"x": 1e400, "data": ["q", "a"]}',
        f'{{"x": {"[" * 400}{"]" * 400}, "data": ["q", "a"]}}',
        '{"data": 7, "data": ["q", "a"]}',
        '{"data": ["q", "a"], "": [{}], "tool_calls": [1]}',
    ],
)
def test_a_field_that_nobody_reads_rejects_nothing(line: str, read: Read) -> None:
    """What JSON parsers quarrel about does no harm outside the turns."""
    dialogues, _ = read(line)
    assert [turn.text for turn in dialogues[0].turns] == ["q", "a"]


@pytest.mark.parametrize(
    "field",
    [
        "NaN",
        "123456789012345678901234567890",
        "1.5",
        "[" * 400 + "]" * 400,
    ],
)
def test_a_field_that_nobody_reads_rejects_nothing_in_an_array(field: str, read: Read) -> None:
    """A row has the same fate in an array as on a line of its own."""
    dialogues, _ = read(f'[{{"x": {field}, "data": ["q", "a"]}}]', "a.json")
    assert [turn.text for turn in dialogues[0].turns] == ["q", "a"]


def test_half_a_surrogate_pair_in_an_array_is_rejected(read: Read) -> None:
    """A text that cannot be UTF-8 is rejected, never silently mended."""
    dialogues, reading = read('[{"data": ["q", "a"]}, {"data": ["q\\ud83d", "a"]}]', "a.json")
    assert [one.reason for one in reading.rejected] == ["not_text"]
    assert len(dialogues) == 1


@pytest.mark.parametrize(
    ("messages", "texts", "system", "trailing"),
    [
        ([user("q"), assistant("a")], "qa", 0, 0),
        ([("system", "s"), user("q"), assistant("a")], "qa", 1, 0),
        ([("developer", "s"), ("system", None), user("q"), assistant("a")], "qa", 2, 0),
        ([user("q"), ("system", "s"), assistant("a"), ("system", 7)], "qa", 2, 0),
        ([user("q"), assistant("a"), user("r")], "qa", 0, 1),
        ([user("q"), assistant("a"), user("")], "qa", 0, 1),
        ([user("q"), assistant("a"), user(7)], "qa", 0, 1),
        ([user("q"), assistant("a"), user("r"), ("system", "s")], "qa", 1, 1),
        ([user("q"), assistant("a"), user("r"), assistant("b"), user("t")], "qarb", 0, 1),
    ],
)
def test_what_is_dropped_is_counted(
    messages: list[Any], texts: str, system: int, trailing: int, read: Read
) -> None:
    """System messages and a last question without an answer go, and the counts say so."""
    dialogues, reading = read(chat(*messages))
    assert "".join(turn.text for turn in dialogues[0].turns) == texts
    assert (reading.system_messages, reading.trailing_user_turns) == (system, trailing)


def test_what_is_dropped_of_a_rejected_row_is_not_counted(read: Read) -> None:
    """The counts speak of rows that can be used."""
    lines = [GOOD, chat(("system", "s"), user("q"), assistant(""), user("r"))]
    _, reading = read("\n".join(lines))
    assert (reading.kept, reading.system_messages, reading.trailing_user_turns) == (1, 0, 0)


@pytest.mark.parametrize(("bound", "kept"), [(9, 0), (10, 1), (11, 1), (0, 1)])
def test_too_long_counts_code_points_of_all_turns(bound: int, kept: int, read: Read) -> None:
    """`max_characters` bounds the turns together, in code points; 0 is no bound."""
    rows = [{"data": ["你好👋🏽!", "12345"]}, {"data": ["1", "2"]}]
    dialogues, reading = read(rows, max_characters=bound)
    assert len(dialogues) == 1 + kept
    assert [one.reason for one in reading.rejected] == ["too_long"] * (1 - kept)


surrogates_too = st.text(st.characters(exclude_categories=()), max_size=8)
names = st.sampled_from(
    ["id", "prompt_id", "data", "messages", "conversations", "role", "content", "from", "value",
     "type", "text", "user", "assistant", "system", "tool", "human", "gpt", "tool_calls", " "]
)  # fmt: skip
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | surrogates_too | names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | surrogates_too, inner),
    max_leaves=12,
)
near_rows = st.fixed_dictionaries(
    {
        "messages": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "assistant", "system"]) | values},
                optional={"content": surrogates_too | values, "tool_calls": values},
            )
            | values,
            max_size=5,
        )
    },
    optional={"id": values, "prompt_id": values},
)


@settings(deadline=None, max_examples=150)
@given(st.lists(values | near_rows, max_size=12), st.sampled_from(["reject", "keep"]))
def test_no_row_is_lost_whatever_it_is(
    tmp_path_factory: pytest.TempPathFactory, read: Read, rows: list[Any], duplicates: str
) -> None:
    """Any JSON values are read without an error, each is counted, and all can be passed on."""
    lines = [GOOD, *map(json.dumps, rows)]
    dialogues, reading = read("\n".join(lines), duplicates=duplicates, layout="openai")
    assert reading.rows == len(lines)
    assert reading.kept == len(dialogues) == reading.rows - len(reading.rejected)
    assert {one.reason for one in reading.rejected} <= set(REASONS)
    "\n".join(one.detail for one in reading.rejected).encode()
    block = block_of(0, tuple(dialogues), tuple(Place("f", n, n) for n in range(len(dialogues))))
    file = tmp_path_factory.getbasetemp() / "any.json"
    write_block(block, file)
    assert read_block(0, file) == block


@settings(deadline=None, max_examples=150)
@given(st.lists(st.binary(max_size=20), max_size=12))
def test_no_line_is_lost_whatever_it_holds(read: Read, lines: list[bytes]) -> None:
    """Any bytes are read without an error, and each line that is not blank is counted."""
    data = b"\n".join([GOOD.encode(), *lines])
    _, reading = read(data, layout="openai")
    rows = sum(bool(line.strip()) for line in data.split(b"\n"))
    assert reading.rows == rows == reading.kept + len(reading.rejected)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["{}", '{"a": 1, "b": 2}'], ["line 1", "line 2", "a, b"]),
        (["", "", "hello", "7"], ["line 3", "not JSON", "line 4", "no object"]),
        ([chat(user())] * 5, ["line 1", "line 2", "line 3", "no user message is answered"]),
        ([chat(user(), assistant(""))], ["line 1", "empty"]),
        ([], ["it is empty"]),
    ],
)
def test_a_source_without_a_usable_row_is_exit_2(
    lines: list[str],
    told: list[str],
    tmp_path: Path,
    duplexdata: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """The message says what the first rows held and which layouts exist; no folder is left."""
    file = tmp_path / "in" / "rows.jsonl"
    file.parent.mkdir()
    file.write_text("\n".join(lines))
    done = duplexdata(
        *("build", "--format", "tdm", "--source", file, "--source", "sample", "--out", "out"),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    error = done.stderr[done.stderr.index("error: ") :]
    assert str(file) in error
    assert [one for one in told if one not in error] == []
    assert [name for name in LAYOUTS if name not in error] == []
    assert "line 4" not in error or "line 4" in told
    assert len(error.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == [file.parent]


def test_a_later_source_without_a_usable_row_is_exit_2(
    tmp_path: Path, duplexdata: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Each source must give a row; the error names the one that did not."""
    file = tmp_path / "rows.jsonl"
    file.write_text("{}\n")
    done = duplexdata(
        *("build", "--format", "tdm", "--source", "sample", "--source", file, "--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert f"no usable row in {file}" in done.stderr
    assert list(tmp_path.iterdir()) == [file]
