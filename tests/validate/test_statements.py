"""Rows with statements and resumptions, of a build, each broken in one place, rule by rule."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.slice.tokenizers import load_tokenizer
from duplexdata.pipeline.validate import Report, validate
from duplexdata.pipeline.validate.text import Cutter

Row = dict[str, Any]
Edit = Callable[[Row], bool]
"""Breaks a row in its place; False where the row has no such place."""

IDLE = "<idle>"
FEWEST = 8
MOST = 15
ALL = ",".join(
    f"{name}=1"
    for name in (
        *("uninterrupted", "generation_termination", "topic_interweaving"),
        *("regeneration", "dialogue_reset", "back_on_topic"),
    )
)


def build(out: Path, row_format: str, source: str, config: str, statements: str) -> Path:
    """A run's folder of all six types."""
    recipe = out.with_suffix(".toml")
    recipe.write_text(config, "utf-8")
    subprocess.run(
        [
            *(sys.executable, "-m", "duplexdata", "build", "--format", row_format),
            *("--source", source, "--samples", "0", "--validation", "0.2", "--workers", "1"),
            *("--rates", ALL, "--statements", statements),
            *("--config", str(recipe), "--out", str(out)),
        ],
        check=True,
        capture_output=True,
    )
    return out


Rows = Callable[[str], Iterator[Row]]


