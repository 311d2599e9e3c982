"""A run, from sources to a finished folder; the only room that knows all others."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, replace
from heapq import nsmallest
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .. import __version__
from .block import BlockTask, build_task, plan_task
from .block_report import BlockReport, PlanReport, dialogues_path, unwritten_report
from .engine import ENGINES, warm_up
from .errors import BuildError, FolderError, SourceError
from .export.card import card
from .export.manifest import counts, wrong_sums
from .export.rejected import LEFT_OUT, REJECTED, write_rows
from .export.shards import WrittenFile, write_text
from .garbage import collected_by_hand
from .load.block import write_block
from .load.files import SAMPLE, file_digest, shown_files, source_files
from .load.language import LANGUAGES
from .load.reading import Reading
from .materials import Materials, forget_materials, load_materials
from .progress import Progress, Sources
from .recipe import Recipe
from .run_folder import (
    MANIFEST,
    RunFolder,
    finished_manifest,
    open_folder,
    refuse_another,
    remove_leftovers,
)
from .screen import Screen
from .slice.words import segmenter_name
from .warm import MODULE, offer

_LARGE = 2_000_000
"""Bytes of sources, packed or not, from which on worker processes are started at once."""


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
    materials: Materials
    progress: Progress
    reports: dict[int, BlockReport] = field(default_factory=dict)
    dialogues: dict[int, int] = field(default_factory=dict)  # by block
    resumed: int = 0
    began: float = field(default_factory=time.monotonic)

    def file(self, path: str) -> Path:
        """A file in the run's folder."""
        return self.folder.path / path


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
    if workers > 1 and _is_large(recipe):
        offer(recipe)
        warm_up(MODULE)
    forget_materials()
    materials = load_materials(recipe.tokenizer, recipe.transitions, recipe.statement_banks)
    screen.say(f"tokenizer: {materials.tokenizer.name} ({materials.tokenizer.origin})")
    identity = _identity(recipe, materials)
    manifest = None if overwrite else finished_manifest(out)
    if manifest is not None:
        _refuse_changed(out, identity, manifest)
        remove_leftovers(out)
        return Outcome(manifest, finished_before=True)
    for source in recipe.source:
        source_files(source)  # a wrong name is told before a folder is made
    try:
        with open_folder(out, identity, overwrite) as folder, collected_by_hand():
            reading = Reading(recipe, screen.say)
            progress = Progress(screen, lambda: _read_so_far(reading))
            run = _Run(recipe, folder, workers, engine, screen, reading, materials, progress)
            with progress.shown():
                _build_blocks(run)
            return Outcome(_finish(run, identity), finished_before=False)
    except OSError as error:
        raise BuildError(f"could not write to {out}: {error}") from error


def _is_large(recipe: Recipe) -> bool:
    """Whether the sources look as if they took longer than to start a process."""
    with suppress(SourceError, OSError):
        sizes = (file.stat().st_size for one in recipe.source for file in source_files(one))
        return sum(sizes) > _LARGE
    return False


def _identity(recipe: Recipe, materials: Materials) -> dict[str, Any]:
    """All that the bytes depend on, but the sources' rows."""
    return {
        "duplexdata": __version__,
        "format": recipe.format,
        "recipe": recipe.as_dict(),
        "recipe_sha256": recipe.digest(),
        "versions": {"pyarrow": version("pyarrow")},
        "segmenters": {language: segmenter_name(language) for language in LANGUAGES},
        **materials.fingerprints(),
    }


