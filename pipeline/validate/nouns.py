"""What the checks speak of: rows and their utterances, and what a source holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MESSAGE_COLUMNS = {"tdm": "output", "duo": "messages"}
"""The column that holds what is said, by format."""


EDITED = "edited"
"""The origin of a text that a person changed between two stages."""
RELEASED = "duplex_ultrachat"
"""The origin of texts made out of released slices: what was unheard of a cut is not known."""


class Utterance(NamedTuple):  # a tuple, for of these there are most
    """One utterance of a row, as its column says."""

    role: str
    state: str | None
    start: int
    slices: int | None
    over: bool
    kind: str
    origin: str
    unheard: str


class Row(NamedTuple):  # as above
    """A row, its values of the right types, nothing else checked.

    Attributes:
        number: in its file, from 1.
        format: `tdm` or `duo`.
        utterances: None in the released layout, which has no such column.
        roles: None where the reader saw them alternate, user first, even in number.
        laid_out: whether it saw, too, that of the slices of each side text stands exactly where
            its utterances do, one after the other.
    """

    number: int
    format: str
    id: str | None
    type: str | None
    language: str | None
    roles: Sequence[str] | None
    contents: Sequence[str]
    states: Sequence[str | None] | None
    utterances: Sequence[Utterance] | None
    source_ids: Sequence[str]
    generator: str | None
    laid_out: bool = False


def was_released(utterances: Sequence[Utterance] | None) -> bool:
    """Whether a row was made out of released slices."""
    return any(one.origin == RELEASED for one in utterances or ())


@dataclass(frozen=True, slots=True)
class Malformed:
    """What stands where a row should."""

    number: int
    id: str | None
    expected: str
    found: str


class Said(NamedTuple):  # as above
    """An utterance and its text, drawn out of a row.

    Attributes:
        utterance: whose text it is.
        planned: the assistant's text, heard and unheard; the user's body in duo.
        slices: the user's slices in tdm, else None.
        joined: these with what stands between them, where that is known.
    """

    utterance: Utterance
    planned: str
    slices: Sequence[str] | None
    joined: str | None = None


@dataclass(frozen=True, slots=True)
class SourceDialogue:
    """A source row, as a dialogue: texts of user and assistant in turn, untrimmed.

    Attributes:
        system: how many system messages were dropped of the row.
        trailing: how many messages at its end that nobody answered.
    """

    turns: tuple[str, ...]
    system: int = 0
    trailing: int = 0
