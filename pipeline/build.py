"""A run, from sources to a finished folder; the only room that knows all others."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ahead import begin_workers
from .block import build_task, plan_task
from .block_report import BlockReport, PlanReport, dialogues_path, unwritten_report
from .block_work import BlockTask, fingerprints, prompts_of
from .earlier import manifest_of_finished
from .engine import ENGINES, POOLS
from .errors import BuildError
from .finished import checked_counts, get_ready, identity_of, pass_1, write_beside, write_manifest
from .garbage import LARGE, collected_by_hand, give_large_back, tidy
from .generate import REQUEST_FAILED, WRITERS
from .generate.prompts import forget_prompts
from .load.block import write_block
from .load.reading import Reading
from .load.sources import find_sources, is_remote
from .materials import MaterialFacts, forget_materials, material_facts
from .mirror import Mirror
from .plain_rows import makes_plain
from .progress import Progress, Sources
from .recipe import Recipe
from .run_folder import MANIFEST, RunFolder, open_folder, pinned_revisions
from .screen import Screen
from .used_before import UsedBefore, used_before

if TYPE_CHECKING:  # what talks to a server takes time to import
    from .generate.asking import Usage
    from .generate.means import Means


_AHEAD = 16_384
"""Dialogues that are read while worker processes start: half a second or so."""

_RENEWED_AFTER = 8
"""Blocks of scripts that a worker builds. Many small pieces come and go in it among large ones,
and what is free between them becomes more up to the twentieth block or so. To start another
takes a hundredth of the time of as many."""


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
    ready: bool
    engine: str
    screen: Screen
    reading: Reading
    materials: MaterialFacts
    progress: Progress
    fingerprints: dict[str, Any]
    means: "Means | None"
    used: UsedBefore
    mirror: Mirror | None = None
    reports: dict[int, BlockReport] = field(default_factory=dict)
    dialogues: dict[int, int] = field(default_factory=dict)  # by block
    spare: list[Path] = field(default_factory=list)
    resumed: int = 0
    began: float = field(default_factory=time.monotonic)

    def file(self, path: str) -> Path:
        """A file in the run's folder."""
        return self.folder.path / path


def build(
    recipe: Recipe,
    out: Path,
    *,
    workers: int,
    engine: str,
    overwrite: bool,
    screen: Screen,
    means: "Means | None" = None,
    retry_failed: bool = False,
    mirror: Mirror | None = None,
) -> Outcome:
    """Builds a dataset, or goes on where an earlier build of the same recipe stopped.

    Args:
        recipe: what to build.
        out: the run's folder.
        workers: processes; 1 builds in this one.
        engine: where blocks run.
        overwrite: start the folder anew.
        screen: where to say how it goes.
        means: how a model is asked, where the recipe asks one.
        retry_failed: build a finished run again whose requests failed; what has a reply is
            not asked for again.
        mirror: where the folder is sent as it grows; `out` is then removed at the end.

    Raises:
        InputError: the recipe, a source, the tokenizer or the folder is wrong.
        BuildError: it did not succeed; finished blocks are kept.
    """
    ready = begin_workers(recipe, workers)
    forget_materials()
    forget_prompts()
    reading = None
    if ready and mirror is None and (overwrite or not (out / MANIFEST).exists()):
        reading = _reading_ahead(recipe, screen)
    facts = _facts(recipe, engine, reading) if ready else material_facts(recipe)
    screen.say(f"tokenizer: {facts.tokenizer} ({facts.origin})")
    prints = fingerprints(facts, prompts_of(recipe))
    identity = identity_of(recipe, prints)
    if mirror is not None:
        mirror.look()
    manifest = None if overwrite else manifest_of_finished(out, identity, mirror)
    if manifest is not None and not (retry_failed and _has_failed(manifest)):
        return Outcome(manifest, finished_before=True)
    anew = overwrite or manifest is not None
    if mirror is not None and not anew:
        mirror.fetch_unfinished(out)
    if reading is None:
        # A wrong name is told before a folder is made.
        pinned = {} if overwrite else pinned_revisions(out, manifest)
        reading = Reading(recipe, screen.say, find_sources(recipe.source, pinned, screen.say))
    try:
        with open_folder(out, identity, overwrite) as folder, collected_by_hand():
            folder.begin_again()  # a run whose failures are taken up
            folder.pin_revisions(reading.revisions())
            if mirror is not None:
                mirror.begin(out, anew=overwrite)
            progress = Progress(screen, partial(_read_so_far, reading))
            run = _Run(
                recipe,
                folder,
                workers,
                ready,
                engine,
                screen,
                reading,
                facts,
                progress,
                prints,
                means,
                used_before(out),
                mirror,
            )
            with progress.shown():
                _build_blocks(run)
            manifest = _finish(run, identity)
            if mirror is not None:
                mirror.finish(out, manifest)
    except OSError as error:
        raise BuildError(f"could not write to {out}: {error}") from error
    if mirror is not None:
        shutil.rmtree(out, ignore_errors=True)
    return Outcome(manifest, finished_before=False)


