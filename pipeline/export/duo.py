"""`duo`: the state tokens of DUO (section 2.3 of its paper).

Turns as in ordinary chat data. A user content ends in its state token; an
assistant content is what was heard, empty after a stop.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ..dialogue import ROLES, State
from ..markers import STATE_TOKENS
from ..slice.columns import SlicedRows
from .columns import MESSAGE, list_offsets, message_lists, row_schema, to_table

SCHEMA = row_schema(
    pa.field("messages", pa.list_(MESSAGE)),
    pa.field("states", pa.list_(pa.string())),
)


def render(rows: SlicedRows) -> pa.Table:
    """A row a script; silence has no place in this format.

    A statement over an answer stands between the answer's two parts; after a stop
    stands an assistant message with empty content.
    """
    spoken = rows.spoken
    over = spoken.is_statement & (spoken.at >= 0)
    stop = np.array([state == "stop" for state in spoken.states], dtype=np.bool_)
    more = (over | stop).astype(np.int64)  # behind each stands one message more
    places = np.arange(len(more)) + np.cumsum(more) - more
    count = len(more) + int(more.sum())
    begins, ends = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    begins[places] = spoken.begins
    ends[places] = spoken.begins + spoken.heard
    roles, states = np.ones(count, dtype=np.int8), np.full(count, None, dtype=object)
    roles[places] = ~spoken.is_user
    states[places] = spoken.states
    for number in np.flatnonzero(over).tolist():
        # It follows the answer that it is spoken over.
        answer, rest = places[number] - 1, places[number] + 1
        begins[rest], ends[rest] = begins[answer] + spoken.at[number], ends[answer]
        ends[answer] = begins[rest]
    added = np.concatenate(([0], np.cumsum(more)))
    after = np.cumsum(spoken.counts)
    lengths = spoken.counts + added[after] - added[after - spoken.counts]
    return to_table(
        rows,
        SCHEMA,
        {
            "messages": message_lists(
                lengths,
                pa.array(ROLES).take(pa.array(roles)),
                _contents(spoken.data, begins.tolist(), ends.tolist(), states.tolist()),
            ),
            "states": pa.ListArray.from_arrays(
                list_offsets(lengths), pa.array(states.tolist(), pa.string())
            ),
        },
        starts=places - np.repeat(np.cumsum(lengths) - lengths, spoken.counts),
        slices=None,
    )


def _contents(
    data: bytes, begins: Sequence[int], ends: Sequence[int], states: Sequence[State | None]
) -> pa.StringArray:
    """The texts of messages, those of the user with their state tokens."""
    tokens = {state: token.encode() for state, token in STATE_TOKENS.items()}
    texts = [
        data[begin:end] + tokens[state] if state else data[begin:end]
        for begin, end, state in zip(begins, ends, states, strict=True)
    ]
    edges = list_offsets(list(map(len, texts)))
    return pa.StringArray.from_buffers(
        len(texts), edges.buffers()[1], pa.py_buffer(b"".join(texts))
    )