@pytest.fixture(scope="module")
def rows_of(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The rows of a build of the sample with statements, by format."""
    made: dict[str, list[Row]] = {}

    def read(row_format: str) -> Iterator[Row]:
        if row_format not in made:
            out = tmp_path_factory.mktemp("statements") / "run"
            build(out, row_format, "sample", "", "0.7")
            tables = [pq.read_table(one) for one in sorted((out / "data").iterdir())]
            made[row_format] = [row for one in tables for row in one.to_pylist()]
        return map(copy.deepcopy, made[row_format])

    return read


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize(
    ("tail_idle", "statements", "over"),
    [(0, "0.7", 0.5), (1, "1", 1.0), (3, "2.3", 0.0), (1, "0", 0.5)],
)
def test_what_is_built_with_statements_is_proved(
    tmp_path: Path, row_format: str, tail_idle: int, statements: str, over: float
) -> None:
    """All six types with statements, whatever silence and share the recipe asks for."""
    config = f"tail_idle = {tail_idle}\nover = {over}\n"
    folder = build(tmp_path / "run", row_format, "sample", config, statements)
    for sources in ([], ["sample"]):
        report = validate(folder, sources=sources)
        assert report.breaches == 0, report.lines()
        assert report.proved["type"] == report.proved["rule 4"] == report.rows > 300
        assert report.proved["source"] == (report.rows if sources else 0)
        if row_format == "tdm":
            assert report.proved["rule 2"] == report.proved["rule 3"] == report.rows
        rules = [why for check, why in report.unproved if check == "rule 7"]
        if statements == "0":
            assert rules == ["no row holds a statement"]
        else:
            assert report.proved["rule 7"] > 300
            assert rules == ["that a statement belongs to what was said"]
        assert any("aside is true" in why for check, why in report.unproved if check == "type")


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize("name", ["ultrachat_200k.jsonl", "sharegpt_zh.jsonl"])
def test_statements_among_real_dialogues_are_proved(
    tmp_path: Path, real_data: Path, row_format: str, name: str
) -> None:
    """Real dialogues of all six types, with statements, keep every rule."""
    source = str(real_data / name)
    folder = build(tmp_path / "run", row_format, source, "", "0.7")
    for sources in ([], [source]):
        report = validate(folder, sources=sources)
        assert report.breaches == 0, report.lines()


@dataclass(frozen=True, slots=True)
class Place:
    """A statement and the utterances around it, with where it stands among them."""

    index: int
    statement: Row
    before: Row
    after: Row | None


def places(row: Row, *, over: bool) -> list[Place]:
    """The statements of a row, over an answer or in silence."""
    utterances = row["utterances"]
    return [
        Place(
            index,
            one,
            utterances[index - 1],
            utterances[index + 1] if index + 1 < len(utterances) else None,
        )
        for index, one in enumerate(utterances)
        if one["kind"] == "statement" and one["over"] == over
    ]


def find(row: Row, kind: str) -> Row | None:
    """The first utterance of a kind."""
    return next((one for one in row["utterances"] if one["kind"] == kind), None)


def flip_over(*, over: bool) -> Edit:
    """A statement says that it begins over the answer, or that it does not."""

    def edit(row: Row) -> bool:
        found = places(row, over=over)
        if found:
            found[0].statement["over"] = not over
        return bool(found)

    return edit


def say(row: Row, one: Row, text: str) -> None:
    """Puts words into an utterance of the user, of one slice in tdm."""
    if "messages" in row:
        content = row["messages"][one["start"]]["content"]
        row["messages"][one["start"]]["content"] = text + content[-3:]
    else:
        row["output"][2 * one["start"]]["content"] = text


def ask(text: str) -> Edit:
    """A statement asks, orders or is quoted."""

    def edit(row: Row) -> bool:
        found = [one.statement for over in (True, False) for one in places(row, over=over)]
        short = [one for one in found if one["slices"] in (None, 1)]
        if short and row["language"] == "en":
            say(row, short[0], text)
        return bool(short) and row["language"] == "en"

    return edit


def of_source(row: Row) -> bool:
    """A statement says that it is the source's."""
    one = find(row, "statement")
    if one:
        one["origin"] = "source"
    return one is not None


def asked(row: Row) -> bool:
    """A statement's columns say that it is a query."""
    one = find(row, "statement")
    if one:
        one["state"] = "query"
    return one is not None


def another_token(row: Row) -> bool:
    """A statement's message ends in the token of a query."""
    one = find(row, "statement")
    if one:
        message = row["messages"][one["start"]]
        message["content"] = message["content"].removesuffix("<2>") + "<1>"
    return one is not None


def another_state(row: Row) -> bool:
    """The states column says that a statement is a query."""
    one = find(row, "statement")
    if one:
        row["states"][one["start"]] = "query"
    return one is not None


def pairs(row: Row, begin: int, end: int) -> list[Row]:
    """Some pairs of slices."""
    held: list[Row] = row["output"][2 * begin : 2 * end]
    return held


def move(row: Row, index: int, by: int) -> None:
    """Moves what begins from an utterance on."""
    for one in row["utterances"][index:]:
        one["start"] += by


def no_silence(row: Row) -> bool:
    """The silent pair after a statement is gone, and all after it moves up."""
    found = [one for one in places(row, over=False) if one.after]
    if found:
        one = found[0]
        end = one.statement["start"] + one.statement["slices"]
        del row["output"][2 * end : 2 * end + 2]
        move(row, one.index + 1, -1)
    return bool(found)


def more_silence(row: Row) -> bool:
    """Two silent pairs follow a statement."""
    found = [one for one in places(row, over=False) if one.after]
    if found:
        one = found[0]
        end = one.statement["start"] + one.statement["slices"]
        row["output"][2 * end : 2 * end] = copy.deepcopy(pairs(row, end, end + 1))
        move(row, one.index + 1, 1)
    return bool(found)


def tail(by: int) -> Edit:
    """A row that ends in a statement has another tail."""

    def edit(row: Row) -> bool:
        found = [one for one in places(row, over=False) if one.after is None]
        if found and by < 0:
            del row["output"][2 * by :]
        elif found:
            row["output"] += copy.deepcopy(row["output"][-2:])
        return bool(found)

    return edit


def start(by: int, *, over: bool) -> Edit:
    """A statement says that it begins earlier or later, and its words are where they were."""

    def edit(row: Row) -> bool:
        found = places(row, over=over)
        if found:
            found[0].statement["start"] += by
        return bool(found)

    return edit


def shifted(row: Row, one: Place, to: int) -> None:
    """Moves a statement over an answer, with its words."""
    statement = one.statement
    begin, count = statement["start"], statement["slices"]
    users = [cell["content"] for cell in row["output"][::2]]
    words = users[begin : begin + count]
    users[begin : begin + count] = [IDLE] * count
    users[to : to + count] = words
    for pair, text in enumerate(users):
        row["output"][2 * pair]["content"] = text
    statement["start"] = to


def over_first_slice(row: Row) -> bool:
    """A statement begins beside the answer's first slice, behind a query of several."""
    for one in places(row, over=True):
        # The query's last slice stands there: of an utterance's own pairs the last is one.
        if row["output"][2 * one.before["start"]]["content"] != IDLE:
            shifted(row, one, one.before["start"])
            return True
    return False


def over_last_slice(row: Row) -> bool:
    """A statement ends beside the answer's last slice."""
    for one in places(row, over=True):
        end = one.before["start"] + one.before["slices"]
        shifted(row, one, end - one.statement["slices"])
        return True
    return False


def two_over_one(row: Row) -> bool:
    """A second statement over the same answer."""
    for one in places(row, over=True):
        first = one.statement["start"] + one.statement["slices"]
        last = one.before["start"] + one.before["slices"] - 2
        if first <= last:
            row["output"][2 * first]["content"] = "Fair enough."
            added = {**one.statement, "start": first, "slices": 1}
            row["utterances"].insert(one.index + 1, added)
            return True
    return False


def duo_two_over_one(row: Row) -> bool:
    """A second statement over the same answer, which is in three parts then."""
    for one in places(row, over=True):
        at = one.statement["start"] + 1
        text = row["messages"][at]["content"]
        if len(text) < 60:
            continue
        row["messages"][at : at + 1] = [
            {"role": "assistant", "content": text[:30]},
            {"role": "user", "content": "Fair enough.<2>"},
            {"role": "assistant", "content": text[30:]},
        ]
        row["states"][at : at + 1] = [None, "statement", None]
        row["utterances"].insert(one.index + 1, {**one.statement, "start": at + 1})
        move(row, one.index + 2, 2)
        return True
    return False


def insert(row: Row, index: int, at: int) -> None:
    """A statement in silence, put before an utterance, its pairs or message before `at`."""
    added = {
        "role": "user",
        "state": "statement",
        "start": at,
        "over": False,
        "unheard": "",
        "slices": 1 if "output" in row else None,
        "kind": "statement",
        "origin": "offline",
    }
    row["utterances"].insert(index, added)
    if "output" in row:
        texts = ("Fair enough.", IDLE, IDLE, IDLE)
        row["output"][2 * at : 2 * at] = [
            {"role": role, "content": text}
            for role, text in zip(("user", "assistant") * 2, texts, strict=True)
        ]
        move(row, index + 1, 2)
    else:
        row["messages"].insert(at, {"role": "user", "content": "Fair enough.<2>"})
        row["states"].insert(at, "statement")
        move(row, index + 1, 1)
    row["generator"] = "offline"


def at_first(row: Row) -> bool:
    """A statement before the first query."""
    insert(row, 0, 0)
    return True


def after_cut(row: Row) -> bool:
    """A statement between a cut answer and what cuts it."""
    utterances = row["utterances"]
    cut = next((at for at, one in enumerate(utterances) if one["unheard"]), None)
    if cut is not None:
        insert(row, cut + 1, utterances[cut + 1]["start"])
    return cut is not None


def after_stop(row: Row) -> bool:
    """A statement after a stop."""
    stop = row["utterances"][-1]
    if stop["kind"] != "stop":
        return False
    at = stop["start"] + (stop["slices"] if "output" in row else 2)
    insert(row, len(row["utterances"]), at)
    if "output" in row:
        del row["output"][-2:]
    return True


def before_the_answer(row: Row) -> bool:
    """A statement between a query and its answer."""
    if "messages" not in row:
        return False
    insert(row, 1, 1)
    return True


def behind_silence(row: Row) -> bool:
    """A statement over an answer that follows one in silence."""
    for one in places(row, over=True):
        if one.after is not None and one.after["kind"] == "statement":
            return False
        at = one.index
        insert(row, at, one.statement["start"])
        return True
    return False


def part(which: int) -> Edit:
    """A part of a split answer is empty, and the other is the whole."""

    def edit(row: Row) -> bool:
        for one in places(row, over=True):
            at = one.statement["start"]
            parts = [row["messages"][at - 1], row["messages"][at + 1]]
            whole = parts[0]["content"] + parts[1]["content"]
            parts[which]["content"], parts[1 - which]["content"] = "", whole
            return True
        return False

    return edit


def off_boundary(row: Row) -> bool:
    """A split answer is split a letter later."""
    for one in places(row, over=True):
        at = one.statement["start"]
        first, second = row["messages"][at - 1], row["messages"][at + 1]
        first["content"] += second["content"][0]
        second["content"] = second["content"][1:]
        return bool(second["content"])
    return False


def at_the_end(row: Row) -> bool:
    """A split answer is split where its last slice begins."""
    cutter = Cutter(load_tokenizer("cl100k_base"), 10)
    for one in places(row, over=True):
        at = one.statement["start"]
        first, second = row["messages"][at - 1], row["messages"][at + 1]
        whole = first["content"] + second["content"]
        cut = len(whole) - len(cutter.slices(whole)[-1])
        first["content"], second["content"] = whole[:cut], whole[cut:]
        return True
    return False


def resumption_text(row: Row, change: Callable[[str, str], str]) -> bool:
    """Changes what a resumption says, in one slice, given what was unheard."""
    one = find(row, "resumption")
    cut = next((each for each in row["utterances"] if each["unheard"]), None)
    if one is None or cut is None:
        return False
    if "messages" in row:
        message = row["messages"][one["start"]]
        if find(row, "statement") and any(
            each["over"] and each["start"] == one["start"] + 1 for each in row["utterances"]
        ):
            return False
        before, message["content"] = (
            message["content"],
            change(message["content"], cut["unheard"].strip()),
        )
        return bool(before != message["content"])
    cell = row["output"][2 * (one["start"] + one["slices"] - 1) + 1]
    before, cell["content"] = cell["content"], change(cell["content"], cell["content"].strip())
    return bool(before != cell["content"]) and bool(cell["content"])


def loses_a_word(row: Row) -> bool:
    """A resumption loses a word of what was not heard."""

    def change(text: str, rest: str) -> str:
        words = rest.split(" ")
        if len(words) < 3:
            return text
        return text.replace(rest, " ".join(words[:-1]))

    return resumption_text(row, change)


def says_more(row: Row) -> bool:
    """A resumption says a word more at its end."""
    return resumption_text(row, lambda text, _: f"{text} too")


def only_rest(row: Row) -> bool:
    """A resumption does not answer the aside."""
    return "messages" in row and resumption_text(row, lambda _, rest: rest)


def kind(name: str, **values: Any) -> Edit:
    """The first utterance of a kind has other columns."""

    def edit(row: Row) -> bool:
        one = find(row, name) if row["type"] == "back_on_topic" else None
        if one:
            one.update(values)
            origins = sorted({each["origin"] for each in row["utterances"]} - {"source"})
            row["generator"] = "+".join(origins) or "source"
        return one is not None

    return edit


def named_two(row: Row) -> bool:
    """A row of one dialogue names two."""
    if row["type"] != "back_on_topic":
        return False
    row["source_ids"].append("sample:#1")
    return True


BOTH: dict[str, tuple[Edit, str]] = {
    "one over an answer says it is not": (flip_over(over=True), "rule 3/shape"),
    "one in silence says it is over": (flip_over(over=False), "rule 3/shape"),
    "a question": (ask("Is that so?"), "rule 7"),
    "a question without a mark": (ask("what do you mean"), "rule 7"),
    "a request": (ask("Please go on."), "rule 7"),
    "a quotation": (ask('"Fair enough."'), "rule 7"),
    "another language": (ask("我明白了。"), "rule 7"),
    "the source's": (of_source, "type"),
    "a query in its column": (asked, "shape"),
    "before the first query": (at_first, "rule 3"),
    "after a cut": (after_cut, "rule 3"),
    "after a stop": (after_stop, "rule 3/shape"),
    "over an answer, after one in silence": (behind_silence, "rule 3/shape"),
    "moved forward, in silence": (start(1, over=False), "rule 3/shape"),
    "moved back, in silence": (start(-1, over=False), "rule 3/shape"),
    "moved forward, over": (start(1, over=True), "rule 3/shape"),
    "moved back, over": (start(-1, over=True), "rule 3/shape"),
    "a resumption that loses a word": (loses_a_word, "type/rule 2"),
    "a resumption that says more": (says_more, "type"),
    "an aside of the source": (kind("aside", origin="source"), "type"),
    "a resumption of the source": (kind("resumption", origin="source"), "type"),
    "a resumption that is an answer": (kind("resumption", kind="answer"), "type"),
    "an aside that is a message": (kind("aside", kind="message"), "type"),
    "an aside that is a repeat": (kind("aside", kind="repeat"), "type"),
    "an aside in silence": (kind("aside", over=False), "rule 4"),
    "an aside that is a statement": (kind("aside", kind="statement", state="statement"), "type"),
    "a resumption over the aside": (kind("resumption", over=True), "rule 5"),
    "a resumption that is cut": (kind("resumption", unheard=" and so on"), "type"),
    "nothing is cut": (kind("answer", kind="new_answer"), "type"),
    "two dialogues": (named_two, "type"),
}
TDM: dict[str, tuple[Edit, str]] = {
    "no silence after it": (no_silence, "rule 3"),
    "two silent pairs after it": (more_silence, "rule 3"),
    "no tail": (tail(-1), "rule 3"),
    "a longer tail": (tail(1), "rule 3"),
    "over the answer's first slice": (over_first_slice, "rule 3"),
    "over the answer's last slice": (over_last_slice, "rule 3"),
    "two over one answer": (two_over_one, "rule 3"),
}
DUO: dict[str, tuple[Edit, str]] = {
    "the token of a query": (another_token, "shape"),
    "the state of a query": (another_state, "shape"),
    "two over one answer": (duo_two_over_one, "shape"),
    "between a query and its answer": (before_the_answer, "rule 3"),
    "no first part": (part(0), "shape"),
    "no second part": (part(1), "shape"),
    "a letter later than a slice's end": (off_boundary, "rule 3"),
    "over the answer's last slice": (at_the_end, "rule 3"),
    "a resumption that answers nothing": (only_rest, "type"),
}
CASES = [
    pytest.param(row_format, edit, check, id=f"{row_format}-{name.replace(' ', '_')}")
    for row_format, own in (("tdm", TDM), ("duo", DUO))
    for name, (edit, check) in (BOTH | own).items()
]


def judged(path: Path, rows: list[Row], sources: list[str]) -> Report:
    """What is found in rows without a manifest."""
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    return validate(path, sources=sources)


@pytest.mark.parametrize(("row_format", "edit", "check"), CASES)
def test_what_breaks_a_rule_of_statements_or_asides_is_seen(
    rows_of: Rows, tmp_path: Path, row_format: str, edit: Edit, check: str
) -> None:
    """Every row that is broken is reported, by the columns alone, under the rule that it breaks."""
    broken = list(islice(filter(edit, rows_of(row_format)), MOST))
    few = len(broken) if edit is after_stop else FEWEST
    assert len(broken) >= max(1, few)
    alone = judged(tmp_path / "rows.jsonl", broken, [])
    assert alone.rows_in_breach == len(broken), alone.lines()
    told = sum(alone.broken[one] for one in check.split("/"))
    assert told >= len(broken), alone.lines()
    assert judged(tmp_path / "rows.jsonl", broken, ["sample"]).rows_in_breach == len(broken)


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_model_may_word_an_aside_and_a_resumption(
    rows_of: Rows, tmp_path: Path, row_format: str
) -> None:
    """What a model resumed is said not to be proved, and is no breach."""
    edit = kind("resumption", origin="gpt")
    rows = list(islice(filter(edit, rows_of(row_format)), MOST))
    report = judged(tmp_path / "rows.jsonl", rows, ["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["type"] == 0
    assert report.unproved["type", "that gpt went on with what was unheard"] == len(rows)


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize(
    ("recipe", "breach"),
    [
        ({"statements": 0}, True),
        ({"statements": 1}, True),
        ({"statements": 1.5}, True),
        ({"statements": 0.3}, False),
        ({"over": 0}, True),
        ({"over": 1}, True),
        ({"over": 0.2}, False),
    ],
)
def test_a_recipe_says_how_many_statements_there_are(
    rows_of: Rows, tmp_path: Path, row_format: str, recipe: dict[str, float], breach: bool
) -> None:
    """The manifest's share of statements, and of those over answers, as far as rows can tell."""
    (tmp_path / "data").mkdir()
    manifest = {"recipe": {"statements": 0.7, "over": 0.5, **recipe}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    report = judged(tmp_path / "data" / "rows.jsonl", list(rows_of(row_format)), [])
    assert bool(report.broken["rule 3"]) is breach, report.lines()
    assert report.breaches == report.broken["rule 3"], report.lines()