def _has_failed(manifest: Mapping[str, Any]) -> bool:
    """Whether rows are missing of a run since requests got no reply."""
    return REQUEST_FAILED in manifest["counts"]["left_out"]


def _reading_ahead(recipe: Recipe, screen: Screen) -> Reading | None:
    """A reading that can begin at once: of files that are here."""
    if any(map(is_remote, recipe.source)):
        return None  # an earlier try may say which commit to read
    return Reading(recipe, screen.say, find_sources(recipe.source, say=screen.say))


def _facts(recipe: Recipe, engine: str, reading: Reading | None) -> MaterialFacts:
    """What a worker says of the materials; sources are read until it does."""
    # To start a worker blocks until it can be, so a thread does. An error, or Ctrl-C, waits for
    # that alone: the worker is then killed, whatever it waits for.
    with (
        collected_by_hand(),
        POOLS[engine](1) as pool,
        ThreadPoolExecutor(1) as thread,
    ):
        asked = thread.submit(pool.submit, material_facts, recipe)
        if reading is not None:
            reading.read_ahead(lambda: asked.done() and asked.result().done(), _AHEAD)
        return pool.result(asked.result())


def _build_blocks(run: _Run) -> None:
    if run.workers > 1:
        give_large_back(LARGE)
    tasks = _sampled_tasks(run) if run.recipe.samples else _tasks(run)
    if not run.recipe.samples:
        run.progress.begin("build", "built")
    if WRITERS[run.recipe.llm].asks:
        _ask_and_build(run, tasks)
    else:
        engine = ENGINES[run.engine]
        renewed = None if makes_plain(run.recipe) else _RENEWED_AFTER
        built = engine(build_task, tasks, run.workers, ready=run.ready, renewed_after=renewed)
        with closing(built) as reports:
            for report in reports:
                _take(run, report)
    run.progress.end()
    if run.resumed:
        run.screen.say(f"{run.resumed} blocks were finished before")


def _take(run: _Run, report: BlockReport) -> None:
    run.reports[report.number] = report
    file = run.file(dialogues_path(report.number))
    if len(run.spare) < run.workers:
        run.spare.append(file)  # the next block is written over it
    else:
        file.unlink()
    if run.mirror is not None:
        run.mirror.send_block(run.folder.path, report)
    run.progress.did(report.number, run.dialogues[report.number], report.written)
    tidy()


def _ask_and_build(run: _Run, tasks: Iterator[BlockTask]) -> None:
    """Builds blocks whose rows ask a model."""
    from .block_asks import Steps, ask_task  # with what talks to a server
    from .rounds import Answering, build_in_rounds

    answering = Answering(run.recipe, run.means, run.engine, run.workers, run.screen)
    steps = Steps(ask_task, build_task)

    def used(usage: "Usage") -> None:
        run.progress.used(usage)
        run.used.keep(usage)

    try:
        with closing(build_in_rounds(tasks, steps, answering, used)) as reports:
            for report in reports:
                _take(run, report)
    finally:
        run.used.keep(run.progress.usage, now=True)


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
    engine = ENGINES[run.engine]
    with closing(engine(plan_task, remembered(), run.workers, ready=run.ready)) as reports:
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
    for block in run.reading.blocks():
        run.dialogues[block.number] = len(block)
        file = run.file(dialogues_path(block.number))
        if run.spare:  # written over, a file takes no new pages of memory
            run.spare.pop().replace(file)
        write_block(block, file)
        yield BlockTask(
            recipe=run.recipe,
            folder=str(run.folder.path),
            number=block.number,
            digest=block.digest(),
            file=str(file),
            fingerprints=run.fingerprints,
        )
    get_ready()  # while workers are at the last blocks


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
    path, found = run.folder.path, pass_1(run.reading)
    reports = [run.reports[number] for number in sorted(run.reports)]
    if not any(report.files for report in reports):
        run.folder.forget_blocks()
    counted = checked_counts(found, reports, run.recipe.samples)
    run.folder.remove_other_shards({file.path for report in reports for file in report.files})
    manifest = write_beside(path, identity, found, reports, counted)
    write_manifest(path, manifest, _run_facts(run))
    return manifest


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
        "tokenizer": run.materials.origin,
        **run.used.with_this(run.progress.usage),
    }
