"""`stats --probes`: a shortcut in the data is seen, and none is seen where there is none."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.report.probe_examples import collect
from duplexdata.pipeline.report.probes import probe
from duplexdata.pipeline.report.rows import open_rows
from duplexdata.pipeline.report.stats_transitions import load_lists

from ..conftest import rows_of

Run = Callable[..., subprocess.CompletedProcess[str]]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of the sample in a format, with many statements."""
    made: dict[str, Path] = {}

    def one(row_format: str) -> Path:
        if row_format not in made:
            flags = {"format": row_format, "source": ["sample"], "statements": 0.8, "samples": 0}
            out = tmp_path_factory.mktemp(row_format) / "run"
            run_build(flags, config=None, out=out, workers=1, engine="local", overwrite=False)
            made[row_format] = out
        return made[row_format]

    return one


@pytest.fixture(scope="module")
def found_in_tdm(run_of: Callable[[str], Path]) -> dict[str, Any]:
    """What the probes measure of the run of slices."""
    found: dict[str, Any] = probe(open_rows(run_of("tdm")), load_lists({}))
    return found


def schema_of(run: Path) -> pa.Schema:
    """The Arrow schema of a run's rows."""
    return pq.read_schema(next((run / "data").iterdir()))


def probed(rows: Sequence[Row], schema: pa.Schema, file: Path) -> dict[str, Any]:
    """What the probes measure of these rows."""
    pq.write_table(pa.Table.from_pylist(list(rows), schema), file)
    found: dict[str, Any] = probe(open_rows(file), load_lists({}))
    return found


def say(row: Row, one: Row, text: str) -> None:
    """Has a user's utterance of a duo row say another text."""
    content = row["messages"][one["start"]]["content"]
    row["messages"][one["start"]]["content"] = text + content[-3:]


