"""The folder of a stage: its record, its files, and its rows, read as rows of a format.

A script says what a duo row says, and a sliced script what a tdm row does; so they are laid
out here in a simple way of their own, and the rules of rows are proved over that.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b, file_digest
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import FolderError
from .along import join
from .bench import make_bench
from .budget import Budget, budget_of
from .careful import row_from_json
from .check import scan
from .folder import Rejected
from .join import Source
from .nouns import EDITED, Malformed, Row
from .report import Breach, Report, Verdict
from .row import Joined, Place, check_batch, ids_in
from .sampled import SAMPLE, in_words, validator_of
from .settings import Settings
from .source import Copies
from .stage_rows import row_of_script, row_of_slices, spaces_of, with_generator
from .tally import Found, Tally

STAGE = "stage.json"
_KINDS = {"load": "dialogue", "interrupt": "script", "distract": "script", "slice": "slices"}
_FILES = {"dialogue": "dialogues", "script": "scripts", "slices": "slices"}
_BATCH = 256


def is_stage(path: Path) -> bool:
    """Whether a path is the folder of a stage."""
    return (path / STAGE).is_file()


def validate_stage(
    path: Path,
    *,
    sources: Sequence[str] = (),
    copies: Copies | None = None,
    layout: str | None = None,
    show: int = 3,
) -> Report:
    """Checks the folder of a stage.

    Args:
        path: the folder.
        sources: what the dialogues were read from; without it, nothing is compared with it.
        copies: of sources that lie elsewhere.
        layout: how the source's rows are read, where the folder does not say.
        show: how many breaches of each check are kept for the screen.

    Raises:
        FolderError: it cannot be read at all.
    """
    stage = _record(path)
    kind, recipe = _KINDS[stage["stage"]], stage["identity"]["recipe"]
    report = Report(show=show, settings=[f"written by duplexdata {stage['stage']}"])
    _check_files(path, stage, report)
    files = sorted((path / "data").glob(f"{_FILES[kind]}-*.parquet"))
    if kind == "dialogue":
        _check_dialogues(files, report)
        report.leave("source", "compare the scripts: duplexdata validate after interrupt")
    else:
        _check_scripts(files, kind, path, stage, sources, copies, layout, report)
    if not report.rows:
        raise FolderError(f"{path} holds no row; make it again with --overwrite")
    report.leave("nothing lost", "the manifest of the run that is exported tells")
    if recipe.get("samples") and kind != "dialogue":
        report.leave("manifest", "which rows were to be kept is told by the run that is exported")
    report.leave("rule 8", "one folder cannot tell what the same recipe would build again")
    return report


def _record(path: Path) -> dict[str, Any]:
    try:
        stage = json.loads((path / STAGE).read_bytes())
    except (OSError, ValueError) as error:
        raise FolderError(f"{path / STAGE} cannot be read: {error}") from error
    fault = next(validator_of("stage").iter_errors(stage), None)
    if fault is not None:
        wanted, found = in_words(fault, "the record")
        raise FolderError(f"{path / STAGE} is no record of a stage: {wanted}: {found[:200]}")
    return dict(stage)


def _check_files(path: Path, stage: Mapping[str, Any], report: Report) -> None:
    """The files are those of the record; only scripts may have been edited."""
    before = report.broken["manifest"]

    def breach(name: str, expected: str, found: str) -> None:
        report.breach(Breach("manifest", name, None, None, expected, found))

    held = {f"data/{one.name}" for one in (path / "data").glob("*.parquet")}
    for name in sorted(held - set(stage["files"])):
        breach(name, "the files of stage.json, no more", "it is not in it")
    for name, facts in stage["files"].items():
        if not (path / name).is_file():
            breach(name, "the files of stage.json", "it is not there")
            continue
        with (path / name).open("rb") as file:
            same = file_digest(file, "sha256").hexdigest() == facts["sha256"]
        if not same and name.startswith("data/scripts-"):
            report.leave("manifest", f"{name} was edited since it was written")
        elif not same:
            breach(name, f"sha256 {facts['sha256']}", "another")
    if report.broken["manifest"] == before:
        report.proved["manifest"] += len(stage["files"])


def _batches(file: Path, kind: str, report: Report) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Rows and their numbers, of which a sample is held against the JSON Schema."""
    report.files += 1
    validator = validator_of(kind)
    number = broken = 0
    try:
        with pq.ParquetFile(file) as parquet:
            step = max(1, -(-parquet.metadata.num_rows // SAMPLE))
            for batch in parquet.iter_batches(_BATCH):
                numbered = list(enumerate(batch.to_pylist(), number + 1))
                for number, row in numbered:
                    if number % step:
                        continue
                    error = next(validator.iter_errors(row), None)
                    if error is None:
                        report.proved["schema"] += 1
                        continue
                    broken += 1
                    wanted, found = in_words(error, "the row")
                    named = row.get("id") or row.get("source_id")
                    report.breach(Breach("schema", file.name, number, named, wanted, found))
                yield numbered
    except (OSError, pa.ArrowException) as error:
        found = str(error).splitlines()[0]
        report.breach(Breach("file", file.name, None, None, "a Parquet file", found))
        return
    report.proved["file"] += 1


def _check_dialogues(files: Sequence[Path], report: Report) -> None:
    """Each dialogue has an answer to each message, and a source id and a key of its own."""
    ids: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    for file in files:
        for batch in _batches(file, "dialogue", report):
            for number, row in batch:
                report.rows += 1
                texts = row.get("texts") or []
                verdict = Verdict(("shape",))
                if not texts or len(texts) % 2 or not all(one and one.strip() for one in texts):
                    wanted = "an answer to each message, and no text empty"
                    verdict.breach("shape", wanted, f"{len(texts)} texts")
                report.take(verdict, file.name, number, row.get("source_id"))
                ids[row.get("source_id") or ""] += 1
                keys[row.get("key") or ""] += 1
    twice = [one for counted in (ids, keys) for one, count in counted.items() if count > 1]
    for one in twice:
        report.breach(Breach("unique", "data", None, None, "each id and key once", one))
    if not twice:
        report.proved["unique"] += report.rows


def _check_scripts(
    files: Sequence[Path],
    kind: str,
    path: Path,
    stage: Mapping[str, Any],
    sources: Sequence[str],
    copies: Copies | None,
    layout: str | None,
    report: Report,
) -> None:
    source = _scan(path, stage, sources, copies, layout, report)
    bench = make_bench(_settings(stage), compared=source is not None)
    bench.tokenizer.load()
    found = Found(Tally(), report)
    sliced = kind == "slices"
    row_of = row_of_slices if sliced else row_of_script
    before = 0
    for file in files:
        texts = _planned_texts(file)
        for batch in _batches(file, kind, report):
            for split, rows in groupby(batch, key=lambda one: one[1].get("split")):
                of_split = list(rows)
                made = [_row(number, _marked(row, texts), row_of) for number, row in of_split]
                # Their own JSON Schema is what a sample of them was held against.
                spaces = _spaces(of_split, made) if sliced else None
                place = Place(file.name, str(split), spaces)
                made_of = join(source, ids_in(made), before) if source is not None else Joined()
                check_batch(made, place, made_of, bench, None, found)
                before += len(made)
    for check, repeated in (
        ("unique", found.tally.repeated_ids()),
        ("rule 9", found.tally.in_two_splits()),
    ):
        for _ in repeated:
            report.breach(Breach(check, "data", None, None, "each once", "an id that repeats"))
        if not repeated:
            report.proved[check] += report.rows
    if source is None:
        report.leave("source", "no --source was given")
        if sliced:
            report.leave("spaces", "no --source was given")
    if stage["stage"] == "interrupt":
        report.leave("rule 7", "statements are added by distract")


def _spaces(
    numbered: Sequence[tuple[int, Mapping[str, Any]]], made: Sequence[Row | Malformed]
) -> dict[str, Any]:
    """What stands between the slices of rows that can be laid out, by id."""
    pairs = zip(numbered, made, strict=True)
    return {row["id"]: spaces_of(row) for (_, row), one in pairs if isinstance(one, Row)}


def _planned_texts(file: Path) -> dict[str, list[str]]:
    """For each row of a file of scripts, a hash of each text as the stage wrote it, in order."""
    plan = file.with_name(file.name.replace("scripts-", "plan-"))
    try:
        rows = pq.read_table(plan, columns=["id", "texts"]).to_pylist()
    except (OSError, pa.ArrowException):
        return {}
    return {one["id"]: one["texts"] for one in rows}


def _marked(row: Mapping[str, Any], texts: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
    """The row, whose texts that a person changed since it was written say so."""
    known = texts.get(row.get("id") or "")
    if not known:
        return row
    return {
        **row,
        "utterances": [
            one if known[at : at + 1] == [_digest(one["text"])] else {**one, "origin": EDITED}
            for at, one in enumerate(row["utterances"])
        ],
    }


def _digest(text: str | None) -> str:
    return blake2b((text or "").encode(), digest_size=8).hexdigest()


def _row(number: int, row: Mapping[str, Any], row_of: Any) -> Row | Malformed:
    try:
        made = with_generator(row_of(row))
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        return Malformed(number, row.get("id"), "a row that can be laid out in time", repr(error))
    return row_from_json(made, number)


def _budget(recipe: Mapping[str, Any], stage: str) -> Budget | None:
    budget = budget_of(recipe.get("max_tokens"), recipe["shorten"], recipe["statements"])
    if budget is None or stage != "interrupt" or recipe["llm"] == "offline":
        return budget
    return replace(budget, kept=False)


def _settings(stage: Mapping[str, Any]) -> Settings:
    recipe = stage["identity"]["recipe"]
    return Settings(
        tokenizer=recipe["tokenizer"],
        slice_tokens=recipe["slice_tokens"],
        tail_idle=recipe["tail_idle"],
        markers=tuple(recipe["markers"]),
        budget=_budget(recipe, stage["stage"]),
        # Before statements are added there are none to be counted.
        manifest=None if stage["stage"] == "interrupt" else stage["identity"],
        identity=stage["identity"],
    )


def _scan(
    path: Path,
    stage: Mapping[str, Any],
    sources: Sequence[str],
    copies: Copies | None,
    layout: str | None,
    report: Report,
) -> Source | None:
    manifest = {**stage["identity"], "sources": stage["sources"]}
    table = pq.read_table(path / "rejected.parquet").to_pylist()
    rejected = Rejected([(one["source"], one["row"]) for one in table], [], Counter(), {})
    source = scan(sources, copies, layout, manifest, rejected, report)
    if source is not None:
        source.rewind()
    return source
