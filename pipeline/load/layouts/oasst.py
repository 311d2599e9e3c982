"""OpenAssistant message trees: of each tree one path, the longest, the best ranked of these.

A path goes from the prompt down to an answer of the assistant. Of several that are as long
that one is taken which holds the better ranked message where they part; a message without a
rank stands behind those with one, and messages of one rank stand in the file's order.
"""

import math
from collections.abc import Mapping
from typing import Any

from ..rejects import Reject
from .message import Layout, RawDialogue, RawRole

ROLES: Mapping[str, RawRole] = {"prompter": "user", "assistant": "assistant"}

_Path = tuple[Mapping[str, Any], ...]


def _best_path(prompt: Mapping[str, Any]) -> _Path:
    """The longest path that ends in an answer; empty if there is none."""
    if prompt.get("deleted"):
        return ()
    order: list[Mapping[str, Any]] = []
    waiting = [prompt]
    while waiting:  # without recursion: a tree may be as deep as a file is long
        node = waiting.pop()
        order.append(node)
        waiting += _replies(node)
    lengths: dict[int, int] = {}
    for node in reversed(order):  # replies before what they reply to
        below = max((lengths[id(one)] for one in _replies(node)), default=0)
        lengths[id(node)] = below + 1 if below or node.get("role") == "assistant" else 0
    path: list[Mapping[str, Any]] = []
    nodes = [prompt]
    while nodes:
        longest = max(lengths[id(one)] for one in nodes)
        if not longest:
            break
        path.append(min((one for one in nodes if lengths[id(one)] == longest), key=_rank))
        nodes = _replies(path[-1])
    return tuple(path)


def _replies(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    replies = node.get("replies")
    if not isinstance(replies, list):
        return []
    return [one for one in replies if isinstance(one, dict) and not one.get("deleted")]


def _rank(node: Mapping[str, Any]) -> float:
    rank = node.get("rank")
    return rank if isinstance(rank, (int, float)) and not isinstance(rank, bool) else math.inf


def _read(row: Mapping[str, Any]) -> RawDialogue:
    roles, contents = list[RawRole](), []
    for number, node in enumerate(_best_path(row["prompt"]), start=1):
        role = ROLES.get(str(node.get("role")))
        if role is None:
            raise Reject("unknown_role", f"message {number}: {str(node.get('role'))[:40]!r}")
        roles.append(role)
        contents.append(node.get("text"))
    return RawDialogue(row.get("message_tree_id"), roles, contents)


LAYOUT = Layout(
    name="oasst",
    shape='{"message_tree_id", "prompt": {"text", "role", "replies": [...]}}',
    columns=("message_tree_id", "prompt"),
    fits=lambda row: isinstance(row.get("prompt"), dict) and "replies" in row["prompt"],
    read=_read,
)