def over(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """The user's utterances that begin over an answer, each with its row."""
    return [(row, one) for row in rows for one in row["utterances"] if one["over"]]


def test_a_cue_that_tells_all_is_called_a_shortcut(
    run_of: Callable[[str], Path], duplexdata: Run, tmp_path: Path
) -> None:
    """Statements that all end alike, and nothing else does: AUC 1, and said in words."""
    rows, draws = rows_of(run_of("duo")), random.Random(0)  # noqa: S311  # texts of a test
    for row, one in over(rows):
        words = [draws.choice("abcdefgh") for _ in range(draws.randrange(5, 12))]
        say(row, one, " ".join(words) + ("…" if one["state"] == "statement" else "."))
    found = probed(rows, schema_of(run_of("duo")), tmp_path / "rows.parquet")
    auc = found["cut_in_or_statement"]["auc"]
    assert auc["last character"] == pytest.approx(1)
    assert auc["all together"] > 0.95
    assert 0.3 < auc["first word"] < 0.7
    assert 0.3 < auc["words in all"] < 0.7
    done = duplexdata("stats", tmp_path / "rows.parquet", "--probes")
    assert done.returncode == 0, done.stderr
    assert "The data teach a shortcut: last character alone\ntells it." in done.stdout


def test_cues_that_tell_nothing_are_near_chance(
    run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """The same words for both: no cue of the wording is far from 0.5."""
    rows, draws = rows_of(run_of("duo")), random.Random(1)  # noqa: S311  # texts of a test
    for row, one in over(rows):
        words = [draws.choice("abcdefgh") for _ in range(draws.randrange(5, 12))]
        say(row, one, " ".join(words) + draws.choice(".?!"))
    found = probed(rows, schema_of(run_of("duo")), tmp_path / "rows.parquet")
    for cue, auc in found["cut_in_or_statement"]["auc"].items():
        if cue not in ("share of the answer", "place in the answer", "all together"):
            assert 0.3 < auc < 0.7, cue


def test_a_place_that_tells_all_is_seen(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    """Answers that are all cut after their second slice, and never heard so short else."""
    rows = [row for row in rows_of(run_of("tdm")) if row["type"] == "uninterrupted"]
    made = []
    for number, row in enumerate(rows):
        cut = number % 2 == 0
        answer = ["one ", "two "] if cut else [f"{n} " for n in range(30)]
        pairs = [("say something", answer[0]), *(("<idle>", text) for text in answer[1:])]
        pairs += [("stop it", "<idle>")] if cut else []
        output = [
            {"role": role, "content": text}
            for pair in pairs
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
        common = {"over": False, "origin": "source", "unheard": ""}
        asked = {"role": "user", "state": "query", "start": 0, "slices": 1, "kind": "message"}
        said = {"role": "assistant", "state": None, "start": 0, "kind": "answer"}
        utterances = [
            {**common, **asked},
            {**common, **said, "slices": len(answer), "unheard": "three" if cut else ""},
        ]
        if cut:
            stop = {"role": "user", "state": "stop", "start": 2, "slices": 1, "kind": "stop"}
            utterances.append({**common, **stop, "over": True, "origin": "offline"})
        made.append({**row, "output": output, "utterances": utterances})
    found = probed(made, schema_of(run_of("tdm")), tmp_path / "rows.parquet")
    task = found["cut_after_this_slice"]
    assert task["yes"] == (len(rows) + 1) // 2
    assert task["auc"]["slice number"] > 0.95
    assert "not_measured" in found["cut_in_or_statement"]  # there are stops alone


def test_by_kind(found_in_tdm: dict[str, Any]) -> None:
    """Each kind of cut-in is measured against all statements."""
    found = found_in_tdm["cut_in_or_statement"]
    kinds = found["by_kind"]
    assert sum(one["yes"] for one in kinds.values()) == found["yes"]
    statements = found["examples"] - found["yes"]
    assert {one["examples"] - one["yes"] for one in kinds.values()} == {statements}
    assert "auc_new_sentences" in kinds["repeat"]


def test_rows_without_statements_are_said_to_be_too_few(
    run_of: Callable[[str], Path], duplexdata: Run, tmp_path: Path
) -> None:
    """Where nothing is let pass, nothing can be measured; it is no error."""
    rows = [
        row
        for row in rows_of(run_of("tdm"))
        if all(one["kind"] != "statement" for one in row["utterances"])
    ]
    schema = schema_of(run_of("tdm"))
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "rows.parquet")
    done = duplexdata("stats", tmp_path / "rows.parquet", "--probes")
    assert done.returncode == 0, done.stderr
    assert "not measured: " in done.stdout
    assert " and 0 no of " in done.stdout


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_examples_are_those_of_the_rows(run_of: Callable[[str], Path], row_format: str) -> None:
    """Every utterance over an answer is an example, with what is heard before it."""
    rows = rows_of(run_of(row_format))
    found = collect(open_rows(run_of(row_format)), load_lists({}))
    examples = [one for _, one in found.over]
    assert len(examples) == len(over(rows))
    assert sum(one.cut_in for one in examples) == sum(
        one["state"] != "statement" for _, one in over(rows)
    )
    for example, (row, one) in zip(examples, over(rows), strict=True):
        place = row["utterances"].index(one)
        answer = row["utterances"][place - 1]
        if row_format == "tdm":
            heard = [part["content"] for part in row["output"][1::2]]
            heard = heard[answer["start"] : answer["start"] + answer["slices"]]
            before = heard[: one["start"] - answer["start"]]
            assert example.position == len(before)
        else:
            before = [row["messages"][answer["start"]]["content"]]
            heard = (
                [*before]
                if example.cut_in
                else [*before, row["messages"][answer["start"] + 2]["content"]]
            )
            assert example.position == len(before[0])
        planned = len("".join(heard)) + len(answer["unheard"])
        assert example.share == pytest.approx(len("".join(before)) / planned)
        resets = sum(each["kind"] == "reset" for each in row["utterances"][: place + 1])
        assert example.group == row["source_ids"][resets]


def test_the_sample_is_bounded(run_of: Callable[[str], Path]) -> None:
    """Of many rows only some are looked at, whole rows at a time."""
    every = collect(open_rows(run_of("tdm")), load_lists({}))
    some = collect(open_rows(run_of("tdm")), load_lists({}), most=200)
    assert some.level > 0
    assert 20 < len(some.over) + len(some.answers) <= 200
    keys = {key for key, _ in some.answers}
    assert some.answers == [one for one in every.answers if one[0] in keys]


def test_wording(run_of: Callable[[str], Path], found_in_tdm: dict[str, Any]) -> None:
    """Distinct-n and entropy of a kind, counted by hand."""
    wording = found_in_tdm["wording"]
    (said,) = [one for one in wording if (one["kind"], one["language"]) == ("stop", "en")]
    texts = [
        " ".join(part["content"] for part in row["output"][::2][one["start"] :][: one["slices"]])
        for row in rows_of(run_of("tdm"))
        for one in row["utterances"]
        if one["kind"] == "stop" and row["language"] == "en"
    ]
    words = [text.casefold().split() for text in texts]
    assert (said["texts"], said["distinct"]) == (len(texts), len(set(texts)))
    singles = [word for text in words for word in text]
    pairs = [pair for text in words for pair in pairwise(text)]
    assert said["distinct_1"] == pytest.approx(len(set(singles)) / len(singles))
    assert said["distinct_2"] == pytest.approx(len(set(pairs)) / len(pairs))
    assert 0 < said["entropy_bits"] <= (len(set(texts)) - 1).bit_length()
    assert said["as_many_as"] == pytest.approx(2 ** said["entropy_bits"])


def test_one_wording_has_no_entropy(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    """A text that is always the same tells 0 bits, without a sign."""
    rows = rows_of(run_of("duo"))
    for row, one in over(rows):
        say(row, one, "always the same")
    found = probed(rows, schema_of(run_of("duo")), tmp_path / "rows.parquet")
    alike = [one["entropy_bits"] for one in found["wording"] if one["distinct"] == 1]
    assert alike
    assert set(map(str, alike)) == {"0.0"}


def test_the_same_rows_give_the_same_figures(
    run_of: Callable[[str], Path], found_in_tdm: dict[str, Any]
) -> None:
    """Nothing is drawn anew."""
    again = probe(open_rows(run_of("tdm")), load_lists({}))
    assert json.dumps(again) == json.dumps(found_in_tdm)


def test_without_scikit_learn_it_says_how_to_get_it(run_of: Callable[[str], Path]) -> None:
    """One line with the command, exit 2, before anything is counted."""
    code = (
        "import sys; sys.modules['sklearn'] = None; "
        "from duplexdata.__main__ import main; sys.argv[0] = 'duplexdata'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "stats", run_of("tdm"), "--probes"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'duplexdata[probes]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout
