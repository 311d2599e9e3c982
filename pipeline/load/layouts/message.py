"""What every layout makes of a row: an id, and messages with a role and a content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, islice
from typing import Any, Literal, NamedTuple

from ...dialogue import ROLES
from ..rejects import Reject

RawRole = Literal["user", "assistant", "system", "tool"]


class RawDialogue(NamedTuple):  # a tuple is made three times as fast, and these are millions
    """A row's own id, if it has one, and its messages in order.

    Attributes:
        id: may be anything.
        roles: of each message.
        contents: of each; may still be anything.
    """

    id: Any
    roles: Sequence[RawRole]
    contents: Sequence[Any]


@lru_cache(maxsize=256)
def in_turn(count: int) -> tuple[RawRole, ...]:
    """So many roles in turn, the user's first."""
    return tuple(islice(cycle(ROLES), count))


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows of one kind are read.

    Attributes:
        name: what `--layout` calls it.
        shape: what a row looks like, for people.
        columns: the keys of a row that it reads.
        fits: whether a row has the keys of this layout.
        read: the row's messages; raises Reject.
    """

    name: str
    shape: str
    columns: tuple[str, ...]
    fits: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], RawDialogue]


def read_messages(
    items: Sequence[Any],
    role_key: str,
    content_key: str,
    roles: Mapping[str, RawRole],
) -> tuple[list[RawRole], list[Any]]:
    """The roles and the contents of messages from a list of objects.

    Args:
        items: the list.
        role_key: the key of the role in an object.
        content_key: the key of the content.
        roles: what each role of the layout stands for.

    Raises:
        Reject: an item is no object, its role is unknown, or it calls a tool.
    """
    found, contents = list[RawRole](), []
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise Reject("unknown_layout", f"message {number} is no object")
        raw_role = item.get(role_key)
        role = roles.get(raw_role) if isinstance(raw_role, str) else None
        if role is None:
            shown = repr(raw_role[:40]) if isinstance(raw_role, str) else type(raw_role).__name__
            raise Reject("unknown_role", f"message {number}: {shown}")
        if role == "tool" or item.get("tool_calls") or item.get("function_call"):
            raise Reject("tool_calls", f"message {number}")
        found.append(role)
        contents.append(item.get(content_key))
    return found, contents
