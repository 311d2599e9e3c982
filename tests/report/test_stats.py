"""`stats`: the figures are those that plain Python counts of the same rows."""

import gzip
import json
import math
import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.report.stats import stats
from duplexdata.pipeline.report.stats_texts import Texts, hashes_of, shown
from duplexdata.pipeline.report.stats_tokens import _sample
from duplexdata.pipeline.report.stats_transitions import TransitionList
from duplexdata.pipeline.slice.tokenizers import Tokenizer
from duplexdata.pipeline.slice.words import word_spans

from ..conftest import ROOT, rows_of

Run = Callable[..., subprocess.CompletedProcess[str]]
Row = dict[str, Any]

IDLE = "<idle>"
PAPER = {"uninterrupted": (153.9, 2342.2), "dialogue_reset": (194.7, 2906.5)}


def build(out: Path, row_format: str, **flags: Any) -> Path:
    """A run of the sample with statements, in this process."""
    given = {"format": row_format, "source": ["sample"], "statements": 0.7, "samples": 0, **flags}
    run_build(given, config=None, out=out, workers=1, engine="local", overwrite=False)
    return out


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run in a format, built once."""
    made: dict[str, Path] = {}

    def one(row_format: str) -> Path:
        if row_format not in made:
            made[row_format] = build(tmp_path_factory.mktemp(row_format) / "run", row_format)
        return made[row_format]

    return one


def figures(path: Path, **changed: Any) -> dict[str, Any]:
    """What `stats --json` says."""
    found: dict[str, Any] = json.loads("\n".join(printed(path, as_json=True, **changed)))
    return found


def printed(path: Path, **changed: Any) -> list[str]:
    """What `stats` prints."""
    given: dict[str, Any] = {"tokenizer": None, "by": None, "as_json": False, "workers": 1}
    return list(stats(path, **{**given, "all_tokens": False, "probes": False, **changed}))


def sides(row: Row) -> tuple[list[str], list[str]]:
    """The user's slices and the assistant's."""
    contents = [part["content"] for part in row["output"]]
    return contents[::2], contents[1::2]


def spoken(row: Row) -> Iterator[tuple[Row, list[str]]]:
    """Each utterance of a tdm row and its slices."""
    for one in row["utterances"]:
        side = sides(row)[one["role"] == "assistant"]
        yield one, side[one["start"] : one["start"] + one["slices"]]


def text_of(row: Row, one: Row, slices: list[str]) -> str:
    """What is heard of an utterance."""
    spaced = one["role"] == "user" and row["language"] == "en"
    return (" " if spaced else "").join(slices)


def turns(row: Row) -> Iterator[tuple[Row, str]]:
    """Each utterance of a duo row and what is heard of it."""
    contents = [part["content"] for part in row["messages"]]
    for number, one in enumerate(row["utterances"]):
        text = contents[one["start"]]
        after = row["utterances"][number + 1 : number + 2]
        if one["role"] == "user":
            text = text[:-3]
        elif after and after[0]["over"] and after[0]["state"] == "statement":
            text += contents[one["start"] + 2]
        yield one, text


@pytest.mark.parametrize("type_name", ["all", "uninterrupted", "dialogue_reset", "back_on_topic"])
def test_lengths_and_silence(
    run_of: Callable[[str], Path], tokenizer: Tokenizer, type_name: str
) -> None:
    """Rows, pairs, tokens, words a slice and idle pairs, of a type and of all."""
    found = figures(run_of("tdm"))
    said = found["all"] if type_name == "all" else found["types"][type_name]
    rows = [row for row in rows_of(run_of("tdm")) if type_name in ("all", row["type"])]
    assert said["rows"] == len(rows)
    pairs = [len(row["output"]) // 2 for row in rows]
    assert said["pairs"]["mean"] == pytest.approx(statistics.fmean(pairs))
    assert (said["pairs"]["least"], said["pairs"]["most"]) == (min(pairs), max(pairs))
    assert said["pairs"]["median"] == sorted(pairs)[(len(pairs) - 1) // 2]

    user, assistant = (
        [text == IDLE for row in rows for text in sides(row)[side]] for side in (0, 1)
    )
    both = [a and b for a, b in zip(user, assistant, strict=True)]
    assert said["idle"] == {
        "user": pytest.approx(statistics.fmean(user)),
        "assistant": pytest.approx(statistics.fmean(assistant)),
        "both": pytest.approx(statistics.fmean(both)),
    }
    words = [
        len(word_spans(text, row["language"]))
        for row in rows
        for text in sides(row)[0]
        if text != IDLE
    ]
    assert said["words_a_user_slice"]["mean"] == pytest.approx(statistics.fmean(words))
    assert said["words_a_user_slice"]["counts"] == {
        str(number): count for number, count in sorted(Counter(words).items())
    }
    tokens = Counter[str]()
    for row in rows:
        for one, slices in spoken(row):
            tokens[one["role"]] += len(tokenizer.token_ends(text_of(row, one, slices)))
    assert said["tokens"]["counted_rows"] == len(rows)
    assert said["tokens"]["user"] == pytest.approx(tokens["user"] / len(rows))
    assert said["tokens"]["assistant"] == pytest.approx(tokens["assistant"] / len(rows))


def test_tokens_an_assistant_slice(run_of: Callable[[str], Path]) -> None:
    """Slices hold the recipe's 10 tokens, but for the last of an answer."""
    found = figures(run_of("tdm"))["all"]["tokens_an_assistant_slice"]
    slices = sum(text != IDLE for row in rows_of(run_of("tdm")) for text in sides(row)[1])
    counts = {int(number.rstrip("+")): count for number, count in found["counts"].items()}
    assert sum(counts.values()) == slices
    assert max(counts, key=counts.__getitem__) == 10
    total = sum(number * count for number, count in counts.items())
    assert found["mean"] == pytest.approx(total / slices)


def test_cuts_and_statements(run_of: Callable[[str], Path]) -> None:
    """Which answers are cut, how much of them is heard, after which slice; and statements."""
    rows = rows_of(run_of("tdm"))
    found = figures(run_of("tdm"))["types"]
    for type_name, said in found.items():
        tenths, after, answers = [0] * 10, [], 0
        statements = Counter[bool]()
        for row in (row for row in rows if row["type"] == type_name):
            for one, slices in spoken(row):
                answers += one["role"] == "assistant"
                if one["role"] == "assistant" and one["unheard"]:
                    heard = len("".join(slices))
                    tenths[10 * heard // (heard + len(one["unheard"]))] += 1
                    after.append(one["slices"])
                if one["kind"] == "statement":
                    statements[one["over"]] += 1
        assert said["cuts"]["heard_tenths"] == tenths
        assert (said["cuts"]["cut"], said["cuts"]["answers"]) == (sum(tenths), answers)
        if after:
            assert said["cuts"]["after_slice"]["mean"] == pytest.approx(statistics.fmean(after))
            assert said["cuts"]["after_slice"]["most"] == max(after)
        assert said["statements"] == {
            "said": statements.total(),
            "over_an_answer": statements[True],
            "in_silence": statements[False],
            "an_answer": pytest.approx(statements.total() / answers),
        }
    assert sum(said["cuts"]["cut"] for said in found.values())
    assert all(
        sum(said["statements"][key] for said in found.values())
        for key in ("over_an_answer", "in_silence")
    )


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_texts_and_their_repetition(run_of: Callable[[str], Path], row_format: str) -> None:
    """How often each kind is said, how many texts are distinct, which are repeated most."""
    texts: dict[str, Counter[str]] = {}
    plain: dict[str, Counter[str]] = {}
    for row in rows_of(run_of(row_format)):
        pairs = (
            ((one, text_of(row, one, slices)) for one, slices in spoken(row))
            if row_format == "tdm"
            else turns(row)
        )
        for one, text in pairs:
            bare = "".join(text.split()) if one["role"] == "user" else text
            texts.setdefault(one["kind"], Counter())[bare] += 1
            plain.setdefault(one["kind"], Counter())[text] += 1
    found = {one["kind"]: one for one in figures(run_of(row_format))["texts"]}
    assert set(found) == set(texts)
    for kind, said in found.items():
        assert (said["said"], said["distinct"]) == (texts[kind].total(), len(texts[kind]))
        often = [count for _, count in texts[kind].most_common(10) if count > 1]
        assert [one["count"] for one in said["most_repeated"]] == often
        for one in said["most_repeated"]:
            if kind != "message":  # what stands between its words may differ
                assert plain[kind][one["text"]] == one["count"] or len(one["text"]) > 160


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_transitions(run_of: Callable[[str], Path], row_format: str) -> None:
    """Every utterance that was joined offline opens with a listed sentence, and is counted."""
    rows = rows_of(run_of(row_format))
    kinds = Counter(
        (one["kind"], row["language"])
        for row in rows
        for one in row["utterances"]
        if one["kind"] in ("interjection", "stop", "repeat", "reset", "aside")
    )
    found = figures(run_of(row_format))["transitions"]
    assert {(one["kind"], one["language"]): one["utterances"] for one in found} == kinds
    for one in found:
        assert one["not_listed"] == 0
        assert sum(each["count"] for each in one["sentences"]) == one["utterances"]
        assert 1 <= one["used"] <= one["listed"]
    empty = Counter(
        (one["kind"], row["language"])
        for row in rows
        for one in row["utterances"]
        if one["kind"] in ("interjection", "reset") and one["origin"] == "source"
    )
    said = {
        (one["kind"], one["language"]): each["count"]
        for one in found
        for each in one["sentences"]
        if not each["text"]
    }
    assert said == empty


def test_a_transition_that_is_on_no_list_is_counted(
    run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """What opens with other words is said to be on no list."""
    (row,) = [
        row
        for row in rows_of(run_of("duo"))
        if row["type"] == "generation_termination" and row["language"] == "en"
    ][:1]
    (cut_in,) = [one for one in row["utterances"] if one["over"] and one["state"] != "statement"]
    row["messages"][cut_in["start"]]["content"] = "Quite so, and what of the moon?<1>"
    cut_in.update(kind="interjection", origin="offline")
    schema = pq.read_schema(next((run_of("duo") / "data").iterdir()))
    pq.write_table(pa.Table.from_pylist([row], schema), tmp_path / "one.parquet")
    (said,) = figures(tmp_path / "one.parquet")["transitions"]
    assert (said["not_listed"], said["used"]) == (1, 0)


def test_which_sentence_a_text_opens_with() -> None:
    """The longest that fits; white space is not compared; a stop is the sentence and no more."""
    sentences = ("", "Wait,", "Wait, please,", "How do you spell {term}?")
    opening = TransitionList("interjection", "en", sentences)
    assert opening.find("Wait, please, what?") == "Wait, please,"
    assert opening.find("Wait,what?") == "Wait,"
    assert opening.find("Well, wait, what?") is None
    whole = TransitionList("aside", "en", sentences)
    assert whole.find("How do you spell Rye?") == "How do you spell {term}?"
    assert whole.find("Wait, please, what?") is None


def test_duo(run_of: Callable[[str], Path], tokenizer: Tokenizer) -> None:
    """Messages, tokens and cuts of duo rows."""
    rows, said = rows_of(run_of("duo")), figures(run_of("duo"))["all"]
    assert said["messages"]["mean"] == pytest.approx(
        statistics.fmean(len(row["messages"]) for row in rows)
    )
    tokens, tenths, words = Counter[str](), [0] * 10, []
    for row in rows:
        for one, text in turns(row):
            tokens[one["role"]] += len(tokenizer.token_ends(text))
            if one["role"] == "user":
                words.append(len(word_spans(text, row["language"])))
            elif one["unheard"]:
                tenths[10 * len(text) // len(text + one["unheard"])] += 1
    assert said["tokens"]["user"] == pytest.approx(tokens["user"] / len(rows))
    assert said["tokens"]["assistant"] == pytest.approx(tokens["assistant"] / len(rows))
    assert said["words_a_user_message"]["mean"] == pytest.approx(statistics.fmean(words))
    assert said["cuts"]["heard_tenths"] == tenths
    assert "idle" not in said


def released(run: Path, file: Path, type_name: str) -> Path:
    """The rows of a type in the released layout."""
    rows = [row for row in rows_of(run) if (row["type"], row["language"]) == (type_name, "en")]
    lines = "".join(json.dumps({"output": row["output"]}) + "\n" for row in rows)
    opened = gzip.compress(lines.encode()) if file.suffix == ".gz" else lines.encode()
    file.write_bytes(opened)
    return file


@pytest.mark.parametrize("name", ["uninterrupted_eng.jsonl", "uninterrupted_eng.jsonl.gz"])
def test_the_released_layout(tmp_path: Path, name: str) -> None:
    """Without utterances, what the silence tells is the same; what it does not, is not said."""
    run = build(tmp_path / "run", "tdm", statements=0.0, rates="uninterrupted=1", language="en")
    ours = figures(run)["types"]["uninterrupted"]
    found = figures(released(run, tmp_path / name, "uninterrupted"))
    theirs = found["types"]["uninterrupted"]
    for key in ("rows", "pairs", "tokens", "words_a_user_slice", "idle", "utterances"):
        assert theirs[key] == ours[key], key
    assert theirs["tokens_an_assistant_slice"] == ours["tokens_an_assistant_slice"]
    assert not {"cuts", "statements", "origins"} & set(theirs)
    assert found["transitions"] is None
    assert found["generators"] == {}
    assert found["languages"] == {"en": theirs["rows"]}


def test_table_1(run_of: Callable[[str], Path]) -> None:
    """Means and ratios of ours stand beside the paper's."""
    found = figures(run_of("tdm"))
    table = {one["type"]: one for one in found["table_1"]}
    base, reset = (found["types"][name] for name in PAPER)
    one = table["dialogue_reset"]
    assert one["pairs_ratio"] == pytest.approx(reset["pairs"]["mean"] / base["pairs"]["mean"])
    assert one["tokens_ratio"] == pytest.approx(reset["tokens"]["mean"] / base["tokens"]["mean"])
    assert one["paper_pairs_ratio"] == pytest.approx(194.7 / 153.9)
    assert one["paper_tokens_ratio"] == pytest.approx(2906.5 / 2342.2)
    (line,) = [
        line
        for line in printed(run_of("tdm"))
        if line.startswith("dialogue_reset") and "194.7" in line
    ]
    cells = line.split()[1:]
    assert cells[1:4] == ["194.7", f"{one['pairs_ratio']:.2f}", "1.27"]
    assert cells[5:] == ["2,906.5", f"{one['tokens_ratio']:.2f}", "1.24"]


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_by_language(run_of: Callable[[str], Path], row_format: str) -> None:
    """Types are parted by language, and the parts add up to the whole."""
    found = figures(run_of(row_format), by="language")
    assert set(found["by_language"]) == {"en", "zh"}
    for name, whole in found["types"].items():
        parts = [types[name]["rows"] for types in found["by_language"].values() if name in types]
        assert sum(parts) == whole["rows"]
    lines = printed(run_of(row_format), by="language")
    assert "Rows (en), and a row's mean" in lines
    assert "Rows (zh), and a row's mean" in lines


@pytest.mark.parametrize("by", [None, "language"])
@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_tables_fit_a_terminal(
    run_of: Callable[[str], Path], row_format: str, by: str | None
) -> None:
    """No line is wider than 80 columns, and none ends in white space."""
    from rich.cells import cell_len

    lines = printed(run_of(row_format), by=by)[1:]  # the first names the path
    assert max(map(cell_len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_processes_change_no_figure(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    """One process or two, the figures of many files are the same; and those of one file."""
    (file,) = (run_of("tdm") / "data").iterdir()
    table = pq.read_table(file)
    data = tmp_path / "data"
    data.mkdir()
    for number, begin in enumerate(range(0, table.num_rows, 40)):
        pq.write_table(table.slice(begin, 40), data / f"train-{number:05}.parquet")
    one, two = (figures(tmp_path, workers=workers) for workers in (1, 2))
    assert one == two
    whole = figures(file)
    for key in set(whole) - {"path", "files"}:
        if key != "tokenizer":
            assert one[key] == whole[key], key


def test_a_sample_of_tokens_is_near_all(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    """Of many rows some are counted, by which the others are estimated; or all are."""
    (file,) = (run_of("tdm") / "data").iterdir()
    table = pq.read_table(file)
    many = tmp_path / "many.parquet"
    pq.write_table(pa.concat_tables([table] * 30), many)
    some, every = figures(many)["all"]["tokens"], figures(many, all_tokens=True)["all"]["tokens"]
    assert every["counted_rows"] == 30 * table.num_rows
    assert some["counted_rows"] < every["counted_rows"]
    assert some["mean"] == pytest.approx(every["mean"], rel=0.02)
    once = figures(file, all_tokens=True)["all"]["tokens"]
    assert every["mean"] == pytest.approx(once["mean"])


def test_strata_of_the_token_sample() -> None:
    """Of the first rows every one is counted, of twice as many then every second, ..."""
    parts = [_sample(seen, 7, every=10) for seen in range(0, 700, 7)]
    strata = np.concatenate([part[0] for part in parts])
    chosen = np.concatenate([part[1] for part in parts])
    for stratum in range(6):
        begin = 10 * (2**stratum - 1)
        end = begin + 10 * 2**stratum
        assert (strata[begin:end] == stratum).all()
        assert chosen[begin]
        assert 10 <= chosen[begin:end].sum() <= 11


def test_distinct_texts_beyond_the_bound() -> None:
    """Beyond the bound the number is an estimate near the truth, and memory does not grow."""
    counted = Texts(most_distinct=2_000, most_frequent=50)
    rest = Texts(most_distinct=2_000, most_frequent=50)
    for begin in range(0, 60_000, 1_000):
        texts = pa.array([f"text {number}" for number in range(begin, begin + 1_000)] + ["x"] * 30)
        (counted if begin < 30_000 else rest).add(hashes_of(texts), texts)
    counted.merge(rest)
    assert counted.level > 0
    assert len(counted.counts) <= 2_000
    assert len(counted.frequent) <= 50
    assert counted.distinct == pytest.approx(60_001, rel=5 / math.sqrt(2_000))
    assert counted.said == 60 * 1_030
    ((text, count),) = counted.most_repeated(1)
    assert text == "x"
    assert count <= 1_800 <= count + counted.missed


def test_texts_within_the_bound_are_exact() -> None:
    """Below the bound all is exact, however it is divided."""
    texts = [f"text {number % 97}" for number in range(1_000)]
    whole, one, two = Texts(), Texts(), Texts()
    whole.add(hashes_of(pa.array(texts)), pa.array(texts))
    for part, begin, end in ((one, 0, 400), (two, 400, 1_000)):
        part.add(hashes_of(pa.array(texts[begin:end])), pa.array(texts[begin:end]))
    one.merge(two)
    assert (one.distinct, one.said, one.missed) == (97, 1_000, 0)
    assert (
        one.most_repeated(5)
        == whole.most_repeated(5)
        == sorted(
            ((text, count) for text, count in Counter(texts).items()), key=lambda x: (-x[1], x[0])
        )[:5]
    )


def test_rows_out_of_shape_are_counted(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    """A row that is not user, assistant, ... is left out, and that is said."""
    rows = rows_of(run_of("tdm"))[:4]
    rows[1]["output"].pop()
    rows[2]["output"][0]["role"] = "assistant"
    schema = pq.read_schema(next((run_of("tdm") / "data").iterdir()))
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "bad.parquet")
    found = figures(tmp_path / "bad.parquet")
    assert (found["rows"], found["out_of_shape"]) == (2, 2)
    assert any("2 rows are left out" in line for line in printed(tmp_path / "bad.parquet"))


def test_texts_do_nothing_to_a_terminal(
    write_dialogues: Callable[..., Path], tmp_path: Path
) -> None:
    """Escape sequences and bidirectional overrides in texts are shown, not sent."""
    evil = "\x1b[31mred\u202e [bold]x[/bold]"
    source = write_dialogues([[evil, f"{number}"] for number in range(3)])
    flags = {"source": [str(source)], "rates": "uninterrupted=1"}
    lines = printed(build(tmp_path / "run", "tdm", **flags))
    assert not any("\x1b" in line or "\u202e" in line for line in lines)
    assert any("[bold]x[/bold]" in line for line in lines)


def test_a_text_is_cut_to_its_columns() -> None:
    """Wide characters count twice."""
    assert shown("一二三四", 8) == "一二三四"
    assert shown("一二三四五", 8) == "一二三…"
    assert shown("two\nlines", 20) == "two⏎lines"


def test_every_key_is_documented(run_of: Callable[[str], Path]) -> None:
    """docs/stats.md names every key of the JSON, and no other."""
    page = (ROOT / "docs" / "stats.md").read_text("utf-8")
    section = page.split("## Keys of `--json`")[1].split("\n## ")[0]
    named = {
        part
        for cell in re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
        for path in re.findall(r"`([^`]+)`", cell)
        for part in re.split(r"\.|\[\]", path)
        if part and not part.startswith("<")
    }
    found: set[str] = set()
    for row_format in ("tdm", "duo"):
        collect_keys(figures(run_of(row_format), by="language", probes=True), found)
    assert found | {"not_measured"} == named


OWN_NAMES = (
    *("types", "languages", "generators", "utterances", "origins", "counts"),
    *("auc", "auc_new_sentences", "by_kind"),
)
"""Mappings whose keys are names of types, cues and the like; `by_language` is two deep."""


def collect_keys(value: Any, found: set[str], own: int = 0) -> None:
    """The keys of a JSON value, but for names of types, languages, cues and the like."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not own:
                found.add(key)
            deeper = own - 1 if own else 2 * (key == "by_language") or int(key in OWN_NAMES)
            collect_keys(inner, found, deeper)
    elif isinstance(value, list):
        for inner in value:
            collect_keys(inner, found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "there is no nowhere"),
        (["{run}", "--by", "type"], "--by type"),
        (["{run}", "--tokenizer", "no_such"], "no tokenizer called no_such"),
    ],
)
def test_bad_input_is_told(
    duplexdata: Run, run_of: Callable[[str], Path], arguments: list[str], said: str
) -> None:
    """One line, exit 2, nothing on standard output."""
    done = duplexdata("stats", *(one.format(run=run_of("tdm")) for one in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not done.stdout


def test_the_command(duplexdata: Run, run_of: Callable[[str], Path]) -> None:
    """The command prints the tables, or one JSON object."""
    done = duplexdata("stats", run_of("tdm"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == printed(run_of("tdm"))
    done = duplexdata("stats", run_of("tdm"), "--json")
    assert json.loads(done.stdout) == figures(run_of("tdm"))


def test_a_reader_that_leaves_is_no_bug(run_of: Callable[[str], Path]) -> None:
    """`stats | head` ends without a word."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "duplexdata", "stats", run_of("tdm")],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write_end)
    assert done.returncode == 1
    assert not done.stderr
