"""The stages as commands: each reads a folder, works block by block, and writes the next."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..block import plan_task
from ..block_asks import AnyTask, Steps
from ..block_report import BlockReport
from ..block_work import BlockTask, fingerprints, prompts_of
from ..engine import ENGINES
from ..errors import FolderError, RecipeError
from ..export.shards import write_parquet, write_text
from ..finished import as_json, checked_counts, identity_of, pass_1, write_beside, write_manifest
from ..generate import WRITERS, used
from ..load.block import Block
from ..load.dialogue_rows import SCHEMA, dialogue_table
from ..load.reading import Reading
from ..materials import Materials, load_materials
from ..recipe import Recipe
from ..run_folder import RUN_FACTS, difference, finished_manifest, open_folder
from ..screen import Screen
from ..used_before import UsedBefore, used_up_to
from .blocks import DISTRACT, INTERRUPT, StageTask, export_block, slice_block
from .folder import (
    ORDER,
    StageFolder,
    dialogues_file,
    finish_stage,
    new_stage,
    read_stage,
    scripts_file,
)

if TYPE_CHECKING:  # what talks to a server takes time to import
    from ..generate.asking import Usage
    from ..generate.means import Means

Task = TypeVar("Task")
Result = TypeVar("Result")

Resolve = Callable[[Mapping[str, Any], Mapping[str, Any]], Recipe]
"""A recipe from plain values and from flags that win over them."""


@dataclass(frozen=True, slots=True)
class How:
    """How a stage runs.

    Attributes:
        workers: processes.
        overwrite: whether its folder is made again.
        screen: where it says how it goes.
        means: how a recipe's model is asked; None where it asks none.
        engine: where blocks are worked on.
    """

    workers: int
    overwrite: bool
    screen: Screen
    means: Callable[[Recipe], "Means | None"] = lambda _recipe: None
    engine: str = "local"

    def each(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
        """What a function gives for each task, in order."""
        with closing(ENGINES[self.engine](function, iter(tasks), self.workers)) as results:
            return list(results)

    def with_replies(
        self, steps: Steps[AnyTask], tasks: Sequence[AnyTask], recipe: Recipe, before: UsedBefore
    ) -> list[BlockReport]:
        """The same, with the replies of whom the recipe asks; what they take is kept as used."""
        if not WRITERS[recipe.llm].asks:
            return self.each(steps.build, tasks)
        from ..rounds import Answering, build_in_rounds  # with what talks to a server

        answering = Answering(recipe, self.means(recipe), self.engine, self.workers, self.screen)
        last: Usage | None = None

        def show(usage: "Usage") -> None:
            nonlocal last
            last = usage
            before.keep(usage)
            self._show(usage)

        try:
            with closing(build_in_rounds(iter(tasks), steps, answering, show)) as reports:
                return sorted(reports, key=lambda report: report.number)
        finally:
            before.keep(last, now=True)

    def _show(self, usage: "Usage") -> None:
        if self.screen.due():
            record = {"usage": used.facts(usage), "cost": used.cost(usage)}
            self.screen.progress([used.progress(usage)], record)


def load(recipe: Recipe, out: Path, how: How) -> None:
    """Reads the sources: dialogues, a file a block, and what is rejected."""
    materials = _materials(recipe)
    reading = Reading(recipe, how.screen.say)
    with new_stage(out, how.overwrite):
        reports = []
        for block in reading.blocks():
            if not isinstance(block, Block):
                raise RecipeError(
                    f"{block.places[0].file} holds conversations already, which no stage draws or "
                    "interrupts: duplexdata build makes rows of them"
                )
            path = dialogues_file(block.number)
            file = write_parquet([dialogue_table(block)], SCHEMA, out, path)
            reports.append(
                BlockReport(block.number, block.digest(), None, {}, {}, {}, [], [], files=[file])
            )
        finish_stage(
            out, "load", identity_of(recipe, _prints(recipe, materials)), pass_1(reading), reports
        )
    how.screen.say(f"{reading.kept:,} dialogues of {reading.rows:,} source rows")


def interrupt(here: Path, out: Path, flags: Mapping[str, Any], resolve: Resolve, how: How) -> None:
    """Writes the scripts of the rows that are kept, before statements."""
    before, recipe, materials = _begin(here, "interrupt", flags, resolve)
    with new_stage(out, how.overwrite):
        tasks = [
            BlockTask(
                recipe=recipe,
                folder=str(out),
                number=one.number,
                digest=one.digest,
                file=str(here / dialogues_file(one.number)),
                fingerprints=_prints(recipe, materials),
            )
            for one in before.reports
        ]
        threshold = _threshold(tasks, recipe.samples, how)
        tasks = [replace(one, threshold=threshold) for one in tasks]
        reports = how.with_replies(INTERRUPT, tasks, recipe, used_up_to(here, out))
        identity = identity_of(recipe, _prints(recipe, materials))
        _finish(before, out, "interrupt", identity, reports)


def _threshold(tasks: list[BlockTask], samples: int, how: How) -> int | None:
    """The highest sample rank that is kept; None keeps all."""
    if not samples:
        return None
    ranks = [rank for plan in how.each(plan_task, tasks) for rank in plan.ranks]
    return nsmallest(samples, ranks)[-1] if len(ranks) > samples else None


def distract(here: Path, out: Path, flags: Mapping[str, Any], resolve: Resolve, how: How) -> None:
    """Adds statements to scripts."""
    before, recipe, materials = _begin(here, "distract", flags, resolve)
    if "statements" in flags and recipe.max_tokens is not None:
        raise RecipeError(
            "--statements: with max_tokens rows were chosen for the statements that the recipe "
            "says; give it to duplexdata load"
        )
    with new_stage(out, how.overwrite):
        tasks = _tasks(before, recipe, materials, out)
        reports = how.with_replies(DISTRACT, tasks, recipe, used_up_to(here, out))
        identity = identity_of(recipe, _prints(recipe, materials))
        _finish(before, out, "distract", identity, reports)


def cut(here: Path, out: Path, flags: Mapping[str, Any], resolve: Resolve, how: How) -> None:
    """Cuts scripts into slices."""
    before, recipe, materials = _begin(here, "slice", flags, resolve)
    with new_stage(out, how.overwrite):
        reports = how.each(slice_block, _tasks(before, recipe, materials, out))
        identity = identity_of(recipe, _prints(recipe, materials))
        _finish(before, out, "slice", identity, reports)


def _finish(
    before: StageFolder,
    out: Path,
    name: str,
    identity: Mapping[str, Any],
    reports: Sequence[BlockReport],
) -> None:
    """Ends a stage on the folder of another; says what both used of a model, if one was asked."""
    spent = used_up_to(before.path, out).with_this(None)
    if spent["usage"]:
        write_text(as_json(spent), out, RUN_FACTS)
    finish_stage(out, name, identity, before.found, reports)


def _tasks(before: StageFolder, recipe: Recipe, materials: Materials, out: Path) -> list[StageTask]:
    prints = _prints(recipe, materials)
    sources = tuple(one["file"] for one in before.found.sources)
    return [
        StageTask(
            recipe=recipe,
            folder=str(out),
            number=one.number,
            digest=one.digest,
            file=str(before.path / scripts_file(one.number)),
            fingerprints=prints,
            here=str(before.path),
            report=one,
            sources=sources,
        )
        for one in before.reports
    ]


def export(here: Path, out: Path, flags: Mapping[str, Any], resolve: Resolve, how: How) -> None:
    """Renders slices as a run, with its manifest and card."""
    began = time.monotonic()
    before, recipe, materials = _begin(here, "export", flags, resolve)
    if finished_manifest(out) is not None and not how.overwrite:
        raise FolderError(f"{out} holds a finished run; --overwrite makes it again")
    identity = identity_of(recipe, _prints(recipe, materials))
    with open_folder(out, identity, how.overwrite):
        reports = how.each(export_block, _tasks(before, recipe, materials, out))
        counted = checked_counts(before.found, reports, recipe.samples)
        manifest = write_beside(out, identity, before.found, reports, counted)
        run = {
            "seconds": round(time.monotonic() - began, 3),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "workers": how.workers,
            "engine": how.engine,
            "blocks": len(reports),
            "blocks_resumed": 0,
            "python": sys.version.split()[0],
            "tokenizer": materials.tokenizer.origin,
            **used_up_to(here, out).with_this(None),
        }
        write_manifest(out, manifest, run)


def _begin(
    here: Path, name: str, flags: Mapping[str, Any], resolve: Resolve
) -> tuple[StageFolder, Recipe, Materials]:
    """The folder of the stage before, its recipe with these flags, and the materials of both.

    Raises:
        FolderError: the folder is no such, or was made with something that is another now.
    """
    before = read_stage(here, ORDER[ORDER.index(name) - 1])
    recipe = resolve(before.identity["recipe"], flags)
    materials = _materials(recipe)
    own = {"recipe", "recipe_sha256", "format"}
    if name == "interrupt":
        own.add("prompts")  # nothing was asked before
    ours = {
        key: one
        for key, one in identity_of(recipe, _prints(recipe, materials)).items()
        if key not in own
    }
    theirs = {key: one for key, one in before.identity.items() if key not in own}
    if found := difference(ours, theirs):
        raise FolderError(
            f"{here} was made with something else ({'; '.join(found[:3])}); "
            "begin again with duplexdata load"
        )
    return before, recipe, materials


def _materials(recipe: Recipe) -> Materials:
    return load_materials(recipe.tokenizer, recipe.transitions, recipe.statement_banks)


def _prints(recipe: Recipe, materials: Materials) -> dict[str, Any]:
    return fingerprints(materials.facts(), prompts_of(recipe))


STAGES: dict[str, Callable[[Path, Path, Mapping[str, Any], Resolve, How], None]] = {
    "interrupt": interrupt,
    "distract": distract,
    "slice": cut,
    "export": export,
}
"""What runs on the folder of another stage."""
