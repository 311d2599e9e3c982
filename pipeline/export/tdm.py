"""`tdm`: the time slices of Duplex-UltraChat (section 3 of its paper).

A row is a strict alternation of user and assistant slices, `<idle>` for silence.
Nothing is copied slice by slice: the texts lie in one buffer, a slice is a pair
of offsets, and an index says which slice stands where.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from ..dialogue import ROLES
from ..markers import IDLE
from ..slice.columns import Ints, SlicedRows, count_up
from ..slice.joining import SPACES
from .columns import MESSAGE, message_lists, row_schema, to_table
from .spaces import spaces_of

SCHEMA = row_schema(pa.field("output", pa.list_(MESSAGE)))


def render(rows: SlicedRows) -> pa.Table:
    """A row a script; the schema's metadata holds what stands between slices (`SPACES`)."""
    spoken, heard = rows.spoken, rows.heard
    total = int(rows.pairs.sum())
    pool, firsts, edges = _pool(rows)
    # Where each utterance's first slice stands among all contents of all rows.
    row_begins = np.repeat(np.cumsum(rows.pairs) - rows.pairs, spoken.counts)
    places = 2 * (row_begins + rows.starts) + ~spoken.is_user
    index = np.zeros(2 * total, dtype=np.int32)
    index[:] = len(pool) - 1  # <idle>
    twice = 2 * count_up(heard)
    index[np.repeat(places, heard) + twice] = np.repeat(firsts, heard) + twice
    contents = pool.take(pa.array(index))
    table = to_table(
        rows,
        SCHEMA,
        {"output": message_lists(2 * rows.pairs, _roles(total), contents)},
        starts=rows.starts,
        slices=heard,
    )
    gaps = edges[1::2], edges[2::2]
    return table.replace_schema_metadata({SPACES: orjson.dumps(spaces_of(rows, gaps))})


def _pool(rows: SlicedRows) -> tuple[pa.StringArray, Ints, npt.NDArray[np.int32]]:
    """All slices of all utterances as one string array, `<idle>` last.

    Returns:
        The array, for each utterance the element of its first slice, and the edges of all
        elements in the data. The next slices are two elements apart: between two stands the
        white space that no slice carries, which between those of an answer is nothing.
    """
    data, idle = rows.spoken.data, IDLE.encode()
    # A slice, what follows it, the second slice, ..., what follows the last, <idle>.
    edges = np.empty(2 * len(rows.begins) + 2, dtype=np.int32)
    edges[0:-2:2] = rows.begins
    edges[1:-2:2] = rows.ends
    edges[-2:] = len(data), len(data) + len(idle)
    pool = pa.StringArray.from_buffers(
        len(edges) - 1, pa.py_buffer(edges), pa.py_buffer(data + idle)
    )
    return pool, 2 * (np.cumsum(rows.counts) - rows.counts), edges[:-1]


def _roles(pairs: int) -> pa.StringArray:
    """Both roles in turn, so many times."""
    # The same again and again, so made for the next power of two and kept.
    return _roles_of(1 << pairs.bit_length()).slice(0, 2 * pairs)


@lru_cache(maxsize=1)
def _roles_of(pairs: int) -> pa.StringArray:
    texts = [role.encode() for role in ROLES]
    begins = sum(map(len, texts)) * np.arange(pairs + 1, dtype=np.int32)
    edges = np.stack((begins, begins + len(texts[0])), axis=1).ravel()[:-1]
    data = b"".join(texts) * pairs
    return pa.StringArray.from_buffers(2 * pairs, pa.py_buffer(edges), pa.py_buffer(data))
