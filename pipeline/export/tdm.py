"""`tdm`: the time slices of Duplex-UltraChat (section 3 of its paper).

A row is a strict alternation of user and assistant slices, `<idle>` for silence.
Nothing is copied slice by slice: the texts lie in one buffer, a slice is a pair
of offsets, and an index says which slice stands where.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..markers import IDLE
from ..slice.schedule import SlicedScript
from .columns import MESSAGE, message_lists, row_schema, to_table

SCHEMA = row_schema(pa.field("output", pa.list_(MESSAGE)))

Ints = npt.NDArray[np.int64]


def render(sliced: Sequence[SlicedScript]) -> pa.Table:
    """A row a script."""
    pairs = [one.pairs for one in sliced]
    total = sum(pairs)
    pool, firsts, strides = _pool(sliced)
    counts = np.array([count for one in sliced for count in one.heard], dtype=np.int64)
    # Where each utterance's first slice stands among all contents of all rows.
    row_begins = (np.cumsum(pairs, dtype=np.int64) - pairs).astype(np.int64).tolist()
    places = np.array(
        [
            2 * (begin + start) + (utterance.role == "assistant")
            for one, begin in zip(sliced, row_begins, strict=True)
            for utterance, start in zip(one.script.utterances, one.starts, strict=True)
        ],
        dtype=np.int64,
    )
    index = np.zeros(2 * total, dtype=np.int32)  # 0 is <idle>
    nth = _count_up(counts)
    index[np.repeat(places, counts) + 2 * nth] = (
        np.repeat(firsts, counts) + np.repeat(strides, counts) * nth
    )
    contents = pool.take(pa.array(index))
    roles = pa.array(["user", "assistant"]).take(
        pa.array(np.tile(np.array([0, 1], dtype=np.int8), total))
    )
    return to_table(
        sliced,
        SCHEMA,
        {"output": message_lists([2 * count for count in pairs], roles, contents)},
        starts=[start for one in sliced for start in one.starts],
        slices=[count for one in sliced for count in one.heard],
    )


def _pool(sliced: Sequence[SlicedScript]) -> tuple[pa.StringArray, Ints, Ints]:
    """All heard slices of all utterances as one string array, `<idle>` first.

    Returns:
        The array; for each utterance the element of its first slice, and the
        step to its next. An answer's slices touch. Between those of a message
        stands the white space that no slice carries, an element of its own.
    """
    texts = [IDLE.encode()]
    begins = [np.zeros(1, dtype=np.int64)]
    firsts, strides = [], []
    bytes_before, elements = len(texts[0]), 1
    for one in sliced:
        for utterance, slices, heard in zip(
            one.script.utterances, one.slices, one.heard, strict=True
        ):
            if utterance.role == "user":
                edges = np.empty(2 * heard - 1, dtype=np.int64)
                edges[0::2] = slices.begins[:heard]
                edges[1::2] = slices.ends[: heard - 1]
                strides.append(2)
            else:
                edges = slices.begins[:heard]
                strides.append(1)
            firsts.append(elements)
            begins.append(edges + bytes_before)
            text = slices.data[: slices.ends[heard - 1]]
            texts.append(text)
            bytes_before += len(text)
            elements += len(edges)
    offsets = np.concatenate([*begins, [bytes_before]]).astype(np.int32)
    pool = pa.StringArray.from_buffers(
        elements, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))
    )
    return pool, np.array(firsts, dtype=np.int64), np.array(strides, dtype=np.int64)


def _count_up(counts: Ints) -> Ints:
    """0..n-1 for each n, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - counts, counts)
