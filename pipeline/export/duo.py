"""`duo`: the state tokens of DUO (section 2.3 of its paper).

Turns as in ordinary chat data. A user content ends in its state token; an
assistant content is what was heard, empty after a stop.
"""

from collections.abc import Sequence

import pyarrow as pa

from ..dialogue import State, Utterance
from ..markers import STATE_TOKENS
from ..slice.schedule import SlicedScript
from .columns import MESSAGE, message_lists, row_schema, to_table

SCHEMA = row_schema(
    pa.field("messages", pa.list_(MESSAGE)),
    pa.field("states", pa.list_(pa.string())),
)


def render(sliced: Sequence[SlicedScript]) -> pa.Table:
    """A row a script; silence has no place in this format."""
    roles: list[str] = []
    contents: list[str] = []
    states: list[list[str | None]] = []
    starts: list[int] = []
    for one in sliced:
        messages, places = _messages(one.script.utterances)
        starts += places
        roles += [role for role, _, _ in messages]
        contents += [content for _, content, _ in messages]
        states.append([state for _, _, state in messages])
    messages = message_lists(
        [len(row) for row in states], pa.array(roles, pa.string()), pa.array(contents, pa.string())
    )
    return to_table(
        sliced,
        SCHEMA,
        {"messages": messages, "states": pa.array(states, pa.list_(pa.string()))},
        starts=starts,
        slices=[None] * len(starts),
    )


_Message = tuple[str, str, State | None]
"""A role, a content, and beside a user's the state."""


def _messages(utterances: Sequence[Utterance]) -> tuple[list[_Message], list[int]]:
    """The turns of a script, and at which of them each utterance begins.

    A statement over an answer stands between the answer's two parts; after a stop
    stands an assistant message with empty content.
    """
    messages: list[_Message] = []
    places: list[int] = []
    for one in utterances:
        text = one.text[: one.heard]
        if one.state == "statement" and one.at >= 0:
            # It follows the answer that it was spoken over (its number is its message's).
            role, whole, state = messages.pop()
            messages.append((role, whole[: one.at], state))
            places.append(len(messages))
            messages.append((one.role, text + STATE_TOKENS[one.state], one.state))
            messages.append((role, whole[one.at :], state))
            continue
        places.append(len(messages))
        if one.state is None:
            messages.append((one.role, text, None))
            continue
        messages.append((one.role, text + STATE_TOKENS[one.state], one.state))
        if one.state == "stop":
            messages.append(("assistant", "", None))
    return messages, places
