"""Transition sentences: what a user says when cutting in."""

import tomllib
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from ... import prompts
from ..errors import PromptError

_KINDS = {"generation_termination": ("stop", "interjection")}


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
    """Reads the transitions of a language, shipped or a user's own.

    Raises:
        PromptError: the file cannot be read, or is not laid out as prompts/en/transitions.toml.
    """
    place = Path(own_file) if own_file else files(prompts) / language / "transitions.toml"
    try:
        data = place.read_bytes()
        content = tomllib.loads(data.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PromptError(f"cannot read the transitions {place}: {error}") from error
    kinds = {
        (type_name, kind): _sentences(content, type_name, kind, str(place))
        for type_name, names in _KINDS.items()
        for kind in names
    }
    if all(not kinds["generation_termination", kind] for kind in ("stop", "interjection")):
        raise PromptError(f"{place}: [generation_termination] has neither stop nor interjection")
    return Transitions(kinds, sha256(data).hexdigest())


def _sentences(content: object, type_name: str, kind: str, where: str) -> tuple[str, ...]:
    table = content.get(type_name) if isinstance(content, dict) else None
    found = table.get(kind, []) if isinstance(table, dict) else []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise PromptError(f"{where}: {type_name}.{kind} is no list of sentences")
    sentences = tuple(one.strip() for one in found)
    for sentence in sentences:
        if len(sentence.splitlines()) > 1 or (kind == "stop" and not sentence):
            raise PromptError(
                f"{where}: {type_name}.{kind}: {sentence!r} is no sentence on one line"
            )
    if len(set(sentences)) < len(sentences):
        raise PromptError(f"{where}: {type_name}.{kind} holds a sentence twice")
    return sentences
