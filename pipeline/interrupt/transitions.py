"""Transition sentences: what a user says when cutting in."""

import re
import tomllib
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ... import prompts
from ..errors import PromptError

_KINDS = {
    "generation_termination": ("stop", "interjection"),
    "regeneration": ("restate", "contradict"),
    "dialogue_reset": ("change",),
    "back_on_topic": (
        "aside_repeat",
        "aside_item",
        "aside_spelling",
        "answer_repeat",
        "answer_item",
        "answer_spelling",
        "bridge",
    ),
}

# What the sentences of a kind are filled with; the others hold no slot.
_SLOTS = {
    "aside_item": {"n"},
    "aside_spelling": {"term"},
    "answer_repeat": {"sentence"},
    "answer_item": {"n"},
    "answer_spelling": {"term", "letters"},
}

_SLOT = re.compile(r"\{(\w+)\}")

# A user may just speak the next message, or start another dialogue; the other kinds say something.
_MAY_BE_EMPTY = ("interjection", "change")


@dataclass(frozen=True, slots=True)
class Transitions:
    """The transitions of a language, by interaction type and kind.

    Attributes:
        kinds: `(type, kind)` to the sentences, in the file's order.
        fingerprint: a sha256 of the file.
    """

    kinds: dict[tuple[str, str], tuple[str, ...]]
    fingerprint: str


def load_transitions(language: str, own_file: str | None) -> Transitions:
    """Reads the transitions of a language.

    Args:
        language: whose shipped file is read.
        own_file: a user's own; its tables take the place of the shipped ones.

    Raises:
        PromptError: a file cannot be read, or is not laid out as prompts/en/transitions.toml.
    """
    shipped = files(prompts) / language / "transitions.toml"
    data, content = _read(shipped)
    where = dict.fromkeys(content, str(shipped))
    if own_file:
        own_data, own = _read(Path(own_file))
        unknown = sorted(set(own) - set(_KINDS))
        if unknown or not own:
            raise PromptError(
                f"{own_file}: {unknown[0] if unknown else 'nothing'} is no type with transitions; "
                f"those are {', '.join(_KINDS)}"
            )
        data += own_data
        content |= own
        where |= dict.fromkeys(own, own_file)
    kinds = {
        (type_name, kind): _sentences(content[type_name], type_name, kind, where[type_name])
        for type_name, names in _KINDS.items()
        for kind in names
    }
    for type_name, names in _KINDS.items():
        held = [name for name in names if kinds[type_name, name]]
        if not held or (type_name == "back_on_topic" and len(held) < len(names)):
            missing = ", ".join(name for name in names if name not in held)
            raise PromptError(f"{where[type_name]}: [{type_name}] lacks {missing}")
    return Transitions(kinds, sha256(data).hexdigest())


def _read(place: Path | Traversable) -> tuple[bytes, dict[str, object]]:
    try:
        data = place.read_bytes()
        return data, tomllib.loads(data.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PromptError(f"cannot read the transitions {place}: {error}") from error


def _sentences(table: object, type_name: str, kind: str, where: str) -> tuple[str, ...]:
    found = table.get(kind, []) if isinstance(table, dict) else []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise PromptError(f"{where}: {type_name}.{kind} is no list of sentences")
    sentences = tuple(one.strip() for one in found)
    for sentence in sentences:
        if len(sentence.splitlines()) > 1 or (kind not in _MAY_BE_EMPTY and not sentence):
            raise PromptError(
                f"{where}: {type_name}.{kind}: {sentence!r} is no sentence on one line"
            )
        slots = set(_SLOT.findall(sentence))
        if slots != _SLOTS.get(kind, set()):
            raise PromptError(
                f"{where}: {type_name}.{kind}: {sentence!r} must hold the slots "
                f"{', '.join(sorted(_SLOTS.get(kind, {'none'})))}"
            )
    if len(set(sentences)) < len(sentences):
        raise PromptError(f"{where}: {type_name}.{kind} holds a sentence twice")
    return sentences
