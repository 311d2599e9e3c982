"""Worker processes, begun before this process imports what it takes itself.

They take as long to be ready as this process does. So they begin by a guess at the recipe,
which costs time where it is wrong, and nothing else.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .at_once import LARGE, WARM
from .engine.cores import available_cores
from .engine.server import start_server
from .errors import SourceError
from .generate import WRITERS
from .load.sources import is_remote, local_files
from .recipe import Recipe
from .recipe_file import unchecked

_MATTERS = ("source", "limit", "llm", "tokenizer", "transitions", "statement_banks")
"""The knobs that a guess goes by."""


def guess_workers(flags: Mapping[str, Any], config: Path | None, workers: int | None) -> None:
    """Begins them, if a build of these flags and this recipe file looks as if it took them.

    Args:
        flags: of the recipe, those that were given.
        config: a recipe file.
        workers: how many; None takes all cores.
    """
    with suppress(Exception):  # nothing was checked yet; what is wrong is told where it is
        of_file = unchecked(config)[0] if config else {}
        if "sources" in of_file:
            of_file["source"] = [one["path"] for one in of_file["sources"]]
        values = {**of_file, **flags}
        known = {name: values[name] for name in _MATTERS if name in values}
        begin_workers(Recipe(format="", **known), workers or available_cores())


def begin_workers(recipe: Recipe, workers: int) -> bool:
    """Begins the workers of a build that takes long enough; says whether it does.

    Args:
        recipe: of the build.
        workers: how many.
    """
    takes = WRITERS[recipe.llm].asks or (workers > 1 and _is_large(recipe.source, recipe.limit))
    if takes:
        names = (recipe.tokenizer, dict(recipe.transitions), dict(recipe.statement_banks))
        start_server(WARM, names)
    return takes


def _is_large(sources: Sequence[str], limit: int | None) -> bool:
    """Whether sources look as if they took longer than to start a process."""
    with suppress(SourceError, OSError):
        if limit is None and any(map(is_remote, sources)):
            return True
        sizes = (file.stat().st_size for one in sources for file in local_files(one))
        return sum(sizes) > LARGE
    return False
