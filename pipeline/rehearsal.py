"""A recipe's blocks, planned as a build would plan them, and nothing built.

What estimates, exports and explanations start from. No request is made.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from heapq import nsmallest
from pathlib import Path

from .block import plan_task
from .block_work import BlockTask, fingerprints, prompts_of
from .engine import ENGINES
from .errors import FolderError
from .interrupt import default_rates
from .load.block import write_block
from .load.reading import Reading
from .materials import load_materials
from .recipe import Recipe, make_recipe
from .run_folder import MANIFEST, finished_manifest


@contextmanager
def rehearsed(
    recipe: Recipe, *, store: Path, workers: int, engine: str
) -> Iterator[list[BlockTask]]:
    """The tasks of a recipe's blocks, their dialogues in a folder that is removed afterwards.

    Args:
        recipe: what would be built.
        store: of replies.
        workers: processes.
        engine: where blocks are planned.

    Raises:
        InputError: the recipe, a source or the tokenizer is wrong.
    """
    materials = load_materials(recipe.tokenizer, recipe.transitions, recipe.statement_banks)
    prints = fingerprints(materials.facts(), prompts_of(recipe))
    with tempfile.TemporaryDirectory(prefix="duplexdata-") as folder:
        tasks = []
        for block in Reading(recipe, lambda _said: None).blocks():
            file = Path(folder) / f"{block.number:05d}.arrow"
            write_block(block, file)
            digest = block.digest()
            tasks.append(
                BlockTask(recipe, folder, block.number, digest, str(file), prints, store=str(store))
            )
        yield _sampled(tasks, recipe.samples, workers, engine)


def _sampled(tasks: list[BlockTask], samples: int, workers: int, engine: str) -> list[BlockTask]:
    """The tasks, each with the rank up to which the sample keeps rows."""
    if not samples:
        return tasks
    ranks: list[int] = []
    total = 0
    with closing(ENGINES[engine](plan_task, iter(tasks), workers)) as plans:
        for plan in plans:
            total += len(plan.ranks)
            ranks = nsmallest(samples, [*ranks, *plan.ranks])
    if total <= samples:
        return tasks
    return [replace(task, threshold=ranks[-1]) for task in tasks]


def recipe_of(folder: Path) -> Recipe:
    """The recipe of a finished run.

    Raises:
        FolderError: it is none.
        RecipeError: its manifest holds no recipe.
    """
    manifest = finished_manifest(folder)
    if manifest is None:
        raise FolderError(f"{folder} is no finished run: no manifest.json is there")
    return make_recipe({}, folder / MANIFEST, default_rates())
