"""What a layout of rows that are conversations already makes of one: a script, not yet named."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...dialogue import ROLES, Utterance
from ...script_rows import ScriptRowError, check_utterances
from ..rejects import Reject

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RawScript:
    """A row as a script, its texts as they stand there.

    Attributes:
        id: the row's own, if it has one.
        type: the interaction type.
        language: as the row says, or as its slices were read.
        source_ids: the dialogues that it was made of; empty where the row does not say.
        utterances: in order.
        finished: whether it is a script of duplexdata's own, id, statements and all.
        read_as: what was decided by rule, and how often.
    """

    id: Any
    type: str
    language: str
    source_ids: tuple[str, ...]
    utterances: tuple[Utterance, ...]
    finished: bool
    read_as: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class ScriptLayout:
    """How rows of one kind are read as scripts.

    Attributes:
        name: what `--layout` calls it.
        shape: what a row looks like, for people.
        columns: the keys of a row that it reads.
        fits: whether a row has the keys of this layout.
        read: the script of a row, given the row, its file's stem, and the language that is
            forced on it or `auto`; raises Reject.
    """

    name: str
    shape: str
    columns: tuple[str, ...]
    fits: Callable[[Values], bool]
    read: Callable[[Values, str, str], RawScript]


@dataclass(frozen=True, slots=True)
class Part:
    """What the `utterances` column says of one: all but what is heard of its text."""

    role: str
    state: str | None
    start: int
    slices: int | None
    over: bool
    kind: str
    origin: str
    unheard: str


_FIELDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("role", (str,)),
    ("state", (str, type(None))),
    ("start", (int,)),
    ("slices", (int, type(None))),
    ("over", (bool,)),
    ("kind", (str,)),
    ("origin", (str,)),
    ("unheard", (str,)),
)

OWN_COLUMNS = ("id", "type", "language", "utterances", "source_ids")
"""The columns of both formats that say more than what was said."""


def has_utterances(row: Values, column: str) -> bool:
    """Whether a row of duplexdata's own has this column beside its utterances."""
    return isinstance(row.get("utterances"), list) and isinstance(row.get(column), list)


def contents_of(items: Any, *, alternating: bool) -> list[str]:
    """The contents of a list of `{"role", "content"}`, the user's first.

    Args:
        items: the list.
        alternating: whether roles must alternate strictly, in pairs.

    Raises:
        Reject: a role or a content is not as it must be.
    """
    contents = []
    for number, item in enumerate(items, start=1):
        role = item.get("role") if isinstance(item, Mapping) else None
        content = item.get("content") if isinstance(item, Mapping) else None
        if role not in ROLES:
            raise Reject("unknown_role", f"slice or message {number}: {str(role)[:40]!r}")
        if alternating and role != ROLES[(number - 1) % 2]:
            raise Reject("roles_out_of_order", f"slice {number} is the {role}'s")
        if not isinstance(content, str):
            raise Reject("not_text", f"slice or message {number}: {type(content).__name__}")
        try:
            content.encode()
        except UnicodeEncodeError:
            raise Reject("not_text", f"slice or message {number}: half a surrogate pair") from None
        contents.append(content)
    if alternating and len(contents) % 2:
        raise Reject("roles_out_of_order", f"{len(contents)} slices are not pairs")
    return contents


def parts_of(row: Values) -> list[Part]:
    """The utterances of a row.

    Raises:
        Reject: a field is missing or of another type.
    """
    parts = []
    for number, value in enumerate(row["utterances"]):
        for name, kinds in _FIELDS:
            found = value.get(name) if isinstance(value, Mapping) else None
            if type(found) not in kinds:
                raise Reject("broken_script", f"utterance {number}: {name} is {found!r}"[:200])
            if isinstance(found, str):
                _check_writable(found, f"utterance {number}: {name}")
        parts.append(Part(**{name: value[name] for name, _kinds in _FIELDS}))
    return parts


def _check_writable(text: str, where: str) -> None:
    """Raises a Reject where a text cannot be written as UTF-8."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Reject("broken_script", f"{where}: half a surrogate pair") from None


def finished_script(
    row: Values, utterances: Sequence[Utterance], read_as: Counter[str]
) -> RawScript:
    """The script that a row of duplexdata's own was rendered from.

    Raises:
        Reject: the row does not name it, or its utterances cannot follow each other so.
    """
    for name in ("id", "type", "language"):
        if not isinstance(row.get(name), str) or not row[name]:
            raise Reject("broken_script", f"{name} is {row.get(name)!r}"[:200])
        _check_writable(row[name], name)
    source_ids = row.get("source_ids")
    if not isinstance(source_ids, list) or not all(isinstance(one, str) for one in source_ids):
        raise Reject("broken_script", "source_ids are no list of texts")
    for one in source_ids:
        _check_writable(one, "source_ids")
    try:
        check_utterances(utterances)
    except ScriptRowError as error:
        raise Reject("broken_script", str(error)) from None
    return RawScript(
        id=row["id"],
        type=row["type"],
        language=row["language"],
        source_ids=tuple(source_ids),
        utterances=tuple(utterances),
        finished=True,
        read_as=read_as,
    )
