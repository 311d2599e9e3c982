"""How rows were made, as far as checking them needs it: manifest first, flags before it.

A build that did not end has no manifest yet, but names its recipe in its working folder.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import FolderError, RecipeError
from .budget import SIDES, Budget, budget_of

DEFAULT_TOKENIZER = "cl100k_base"
DEFAULT_SLICE_TOKENS = 10
DEFAULT_TAIL_IDLE = 1
_MANIFEST = "manifest.json"
_IDENTITY = ".work/identity.json"
LANGUAGES = ("en", "zh")
"""What a row's language may be."""

DEFAULT_MARKERS = (
    *("<idle>", "<1>", "<2>", "<用户>", "<AI>", "<s>", "</s>", "<unk>"),
    *("<s0>", "<s1>", "<s2>", "<s3>", "<s4>", "<s5>", "<user>", "<assistant>"),
)
"""The markers of the shipped profiles, for rows that come without a manifest."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the rows were made with.

    Attributes:
        tokenizer: what `load_tokenizer` knows it by.
        slice_tokens: tokens an assistant slice.
        tail_idle: idle pairs at the end of a tdm row.
        markers: the control tokens that no text may hold.
        budget: of the text of a row, if there is one.
        manifest: the manifest beside the rows, or None.
        identity: what the run names itself by, recipe and tokenizer: the manifest's, or that of
            a build that did not end; None where nothing says.
        folder: where the manifest lies, or None.
        unfinished: whether the rows lie in the folder of a build that did not end.
        said: where these values come from, in words.
    """

    tokenizer: str
    slice_tokens: int
    tail_idle: int
    markers: tuple[str, ...]
    budget: Budget | None = None
    manifest: dict[str, Any] | None = field(default=None, repr=False)
    identity: dict[str, Any] | None = field(default=None, repr=False)
    folder: Path | None = None
    unfinished: bool = False
    said: tuple[str, ...] = ()

    @property
    def of_rows(self) -> bool:
        """Whether rows were made of rows, in part or all, with cuts of another recipe."""
        counts = (self.manifest or {}).get("counts")
        return isinstance(counts, Mapping) and bool(counts.get("scripts"))

    def of_each_row(self) -> "Settings":
        """What of it a single row is checked with: little, however many files there are."""
        return replace(
            self,
            manifest=_only(("recipe", "counts"), self.manifest),
            identity=_only(("tokenizer",), self.identity),
        )


def _only(names: Sequence[str], values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: values[name] for name in names if name in values}


def read_settings(path: Path, tokenizer: str | None, slice_tokens: int | None) -> Settings:
    """Settings from the flags, else from the run around the rows, else the defaults.

    Args:
        path: what is validated: a run's folder, its `data`, or a file of rows.
        tokenizer: the flag, if it was given.
        slice_tokens: the flag, if it was given.

    Raises:
        FolderError: there is a manifest, or what stands for it, and it cannot be read.
        RecipeError: a flag has a value that it cannot have.
    """
    if slice_tokens is not None and slice_tokens < 1:
        raise RecipeError(f"--slice-tokens {slice_tokens}: it must be 1 or more")
    around = _folders_around(path)
    folder = next((one for one in around if (one / _MANIFEST).is_file()), None)
    named = [folder / _MANIFEST] if folder else [one / _IDENTITY for one in around]
    file = next((one for one in named if one.is_file()), None)
    identity = _read_manifest(file) if file else None
    manifest = identity if folder else None
    recipe = identity["recipe"] if identity else {}
    if file:
        _check_recipe(file, recipe)
    settings = {
        "tokenizer": tokenizer or recipe.get("tokenizer", DEFAULT_TOKENIZER),
        "slice_tokens": slice_tokens or recipe.get("slice_tokens", DEFAULT_SLICE_TOKENS),
        "tail_idle": recipe.get("tail_idle", DEFAULT_TAIL_IDLE),
    }
    values = (
        f"tokenizer {settings['tokenizer']}, {settings['slice_tokens']} tokens a slice, "
        f"idle pairs at the end: {settings['tail_idle']}"
    )
    flags = [
        name
        for name, given in (("--tokenizer", tokenizer), ("--slice-tokens", slice_tokens))
        if given
    ]
    origin = "the defaults: no manifest.json is beside them"
    if identity:
        origin = f"from {_MANIFEST if manifest else f'{_IDENTITY}: the build did not end'}"
    if flags:
        origin = f"{' and '.join(flags)} as given, the rest {origin}"
    return Settings(
        **settings,
        markers=tuple(recipe.get("markers", DEFAULT_MARKERS)),
        budget=budget_of(
            recipe.get("max_tokens"), recipe.get("shorten", "end"), recipe.get("statements", 0)
        ),
        manifest=manifest,
        identity=identity,
        folder=folder,
        unfinished=not folder and any((one / ".work").is_dir() for one in around),
        said=(f"{values} ({origin})",),
    )


def _folders_around(path: Path) -> tuple[Path, ...]:
    """The folders whose manifest would speak of the rows at `path`."""
    here = path if path.is_dir() else path.parent
    return (here, here.parent) if here.resolve().name == "data" else (here,)


def _check_recipe(file: Path, recipe: Mapping[str, Any]) -> None:
    """What the rows are read with must be of the right kind."""
    wrong = [] if isinstance(recipe.get("tokenizer", ""), str) else ["tokenizer"]
    for name, least in (("slice_tokens", 1), ("tail_idle", 0), ("max_tokens", 1)):
        value = recipe.get(name, least)
        if type(value) is not int or value < least:
            wrong.append(name)
    markers = recipe.get("markers", [])
    if not isinstance(markers, list) or not all(isinstance(one, str) for one in markers):
        wrong.append("markers")
    if recipe.get("shorten", "end") not in SIDES:
        wrong.append("shorten")
    if wrong:
        said = ", ".join(f"{name} {recipe[name]!r}" for name in wrong)
        raise FolderError(f"{file}: its recipe has {said}; build the folder anew")


def _read_manifest(file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise FolderError(
            f"{file} cannot be read as JSON: {error}; build the folder anew"
        ) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("recipe"), dict):
        raise FolderError(
            f"{file} is no manifest of a build (it has no recipe); validate a file of rows "
            "from elsewhere in a folder of its own"
        )
    return manifest
