"""A run, from sources to a finished folder; the only room that knows all others."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .. import __version__
from .block import (
    BlockReport,
    BlockTask,
    PlanReport,
    build_task,
    plan_task,
    unwritten_report,
)
from .engine import ENGINES
from .errors import BuildError, FolderError
from .export.card import card
from .export.manifest import check_sums, counts
from .export.rejected import write_rejected
from .export.shards import WrittenFile, write_text
from .interrupt.transitions import load_transitions
from .load.block import write_block
from .load.files import file_digest, source_files
from .load.language import LANGUAGES
from .load.reading import Reading
from .recipe import Recipe
from .run_folder import (
    MANIFEST,
    RunFolder,
    finished_manifest,
    open_folder,
    refuse_another,
    remove_work,
)
from .screen import Screen
from .slice.tokenizers import load_tokenizer
from .slice.words import segmenter_name


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a build left: its manifest, and whether it was already there."""

    manifest: Mapping[str, Any]
    finished_before: bool


@dataclass(slots=True)
class _Run:
    """A build under way."""

    recipe: Recipe
    folder: RunFolder
    workers: int
    engine: str
    screen: Screen
    reading: Reading
    reports: dict[int, BlockReport] = field(default_factory=dict)
    blocks: int = 0
    resumed: int = 0
    began: float = field(default_factory=time.monotonic)


def build(
    recipe: Recipe, out: Path, *, workers: int, engine: str, overwrite: bool, screen: Screen
) -> Outcome:
    """Builds a dataset, or goes on where an earlier build of the same recipe stopped.

    Args:
        recipe: what to build.
        out: the run's folder.
        workers: processes; 1 builds in this one.
        engine: where blocks run.
        overwrite: start the folder anew.
        screen: where to say how it goes.

    Raises:
        InputError: the recipe, a source, the tokenizer or the folder is wrong.
        BuildError: it did not succeed; finished blocks are kept.
    """
    for source in recipe.source:
        source_files(source)
    identity = _identity(recipe, screen)
    manifest = finished_manifest(out)
    if manifest is not None and not overwrite:
        _refuse_changed(out, identity, manifest)
        remove_work(out)
        return Outcome(manifest, finished_before=True)
    try:
        with open_folder(out, identity, overwrite) as folder:
            run = _Run(recipe, folder, workers, engine, screen, Reading(recipe, screen.say))
            _build_blocks(run)
            return Outcome(_finish(run, identity), finished_before=False)
    except OSError as error:
        raise BuildError(f"could not write to {out}: {error}") from error


def _identity(recipe: Recipe, screen: Screen) -> dict[str, Any]:
    """All that the bytes depend on, but the sources' rows."""
    tokenizer = load_tokenizer(recipe.tokenizer)
    screen.say(f"tokenizer: {tokenizer.name} ({tokenizer.origin})")
    return {
        "duplexdata": __version__,
        "format": recipe.format,
        "recipe": recipe.as_dict(),
        "recipe_sha256": recipe.digest(),
        "versions": {"pyarrow": version("pyarrow")},
        "tokenizer": {"name": tokenizer.name, "fingerprint": tokenizer.fingerprint},
        "segmenters": {language: segmenter_name(language) for language in LANGUAGES},
        "transitions": {
            language: load_transitions(language, recipe.transitions.get(language)).fingerprint
            for language in LANGUAGES
        },
    }


