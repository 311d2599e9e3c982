"""`duplexdata stats`: what is in rows, in figures."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FolderError, PromptError, RecipeError
from ..recipe import Recipe
from .rows import RowFile, open_rows
from .run_manifest import recipe_beside
from .stats_figures import Figures, figures_of
from .stats_record import hashes_of, is_run, leave_record
from .stats_survey import Job, survey
from .stats_tables import lines_of
from .stats_tokens import FIRST_ROWS
from .stats_transitions import TransitionList, load_lists

PARTED_BY = ("language",)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from, and what they are counted with.

    Attributes:
        files: of one format.
        tokenizer: whose tokens are counted.
        tokenizer_from: who says so: `--tokenizer`, `manifest.json`, or `default`.
        lists: the transitions that an utterance can open with.
        lists_from: whose they are: `shipped`, or `recipe` where it names files of its own.
    """

    files: tuple[RowFile, ...]
    tokenizer: str
    tokenizer_from: str
    lists: Mapping[tuple[str, str], TransitionList]
    lists_from: str

    @property
    def told(self) -> bool:
        """Whether every file has utterances."""
        return not any(file.released for file in self.files)


def stats(
    path: Path,
    *,
    tokenizer: str | None,
    by: str | None,
    as_json: bool,
    all_tokens: bool,
    probes: bool,
    workers: int,
    shown: str | None = None,
    leave: bool = False,
) -> Iterator[str]:
    """The lines that say what is in the rows at a path.

    Args:
        path: a run's folder, a Parquet file, or JSONL in the released layout.
        tokenizer: whose tokens are counted; None is the manifest's, else the default.
        by: what types are parted by: `language`, or None.
        as_json: one JSON object instead of tables.
        all_tokens: whether the tokens of every row are counted, instead of a sample's.
        probes: whether it is also measured what shallow cues tell.
        workers: processes.
        shown: what the path is called; None is as it is.
        leave: whether a run's folder gets the record that its card is written of, once the
            probes were measured too, and tokens by the run's own tokenizer.

    Raises:
        InputError: there are no rows, or what they are counted with cannot be had.
    """
    if by is not None and by not in PARTED_BY:
        raise RecipeError(f"--by {by}: it must be one of {', '.join(PARTED_BY)}")
    if probes:
        from .probes import need_scikit_learn

        need_scikit_learn()
    origin = origin_of(path, tokenizer)
    leave = leave and probes and is_run(path) and origin.tokenizer_from == "manifest.json"
    hashes = hashes_of(path, origin.files) if leave else {}
    figures = counted(path, origin, by=by, all_tokens=all_tokens, workers=workers)
    figures["path"] = shown or str(path)
    if probes:
        figures["probes"] = probed(origin)
    if leave:
        leave_record(path, figures, hashes)
    if as_json:
        yield json.dumps(figures, ensure_ascii=False, indent=2)
    else:
        yield from lines_of(figures)


def counted(
    path: Path, origin: Origin, *, by: str | None = None, all_tokens: bool = False, workers: int
) -> Figures:
    """The figures of rows, without the probes; the arguments are those of `stats`.

    Raises:
        FolderError: no row can be counted.
    """
    job = Job(origin.files, origin.tokenizer, origin.lists, None if all_tokens else FIRST_ROWS)
    found = survey(job, workers)
    if not found.groups:
        raise FolderError(f"{path} holds no row that can be counted: duplexdata validate says why")
    return {
        "path": str(path),
        "files": len(origin.files),
        "transitions_from": origin.lists_from,
        "tokenizer": {"name": origin.tokenizer, "from": origin.tokenizer_from},
        **figures_of(
            found,
            origin.files[0].format,
            origin.lists,
            told=origin.told,
            by_language=by is not None,
        ),
    }


def probed(origin: Origin) -> Figures:
    """What shallow cues tell of rows; scikit-learn is needed."""
    from .probes import probe

    return probe(origin.files, origin.lists)


def origin_of(path: Path, tokenizer: str | None) -> Origin:
    """Where the rows at a path come from, and what they are counted with.

    Args:
        path: a run's folder, a Parquet file, or JSONL in the released layout.
        tokenizer: whose tokens are counted; None is the manifest's, else the default.

    Raises:
        InputError: there are no rows, or what they are counted with cannot be had.
    """
    files = open_rows(path)
    recipe: Mapping[str, Any] | None = recipe_beside(path)
    held = recipe.get("tokenizer") if recipe else None
    if tokenizer:
        name, told_by = tokenizer, "--tokenizer"
    elif isinstance(held, str):
        name, told_by = held, "manifest.json"
    else:
        name, told_by = str(Recipe.__dataclass_fields__["tokenizer"].default), "default"
    own = recipe.get("transitions") if recipe else None
    if own and isinstance(own, dict):
        # Where the rows were taken elsewhere without them, the shipped ones are looked for.
        with suppress(PromptError):
            return Origin(files, name, told_by, load_lists(own), "recipe")
    return Origin(files, name, told_by, load_lists({}), "shipped")
