"""`tdm`: the time slices of Duplex-UltraChat (section 3 of its paper).

A row is a strict alternation of user and assistant slices, `<idle>` for silence.
Nothing is copied slice by slice: the texts lie in one buffer, a slice is a pair
of offsets, and an index says which slice stands where.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from ..dialogue import ROLES
from ..markers import IDLE
from ..slice.joining import SPACES
from ..slice.schedule import SlicedScript
from .columns import MESSAGE, message_lists, row_schema, to_table
from .spaces import RowSpaces, spaces_of

SCHEMA = row_schema(pa.field("output", pa.list_(MESSAGE)))

_NONE = np.zeros(0, dtype=np.int64)
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def render(sliced: Sequence[SlicedScript]) -> pa.Table:
    """A row a script; the schema's metadata holds what stands between slices (`SPACES`)."""
    pairs = [one.pairs for one in sliced]
    total = sum(pairs)
    users = [u.role == "user" for one in sliced for u in one.script.utterances]
    is_user = np.array(users, dtype=np.bool_)
    rows = np.repeat(
        np.arange(len(sliced)), np.array([len(one.starts) for one in sliced], dtype=np.int64)
    )
    pool, firsts, spaces = _pool(sliced, is_user)
    heard = [count for one in sliced for count in one.heard]
    starts = [start for one in sliced for start in one.starts]
    counts = np.array(heard, dtype=np.int64)
    # Where each utterance's first slice stands among all contents of all rows.
    row_begins = np.cumsum(pairs, dtype=np.int64) - np.array(pairs, dtype=np.int64)
    places = 2 * (row_begins[rows] + np.array(starts, dtype=np.int64)) + ~is_user
    index = np.zeros(2 * total, dtype=np.int32)  # 0 is <idle>
    twice = 2 * _count_up(counts)
    index[np.repeat(places, counts) + twice] = np.repeat(firsts, counts) + twice
    contents = pool.take(pa.array(index))
    table = to_table(
        sliced,
        SCHEMA,
        {"output": message_lists([2 * count for count in pairs], _roles(total), contents)},
        starts=starts,
        slices=heard,
    )
    return table.replace_schema_metadata({SPACES: orjson.dumps(spaces)})


def _pool(
    sliced: Sequence[SlicedScript], is_user: Bools
) -> tuple[pa.StringArray, Ints, dict[str, RowSpaces]]:
    """All slices of all utterances as one string array, `<idle>` first.

    Args:
        sliced: the rows.
        is_user: of each utterance.

    Returns:
        The array, for each utterance the element of its first slice, and the white space
        between two slices of a message where it is not the usual. The next slices are two
        elements apart: between two stands the white space that no slice carries, which
        between those of an answer is nothing.
    """
    slices = [each for one in sliced for each in one.slices]
    counts = np.array([len(one.ends) for one in slices], dtype=np.int64)
    idle = IDLE.encode()
    texts = [idle, *(one.data for one in slices)]
    text_begins = np.cumsum([len(one) for one in texts])[:-1]
    shifts = np.repeat(text_begins, counts)
    edges = np.empty(2 * len(shifts) + 2, dtype=np.int32)
    edges[0] = 0
    edges[1:-1:2] = np.concatenate([_NONE, *(one.begins for one in slices)]) + shifts
    edges[2:-1:2] = np.concatenate([_NONE, *(one.ends for one in slices)]) + shifts
    edges[-1] = edges[-2]
    # Element 0 is <idle>, 1 the first slice, 2 what follows it, 3 the second slice, ...
    data = b"".join(texts)
    pool = pa.StringArray.from_buffers(len(edges) - 1, pa.py_buffer(edges), pa.py_buffer(data))
    firsts: Ints = 1 + 2 * (np.cumsum(counts) - counts)
    gaps = edges[2:-1:2], edges[3::2]
    return pool, firsts, spaces_of(sliced, is_user, counts, gaps, data)


def _roles(pairs: int) -> pa.StringArray:
    """Both roles in turn, so many times."""
    texts = [role.encode() for role in ROLES]
    begins = sum(map(len, texts)) * np.arange(pairs + 1, dtype=np.int32)
    edges = np.stack((begins, begins + len(texts[0])), axis=1).ravel()[:-1]
    data = b"".join(texts) * pairs
    return pa.StringArray.from_buffers(2 * pairs, pa.py_buffer(edges), pa.py_buffer(data))


def _count_up(counts: Ints) -> Ints:
    """0..n-1 for each n, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - counts, counts)
