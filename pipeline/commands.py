"""What the commands do: flags into a recipe, a run, and what is said at its end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .build import Outcome, build
from .engine import ENGINES
from .engine.cores import available_cores
from .errors import BuildError, FolderError, RecipeError
from .generate import REQUEST_FAILED, WRITERS
from .generate.server import with_server
from .interrupt import default_rates
from .light_arrow import keep_pandas_out
from .load.layouts import LAYOUTS
from .load.sources import default_name
from .load.urls import local_path
from .mirror import mirror_of, staging_folder
from .recipe import Recipe, make_recipe, with_rates
from .recipe_file import read_recipe
from .screen import Level, Screen

if TYPE_CHECKING:
    from .generate.means import Means

_CLIENT = "openai"
"""The client whose name is not looked at; the default of `Means`."""

_OF_A_MODEL = ("model", "model_strong", "base_url", "critic")
"""Flags that say whom to ask."""


def run_build(
    flags: Mapping[str, Any],
    *,
    config: Path | None,
    out: str | Path | None,
    workers: int | None,
    engine: str,
    overwrite: bool,
    push: str | None = None,
    quiet: bool = False,
    verbose: bool = False,
    asking: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    retry_failed: bool = False,
) -> str:
    """Builds what the flags and the recipe file say.

    Args:
        flags: of the recipe, those that were given.
        config: a recipe file.
        out: the run's folder, or a URL that fsspec knows; None names it after the first source.
        workers: processes; None takes all cores.
        engine: where blocks run.
        overwrite: start the folder anew.
        push: the dataset on the Hub that it is to be published as then, `owner/name`.
        quiet: tell nothing but errors.
        verbose: tell a line a block.
        asking: how a model is asked, as `Means` names it.
        limits: of that, as `Limits` names them.
        retry_failed: ask anew what the server had failed to answer.

    Returns:
        The run's folder, or its URL.

    Raises:
        DuplexdataError: it did not succeed.
    """
    if quiet and verbose:
        raise RecipeError("--quiet and --verbose: only one of them can be")
    keep_pandas_out()
    if push is not None:
        from .publish.push import check_repository

        check_repository(push)
    recipe = resolve_recipe(flags, config)
    engine = _known(engine)
    _check_client(asking or {})
    mirror = mirror_of(str(out)) if out else None
    if mirror is not None and push is not None:
        raise RecipeError("--push publishes a folder on this machine: give a path as --out")
    if push is not None:  # not told only when all is built and paid for
        from .publish.hub import check_client
        from .publish.push import check_sources

        check_client()
        check_sources(recipe.source, push)
    folder = local_path(str(out)) if out else default_folder(recipe)
    if mirror is not None:
        folder = staging_folder(mirror.url)
    shown = mirror.url if mirror else str(folder)
    screen = Screen(Level.QUIET if quiet else Level.VERBOSE if verbose else Level.NORMAL)
    outcome = build(
        recipe,
        folder,
        workers=workers or available_cores(),
        engine=engine,
        overwrite=overwrite,
        screen=screen,
        means=means_of(recipe, asking or {}, limits or {}),
        retry_failed=retry_failed,
        mirror=mirror,
    )
    screen.say(_summary(outcome, shown))
    return shown


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


def _check_client(asking: Mapping[str, Any]) -> None:
    """Refuses a client that there is not, though nobody may be asked by it."""
    if asking.get("client", _CLIENT) != _CLIENT:  # without it nothing is imported
        from .generate.means import Means

        Means(client=asking["client"])


def means_of(
    recipe: Recipe, asking: Mapping[str, Any], limits: Mapping[str, Any]
) -> "Means | None":
    """How a recipe's model is asked; None where none is.

    Raises:
        RecipeError: a limit cannot be kept.
    """
    if asking.get("batch") and recipe.llm != "openai":
        raise RecipeError(f"--batch: batch jobs are sent with --llm openai, not {recipe.llm}")
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
    recipe = _resolved(_parsed(flags), config)
    _check_writer(flags, recipe)
    return recipe


def _check_writer(flags: Mapping[str, Any], recipe: Recipe) -> None:
    """Refuses a model that would not be asked, where nobody said so."""
    named = next((name for name in _OF_A_MODEL if name in flags), None)
    if named and "llm" not in flags and not WRITERS[recipe.llm].asks:
        flag = f"--{named.replace('_', '-')}"
        raise RecipeError(f"{flag}: no model is asked with --llm {recipe.llm}; add --llm openai")


def _parsed(flags: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(flags)
    if "rates" in given:
        given["rates"] = parse_rates(given["rates"])
    return given


def _resolved(given: Mapping[str, Any], config: Path | None) -> Recipe:
    recipe = make_recipe(given, config, default_rates())
    for named in (recipe.layout, *(one.layout for one in recipe.sources)):
        if named not in (None, *LAYOUTS):
            raise RecipeError(f"no layout {named}; the layouts are {', '.join(LAYOUTS)}")
    recipe = with_rates(recipe, recipe.rates)
    if not recipe.rates:
        raise RecipeError("every type's rate is 0: there is nothing to build")
    return with_server(recipe)


def run_load(flags: Mapping[str, Any], *, config: Path | None, out: Path, overwrite: bool) -> None:
    """Reads the sources that the flags and the recipe file name: the first stage.

    Raises:
        DuplexdataError: it did not succeed.
    """
    keep_pandas_out()
    from .stages import run as stages

    with _written(out):
        stages.load(resolve_recipe(flags, config), out, stages.How(1, overwrite, Screen()))


def run_stage(
    name: str,
    folder: Path,
    out: Path,
    flags: Mapping[str, Any],
    *,
    workers: int | None,
    overwrite: bool,
    asking: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
) -> None:
    """Runs a stage on the folder of the one before.

    Args:
        name: of the stage.
        folder: of the stage before.
        out: the folder that it writes.
        flags: of the recipe, that win over what the folder's says.
        workers: processes.
        overwrite: whether what is in `out` is made again.
        asking: how a model is asked, as `Means` names it.
        limits: of that, as `Limits` names them.

    Raises:
        DuplexdataError: it did not succeed.
    """
    keep_pandas_out()
    from .stages import run as stages

    _check_client(asking or {})

    def means(recipe: Recipe) -> "Means | None":
        return means_of(recipe, asking or {}, limits or {})

    how = stages.How(workers or available_cores(), overwrite, Screen(), means)
    if out.resolve() == folder.resolve():
        raise FolderError(f"{out} is the folder of the stage before; choose another --out")
    with _written(out):
        stages.STAGES[name](folder, out, flags, _recipe_again, how)


@contextmanager
def _written(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BuildError(f"could not write to {out}: {error}") from error


def _recipe_again(values: Mapping[str, Any], flags: Mapping[str, Any]) -> Recipe:
    recipe = _resolved({**values, **_parsed(flags)}, None)
    _check_writer(flags, recipe)
    return recipe


def show_recipe(file: Path | None) -> str:
    """The default recipe as TOML; of a file, that it is a recipe.

    Raises:
        RecipeError: the file is none; the message names line and key.
    """
    from .recipe_text import default_recipe

    if file is None:
        return default_recipe(default_rates()).rstrip("\n")
    given = read_recipe(file, default_rates())
    if "format" not in given:
        return f"{file} is a recipe; it names no format, so build needs --format"
    recipe = resolve_recipe({}, file)
    return f"{file} is a recipe: {recipe.format}, sha256 {recipe.digest()}"


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
    return Path("outputs") / f"{recipe.format}-{default_name(recipe.source[0])}-{recipe.seed}"


def _summary(outcome: Outcome, folder: str) -> str:
    counted = outcome.manifest["counts"]
    written = ", ".join(f"{name} {count:,}" for name, count in counted["written"].items())
    rejected = sum(counted["rejected"].values())
    left_out = sum(sum(by.values()) for by in counted["left_out"].values())
    first = "already finished" if outcome.finished_before else "finished"
    failed = sum(counted["left_out"].get(REQUEST_FAILED, {}).values())
    again = f"; {failed:,} for failed requests, which --retry-failed asks again" if failed else ""
    return (
        f"{first}: {folder}: {sum(counted['written'].values()):,} rows ({written}) from "
        f"{counted['kept']:,} of {counted['source_rows']:,} source rows; {rejected:,} rejected, "
        f"{left_out:,} left out of a type (rejected.parquet and left_out.parquet name each){again}"
    )