def _refuse_changed(out: Path, identity: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    # A finished folder stays finished when a library moves on.
    compared = ("recipe", "tokenizer", "transitions", "statement_banks")
    refuse_another(
        out,
        {name: identity[name] for name in compared},
        {name: manifest.get(name) for name in compared},
    )
    for path, facts in manifest["files"].items():
        file = out / path
        if not file.is_file() or file.stat().st_size != facts["bytes"]:
            raise FolderError(f"{file} is not what this run wrote; --overwrite builds it again")
    _refuse_changed_sources(out, manifest)


def _refuse_changed_sources(out: Path, manifest: Mapping[str, Any]) -> None:
    """Raises a FolderError where a source that is still there holds something else now."""
    built = {one["file"]: one["sha256"] for one in manifest["sources"]}
    changed = [
        file
        for file, sha256 in built.items()
        if file != SAMPLE and Path(file).is_file() and file_digest(Path(file)) != sha256
    ]
    if not changed and manifest["recipe"].get("limit") is None:
        try:
            there = {name for one in manifest["recipe"]["source"] for name in shown_files(one)}
        except SourceError:
            there = set(built)  # gone: what was built of it stays built
        changed = sorted(there ^ set(built))
    if changed:
        raise FolderError(
            f"{changed[0]} has changed since {out} was built; "
            "choose another --out, or --overwrite it"
        )


def _build_blocks(run: _Run) -> None:
    tasks = _sampled_tasks(run) if run.recipe.samples else _tasks(run)
    if not run.recipe.samples:
        run.progress.begin("build", "built")
    with closing(ENGINES[run.engine](build_task, tasks, run.workers)) as reports:
        for report in reports:
            run.reports[report.number] = report
            run.file(dialogues_path(report.number)).unlink()
            run.progress.did(report.number, run.dialogues[report.number], report.written)
    run.progress.end()
    if run.resumed:
        run.screen.say(f"{run.resumed} blocks were finished before")


def _tasks(run: _Run) -> Iterator[BlockTask]:
    """A task for each block that is not finished, as the sources are read."""
    for task in _spooled(run):
        if not _keeps_finished(run, task):
            yield task


def _sampled_tasks(run: _Run) -> Iterator[BlockTask]:
    """Plans every block, then a task for each that has a row among the N lowest."""
    tasks: dict[int, BlockTask] = {}
    plans: dict[int, PlanReport] = {}
    lowest: list[int] = []  # the ranks of the N rows to keep, as far as is known

    def remembered() -> Iterator[BlockTask]:
        for task in _spooled(run):
            tasks[task.number] = task
            yield task

    total = 0
    run.progress.begin("plan", "planned")
    with closing(ENGINES[run.engine](plan_task, remembered(), run.workers)) as reports:
        for plan in reports:
            total += len(plan.ranks)
            run.progress.did(plan.number, run.dialogues[plan.number], plan.planned)
            lowest = nsmallest(run.recipe.samples, [*lowest, *plan.ranks])
            # Of the ranks only the lowest is needed again; it may be too high already.
            plans[plan.number] = replace(plan, ranks=plan.ranks and [min(plan.ranks)])
            if not _may_keep(plans[plan.number], lowest, run.recipe.samples):
                run.file(dialogues_path(plan.number)).unlink()
    run.progress.end()
    threshold = lowest[-1] if total > run.recipe.samples else None
    to_build = [one for one, plan in plans.items() if _may_keep(plan, lowest, run.recipe.samples)]
    run.progress.begin("build", "built", sum(run.dialogues[number] for number in to_build))
    for number, plan in plans.items():
        task = replace(tasks[number], threshold=threshold)
        if not _may_keep(plan, lowest, run.recipe.samples):
            run.reports[number] = unwritten_report(plan, threshold)
            run.file(dialogues_path(number)).unlink(missing_ok=True)
        elif not _keeps_finished(run, task):
            yield task


def _may_keep(plan: PlanReport, lowest: list[int], samples: int) -> bool:
    """Whether a block may have a row among the N lowest."""
    return bool(plan.ranks) and (len(lowest) < samples or plan.ranks[0] <= lowest[-1])


def _spooled(run: _Run) -> Iterator[BlockTask]:
    """Every block as a task, its dialogues in a file for whoever works on it."""
    fingerprints = run.materials.fingerprints()
    for block in run.reading.blocks():
        run.dialogues[block.number] = len(block.places)
        file = run.file(dialogues_path(block.number))
        write_block(block, file)
        yield BlockTask(
            recipe=run.recipe,
            folder=str(run.folder.path),
            number=block.number,
            digest=block.digest(),
            file=str(file),
            fingerprints=fingerprints,
        )


def _keeps_finished(run: _Run, task: BlockTask) -> bool:
    """Whether the block was finished by an earlier try; its report is then taken over."""
    report = run.folder.report(task.number, task.digest, task.threshold)
    if report is None:
        return False
    run.resumed += 1
    run.reports[report.number] = report
    run.file(dialogues_path(report.number)).unlink()
    run.progress.kept(report.number, run.dialogues[report.number], report.written)
    return True


def _read_so_far(reading: Reading) -> Sources:
    return Sources(reading.rows, reading.kept, len(reading.rejected), reading.share)


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
            "scripts": reading.scripts,
            "read_as": dict(sorted((+reading.read_as).items())),
            "dropped": {
                "system_messages": reading.system_messages,
                "trailing_user_turns": reading.trailing_user_turns,
            },
        },
        (one.reason for one in reading.rejected),
        [asdict(report) for report in reports],
    )
    wrong = wrong_sums(counted, shards, run.recipe.samples)
    if wrong:
        raise BuildError(f"the sums of this build do not add up: {'; '.join(wrong)}")
    if not shards:
        raise BuildError(
            f"no row could be built of {reading.kept} dialogues: left out {counted['left_out']}"
        )
    run.folder.remove_other_shards({file.path for file in shards})
    rejected = write_rows(_rejected_rows(reading, reports), REJECTED, path, "rejected.parquet")
    left_out = (tuple(one) for report in reports for one in report.left_out)
    beside = [rejected, write_rows(left_out, LEFT_OUT, path, "left_out.parquet")]
    manifest = {
        **identity,
        "sources": [asdict(one) for one in reading.files],
        "counts": counted,
        "files": {file.path: _facts(file) for file in [*shards, *beside]},
    }
    write_text(card(path, manifest), path, "README.md")
    write_text(_json(_run_facts(run)), path, "run.json")
    write_text(_json(manifest), path, MANIFEST)
    return manifest


def _rejected_rows(reading: Reading, reports: list[BlockReport]) -> Iterator[tuple[Any, ...]]:
    for one in reading.rejected:
        place = one.place
        yield place.file, place.row, place.line, None, one.reason, one.detail
    for report in reports:
        for unused in report.unused:
            yield (*unused, "left out of every type it was drawn for")


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
        "tokenizer": run.materials.tokenizer.origin,
        "usage": {},
        "cost": 0.0,
    }


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"
