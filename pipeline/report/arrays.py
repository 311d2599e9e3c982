"""Arrow columns as NumPy arrays, and texts out of running sums."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]


def bounds_of(lists: pa.ListArray) -> Ints:
    """Where each list begins in the flattened values, and where the last ends."""
    return running(numbers_of(pc.list_value_length(lists)))


def is_user(messages: pa.StructArray) -> Bools:
    """Which messages are the user's."""
    return true(pc.equal(pc.struct_field(messages, "role"), "user"))


def true(values: pa.BooleanArray) -> Bools:
    """Truth values; null is false."""
    found: Bools = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return found


def objects(values: pa.StringArray) -> Objects:
    """Strings and None."""
    return np.array(values.to_pylist(), dtype=object)


def numbers_of(values: pa.Array) -> Ints:
    """Numbers; null is 0."""
    found: Ints = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def running(lengths: Ints) -> Ints:
    """What comes before each length, and their sum at the end."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))


def texts_between(parts: pa.StringArray, begins: Ints, ends: Ints) -> pa.StringArray:
    """Texts out of the parts' joined text, by their bytes; they do not overlap."""
    if not len(begins) or not len(parts):
        return pa.array([""] * len(begins), pa.string())
    _, offsets, data = parts.buffers()
    shift = np.frombuffer(offsets, dtype=np.int32)[parts.offset]
    # What lies between two of them is a text of its own, and not taken.
    edges = np.append(np.stack([begins, ends], axis=1).ravel(), ends[-1]) + shift
    buffers = [None, pa.py_buffer(edges.astype(np.int32)), data]
    whole = pa.Array.from_buffers(pa.string(), 2 * len(begins), buffers)
    return whole.take(pa.array(np.arange(0, 2 * len(begins), 2)))
