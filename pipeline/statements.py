"""The bank of statements, shipped and a user's own."""

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from itertools import chain
from pathlib import Path

from .. import prompts
from .chance import Draws
from .errors import PromptError

NAME_SLOT = "{topic}"

_NAMES = {"en": "Lisbon", "zh": "里斯本"}
_FULL_STOPS = {"en": ". ", "zh": "。"}
_SPACES = {"en": " ", "zh": ""}
_ENDS = tuple(".!?…。！？")
_TRIES = 8
"""Draws before a statement is said a second time in one script."""


@dataclass(frozen=True, slots=True)
class Bank:
    """What a user may say that needs no answer, by kind.

    Attributes:
        plain: for each kind, what can be said about anything.
        topic: for each kind, what can be said about `{topic}`, a name.
        fingerprint: a sha256 of the file.
    """

    plain: tuple[tuple[str, ...], ...]
    topic: tuple[tuple[str, ...], ...]
    fingerprint: str

    def pick(self, draws: Draws, name: str | None, said: Collection[str]) -> tuple[int, str]:
        """A kind, each as likely, and a statement of it that was not said yet."""
        kind, statement = 0, ""
        for attempt in range(_TRIES):
            kind = draws.below(len(self.plain), 2 * attempt)
            options = self.plain[kind] + (self.topic[kind] if name else ())
            statement = draws.pick(options, 2 * attempt + 1)
            if statement not in said:
                break
        return kind, statement

    def more(self, draws: Draws, kind: int, said: Collection[str]) -> str | None:
        """Another of this kind that was not said yet, of anything; None if none is found."""
        for attempt in range(_TRIES):
            statement = draws.pick(self.plain[kind], attempt)
            if statement not in said:
                return statement
        return None


def joined(statements: Sequence[str], language: str) -> str:
    """Several statements said in one breath; one without an end mark gets a full stop."""
    text = statements[0]
    for statement in statements[1:]:
        text += (_SPACES if text.endswith(_ENDS) else _FULL_STOPS)[language] + statement
    return text


def load_bank(language: str, own_file: str | None) -> Bank:
    """Reads the statements of a language, shipped or a user's own.

    Raises:
        PromptError: the file cannot be read, or holds what is no statement (rule 7).
    """
    place = Path(own_file) if own_file else files(prompts) / language / "statements.toml"
    try:
        data = place.read_bytes()
        kinds = tomllib.loads(data.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PromptError(f"cannot read the statements {place}: {error}") from error
    plain = tuple(_read(kinds[kind], "plain", kind, str(place)) for kind in kinds)
    topic = tuple(_read(kinds[kind], "topic", kind, str(place)) for kind in kinds)
    if own_file:  # a test sees to the shipped ones
        for statement in chain.from_iterable((*plain, *topic)):
            _check(statement, language, own_file)
    if not plain or not all(plain):
        raise PromptError(f"{place}: every kind needs statements in `plain`")
    return Bank(plain, topic, sha256(data).hexdigest())


def _read(table: object, key: str, kind: str, where: str) -> tuple[str, ...]:
    found = table.get(key, []) if isinstance(table, dict) else []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise PromptError(f"{where}: {kind}.{key} is no list of statements")
    for statement in found:
        if (NAME_SLOT in statement) != (key == "topic"):
            raise PromptError(
                f"{where}: {kind}.{key}: {statement!r}: {NAME_SLOT} belongs in `topic`, "
                "and only there"
            )
    return tuple(found)


def _check(statement: str, language: str, where: str) -> None:
    """Raises a PromptError where a text is no statement (rule 7)."""
    from .declarative import fault  # its patterns take time to compile

    wrong = fault(statement.replace(NAME_SLOT, _NAMES[language]), language)
    if wrong:
        raise PromptError(f"{where}: {statement!r}: {wrong}")
