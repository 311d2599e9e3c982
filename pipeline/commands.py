"""What the commands do: flags into a recipe, a run, and what is said at its end."""

import glob
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .build import Outcome, build
from .engine import ENGINES
from .errors import RecipeError
from .interrupt import TYPES, default_rates
from .light_arrow import keep_pandas_out
from .load.files import source_files, stem_of
from .load.layouts import LAYOUTS
from .recipe import Recipe, make_recipe, with_rates
from .screen import Level, Screen


def run_build(
    flags: Mapping[str, Any],
    *,
    config: Path | None,
    out: Path | None,
    workers: int | None,
    engine: str,
    overwrite: bool,
    quiet: bool = False,
    verbose: bool = False,
) -> Path:
    """Builds what the flags and the recipe file say.

    Args:
        flags: of the recipe, those that were given.
        config: a recipe file.
        out: the run's folder; None names it after the first source.
        workers: processes; None takes all cores.
        engine: where blocks run.
        overwrite: start the folder anew.
        quiet: tell nothing but errors.
        verbose: tell a line a block.

    Returns:
        The run's folder.

    Raises:
        DuplexdataError: it did not succeed.
    """
    if quiet and verbose:
        raise RecipeError("--quiet and --verbose: only one of them can be")
    keep_pandas_out()
    recipe = resolve_recipe(flags, config)
    if engine not in ENGINES:
        raise RecipeError(f"--engine {engine}: it must be one of {', '.join(ENGINES)}")
    folder = out or default_folder(recipe)
    screen = Screen(Level.QUIET if quiet else Level.VERBOSE if verbose else Level.NORMAL)
    outcome = build(
        recipe,
        folder,
        workers=workers or available_cores(),
        engine=engine,
        overwrite=overwrite,
        screen=screen,
    )
    screen.say(_summary(outcome, folder))
    return folder


def resolve_recipe(flags: Mapping[str, Any], config: Path | None) -> Recipe:
    """The recipe of a build, every default filled in.

    Raises:
        RecipeError: a value cannot be, or no format is named.
    """
    given = dict(flags)
    if "rates" in given:
        given["rates"] = parse_rates(given["rates"])
    recipe = make_recipe(given, config, default_rates())
    if recipe.layout not in (None, *LAYOUTS):
        raise RecipeError(f"no layout {recipe.layout}; the layouts are {', '.join(LAYOUTS)}")
    unknown = set(recipe.rates) - set(TYPES)
    if unknown:
        raise RecipeError(f"no type {', '.join(sorted(unknown))}; the types are {', '.join(TYPES)}")
    recipe = with_rates(recipe, recipe.rates)
    if not recipe.rates:
        raise RecipeError("every type's rate is 0: there is nothing to build")
    return recipe


def parse_rates(text: str) -> dict[str, float]:
    """`a=1,b=0.5` as a mapping."""
    rates: dict[str, float] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, share = part.partition("=")
        if name.strip() in rates:
            raise RecipeError(f"--rates {text}: {name.strip()} is there twice")
        try:
            rates[name.strip()] = float(share)
        except ValueError:
            raise RecipeError(f"--rates {text}: {part!r} is not <type>=<share>") from None
    return rates


def default_folder(recipe: Recipe) -> Path:
    """`outputs/<format>-<stem of the first source>-<seed>`; of a glob, its first file's stem."""
    source = recipe.source[0]
    first = source_files(source)[0] if glob.has_magic(source) else Path(source)
    name = stem_of(first) or first.resolve().name
    return Path("outputs") / f"{recipe.format}-{name}-{recipe.seed}"


def available_cores() -> int:
    """The cores that this process may use; fewer than there are on a shared node."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _summary(outcome: Outcome, folder: Path) -> str:
    counted = outcome.manifest["counts"]
    written = ", ".join(f"{name} {count:,}" for name, count in counted["written"].items())
    rejected = sum(counted["rejected"].values())
    left_out = sum(sum(by.values()) for by in counted["left_out"].values())
    first = "already finished" if outcome.finished_before else "finished"
    return (
        f"{first}: {folder}: {sum(counted['written'].values()):,} rows ({written}) from "
        f"{counted['kept']:,} of {counted['source_rows']:,} source rows; {rejected:,} rejected, "
        f"{left_out:,} left out of a type (rejected.parquet and left_out.parquet name each)"
    )
