"""Prompts: what a model is told to write, by kind of ask and language."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ... import prompts, schemas
from ..errors import PromptError

KINDS = ("fuse", "answer", "aside", "statement", "critique")
AGAIN = "again.toml"
_FAULT_SLOT = "{fault}"


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of a language.

    Attributes:
        instructions: by kind of ask, the system message.
        again: what is said before a reply is asked for once more, with `{fault}`.
        faults: what was wrong, by the fault's name.
        fingerprints: by file name without extension, a sha256 of the file.
    """

    instructions: Mapping[str, str]
    again: str
    faults: Mapping[str, str]
    fingerprints: Mapping[str, str]

    def ask_again(self, fault: str) -> str:
        """What a model is told whose reply has a fault."""
        return self.again.replace(_FAULT_SLOT, self.faults[fault])


def load_prompts(own_folders: Mapping[str, str]) -> dict[str, Prompts]:
    """Reads the prompts, shipped or a user's own; in one process once.

    Args:
        own_folders: by language, a folder whose files take the place of the shipped ones
            of the same names.

    Raises:
        PromptError: a file cannot be read, or is not laid out as the shipped one.
    """
    return _load(tuple(sorted(own_folders.items())))


def forget_prompts() -> None:
    """Makes the next `load_prompts` read everything anew."""
    _load.cache_clear()


@lru_cache(maxsize=1)
def _load(own_folders: tuple[tuple[str, str], ...]) -> dict[str, Prompts]:
    own = dict(own_folders)
    return {language: _load_language(language, own.get(language)) for language in ("en", "zh")}


def _load_language(language: str, own_folder: str | None) -> Prompts:
    shipped = files(prompts) / language
    names = (*(f"{kind}.txt" for kind in KINDS), AGAIN)
    places: dict[str, Path | Traversable] = {name: shipped / name for name in names}
    if own_folder:
        own = [name for name in names if (Path(own_folder) / name).is_file()]
        if not own:
            raise PromptError(
                f"{own_folder}: holds no prompt; the names are {', '.join(names)} "
                f"as in prompts/{language}/"
            )
        places |= {name: Path(own_folder) / name for name in own}
    texts = {name: _read(place) for name, place in places.items()}
    again, faults = _faults(texts[AGAIN], places[AGAIN], shipped / AGAIN)
    return Prompts(
        {kind: texts[f"{kind}.txt"].strip() for kind in KINDS},
        again,
        faults,
        {name.partition(".")[0]: sha256(text.encode()).hexdigest() for name, text in texts.items()},
    )


def _read(place: Path | Traversable) -> str:
    try:
        text = place.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"cannot read the prompt {place}: {error}") from error
    if not text.strip():
        raise PromptError(f"the prompt {place} is empty")
    return text


def _faults(
    text: str, place: Path | Traversable, shipped: Traversable
) -> tuple[str, dict[str, str]]:
    """What is said of a fault; one that a user's file does not name is said as shipped."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"cannot read the prompt {place}: {error}") from error
    ours: dict[str, str] = tomllib.loads(_read(shipped))["faults"]
    again, faults = content.get("again"), content.get("faults", {})
    if not isinstance(again, str) or _FAULT_SLOT not in again:
        raise PromptError(f"{place}: `again` must be a text that holds {_FAULT_SLOT}")
    if not isinstance(faults, dict) or not set(faults) <= set(ours):
        raise PromptError(f"{place}: [faults] must name faults: {', '.join(ours)}")
    return again, ours | {name: str(words) for name, words in faults.items()}


@lru_cache(maxsize=8)
def reply_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a reply of a kind."""
    schema: dict[str, Any] = json.loads((files(schemas) / f"reply_{kind}.json").read_text("utf-8"))
    return schema