def _refuse_changed(out: Path, identity: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    # A finished folder stays finished when a library moves on.
    compared = ("recipe", "tokenizer", "transitions")
    refuse_another(
        out,
        {name: identity[name] for name in compared},
        {name: manifest.get(name) for name in compared},
    )
    for source in manifest["sources"]:
        file = Path(source["file"])
        if file.is_file() and file_digest(file) != source["sha256"]:
            raise FolderError(
                f"{file} has changed since {out} was built of it; "
                "choose another --out, or --overwrite it"
            )


def _build_blocks(run: _Run) -> None:
    tasks = _sampled_tasks(run) if run.recipe.samples else _tasks(run)
    for report in ENGINES[run.engine](build_task, tasks, run.workers):
        run.reports[report.number] = report
        _dialogues_file(run, report.number).unlink()
        _show_progress(run)
    if run.resumed:
        run.screen.say(f"{run.resumed} blocks were finished before")


def _tasks(run: _Run) -> Iterator[BlockTask]:
    """A task for each block that is not finished, as the sources are read."""
    for task in _spooled(run):
        report = run.folder.report(task.number, task.digest)
        if report is None:
            yield task
        else:
            _keep_finished(run, report)


def _sampled_tasks(run: _Run) -> Iterator[BlockTask]:
    """Plans every block, then a task for each that has a row among the N lowest."""
    tasks: dict[int, BlockTask] = {}

    def remembered() -> Iterator[BlockTask]:
        for task in _spooled(run):
            tasks[task.number] = task
            yield task

    plans = list(ENGINES[run.engine](plan_task, remembered(), run.workers))
    threshold = _threshold(plans, run.recipe.samples)
    for plan in plans:
        task = replace(tasks[plan.number], threshold=threshold)
        report = run.folder.report(task.number, task.digest)
        if report is not None:
            _keep_finished(run, report)
        elif threshold is None or any(rank <= threshold for rank in plan.ranks):
            yield task
        else:
            run.reports[plan.number] = unwritten_report(plan)
            _dialogues_file(run, plan.number).unlink()


def _threshold(plans: list[PlanReport], samples: int) -> int | None:
    """The rank of the last row to keep; None if all are kept."""
    ranks = sorted(rank for plan in plans for rank in plan.ranks)
    return ranks[samples - 1] if len(ranks) > samples else None


def _spooled(run: _Run) -> Iterator[BlockTask]:
    """Every block as a task, its dialogues in a file for whoever works on it."""
    for block in run.reading.blocks():
        run.blocks += 1
        file = _dialogues_file(run, block.number)
        write_block(block, file)
        yield BlockTask(
            recipe=run.recipe,
            folder=str(run.folder.path),
            number=block.number,
            digest=block.digest(),
            file=str(file),
        )


def _keep_finished(run: _Run, report: BlockReport) -> None:
    run.resumed += 1
    run.reports[report.number] = report
    _dialogues_file(run, report.number).unlink()


def _dialogues_file(run: _Run, number: int) -> Path:
    return run.folder.path / ".work" / f"dialogues-{number:05d}.arrow"


def _show_progress(run: _Run) -> None:
    rows = sum(sum(report.written.values()) for report in run.reports.values())
    seconds = max(time.monotonic() - run.began, 1e-9)
    run.screen.progress(
        f"{len(run.reports)} of {run.blocks} blocks read so far are built: {rows:,} rows, "
        f"{rows / seconds:,.0f} rows/s, {run.reading.kept:,} dialogues, "
        f"{len(run.reading.rejected):,} rejected"
    )


def _finish(run: _Run, identity: Mapping[str, Any]) -> Mapping[str, Any]:
    """Writes what stands beside the shards; the manifest last, for it says that all is there."""
    path = run.folder.path
    reading = run.reading
    reports = [run.reports[number] for number in sorted(run.reports)]
    shards = [file for report in reports for file in report.files]
    counted = counts(
        {
            "source_rows": reading.rows,
            "kept": reading.kept,
            "dropped": {
                "system_messages": reading.system_messages,
                "trailing_user_turns": reading.trailing_user_turns,
            },
        },
        (one.reason for one in reading.rejected),
        [asdict(report) for report in reports],
    )
    check_sums(counted, shards, run.recipe.samples)
    if not shards:
        raise BuildError(
            f"no row could be built of {reading.kept} dialogues: left out {counted['left_out']}"
        )
    run.folder.remove_other_data({file.path for file in shards})
    rejected = write_rejected(_rejected_rows(reading, reports), path)
    manifest = {
        **identity,
        "sources": [asdict(one) for one in reading.files],
        "counts": counted,
        "files": {file.path: _facts(file) for file in [*shards, rejected]},
    }
    write_text(card(manifest), path, "README.md")
    write_text(_json(_run_facts(run)), path, "run.json")
    write_text(_json(manifest), path, MANIFEST)
    return manifest


def _rejected_rows(reading: Reading, reports: list[BlockReport]) -> Iterator[tuple[Any, ...]]:
    for one in reading.rejected:
        place = one.place
        yield place.file, place.row, place.line, None, None, one.reason, one.detail
    for report in reports:
        for left_out in report.left_out:
            yield (*left_out, "")


def _facts(file: WrittenFile) -> dict[str, Any]:
    return {"rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}


def _run_facts(run: _Run) -> dict[str, Any]:
    """What differs from run to run: `run.json`."""
    return {
        "seconds": round(time.monotonic() - run.began, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "workers": run.workers,
        "engine": run.engine,
        "blocks": len(run.reports),
        "blocks_resumed": run.resumed,
        "python": sys.version.split()[0],
        "tokenizer": load_tokenizer(run.recipe.tokenizer).origin,
        "usage": {},
        "cost": 0.0,
    }


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"
