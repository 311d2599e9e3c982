"""What the commands do: flags into a recipe, a run, and what is said at its end."""

import glob
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .build import Outcome, build
from .engine import ENGINES
from .errors import RecipeError
from .generate import WRITERS
from .generate.server import with_server
from .interrupt import TYPES, default_rates
from .light_arrow import keep_pandas_out
from .load.files import source_files, stem_of
from .recipe import Recipe, make_recipe, with_rates
from .screen import Screen

if TYPE_CHECKING:
    from .generate.means import Means


def run_build(
    flags: Mapping[str, Any],
    *,
    config: Path | None,
    out: Path | None,
    workers: int | None,
    engine: str,
    overwrite: bool,
    asking: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    retry_failed: bool = False,
) -> Path:
    """Builds what the flags and the recipe file say.

    Args:
        flags: that are knobs of the recipe.
        config: the recipe file.
        out: the run's folder.
        workers: processes.
        engine: where blocks run.
        overwrite: start the folder anew.
        asking: how a model is asked, as `Means` names it.
        limits: of that, as `Limits` names them.
        retry_failed: ask anew what the server had failed to answer.

    Returns:
        The run's folder.

    Raises:
        DuplexdataError: it did not succeed.
    """
    keep_pandas_out()
    recipe = resolve_recipe(flags, config)
    engine = _known(engine)
    folder = out or default_folder(recipe)
    screen = Screen()
    outcome = build(
        recipe,
        folder,
        workers=workers or available_cores(),
        engine=engine,
        overwrite=overwrite,
        screen=screen,
        means=means_of(recipe, asking or {}, limits or {}),
        retry_failed=retry_failed,
    )
    screen.say(_summary(outcome, folder))
    return folder


def run_estimate(
    flags: Mapping[str, Any],
    *,
    config: Path | None,
    workers: int | None,
    engine: str,
    asking: Mapping[str, Any],
    limits: Mapping[str, Any],
) -> Iterator[str]:
    """Says what a build of the same flags would ask a model; see `run_build`.

    Raises:
        DuplexdataError: a flag, the recipe or a source is wrong.
    """
    keep_pandas_out()
    from .estimate import estimate

    recipe = resolve_recipe(flags, config)
    means = means_of(recipe, asking, limits)
    yield from estimate(recipe, means, workers=workers or available_cores(), engine=_known(engine))


def run_explain(
    folder: Path, row_id: str, *, cache: Path | None, workers: int | None, engine: str
) -> Iterator[str]:
    """Tells how a row came to be.

    Raises:
        DuplexdataError: there is no such run or row.
    """
    keep_pandas_out()
    from .explain import explain
    from .generate.means import Means

    means, count = Means(cache=cache), workers or available_cores()
    yield from explain(folder, row_id, means, workers=count, engine=_known(engine))


def run_cache(
    action: str,
    folder: Path | None,
    *,
    fake: bool,
    run: Path | None,
    workers: int | None,
    engine: str,
    **how: Any,
) -> Iterator[str]:
    """Does something with the store of replies; see `kept_replies`.

    Raises:
        DuplexdataError: it cannot be done.
    """
    keep_pandas_out()
    from .generate.means import store_of
    from .kept_replies import kept_replies

    store, count = store_of(folder, fake=fake), workers or available_cores()
    yield from kept_replies(action, store, run=run, workers=count, engine=_known(engine), **how)


def _known(engine: str) -> str:
    if engine not in ENGINES:
        raise RecipeError(f"--engine {engine}: it must be one of {', '.join(ENGINES)}")
    return engine


def means_of(
    recipe: Recipe, asking: Mapping[str, Any], limits: Mapping[str, Any]
) -> "Means | None":
    """How a recipe's model is asked; None where none is.

    Raises:
        RecipeError: a limit cannot be kept.
    """
    if not WRITERS[recipe.llm].asks:
        return None
    from .generate.means import Means
    from .generate.pace import Limits

    return Means(Limits(**limits), **asking)


def resolve_recipe(flags: Mapping[str, Any], config: Path | None) -> Recipe:
    """The recipe of a build, every default filled in.

    Raises:
        RecipeError: a value cannot be, or no format is named.
    """
    given = dict(flags)
    if "rates" in given:
        given["rates"] = parse_rates(given["rates"])
    recipe = make_recipe(given, config, default_rates())
    unknown = set(recipe.rates) - set(TYPES)
    if unknown:
        raise RecipeError(f"no type {', '.join(sorted(unknown))}; the types are {', '.join(TYPES)}")
    recipe = with_rates(recipe, recipe.rates)
    if not recipe.rates:
        raise RecipeError("every type's rate is 0: there is nothing to build")
    return with_server(recipe)


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
