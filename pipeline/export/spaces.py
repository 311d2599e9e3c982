"""The white space between the word slices of messages, where it is not the usual.

It is in no slice (rule 1), so without it a message of a tdm row could not be had again.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..slice.joining import usual_space
from ..slice.schedule import SlicedScript

_SPACE = 0x20

RowSpaces = dict[str, list[tuple[int, str]]]


def spaces_of(
    sliced: Sequence[SlicedScript],
    is_user: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.int64],
    gaps: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    data: bytes,
) -> dict[str, RowSpaces]:
    """By row id and number of the utterance, each unusual border and what stands there.

    Args:
        sliced: the rows.
        is_user: of each of their utterances.
        counts: how many slices it has.
        gaps: where what stands behind each slice begins and ends, in the data.
        data: of all slices.
    """
    after = np.cumsum(counts)
    within = np.repeat(is_user, counts)
    within[after - 1] = False  # behind its last slice is not between two
    between = np.flatnonzero(within)
    begins, ends = gaps[0][between], gaps[1][between]
    utterances = np.searchsorted(after, between, side="right")
    lengths = np.array([len(one.slices) for one in sliced], dtype=np.int64)
    rows_after = np.cumsum(lengths)
    rows = np.searchsorted(rows_after, utterances, side="right")
    spaced = np.array([usual_space(one.script.language) != "" for one in sliced], dtype=np.bool_)
    one_space = (ends == begins + 1) & (np.frombuffer(data, dtype=np.uint8)[begins] == _SPACE)
    unusual = np.flatnonzero(np.where(spaced[rows], ~one_space, ends > begins))
    found: dict[str, RowSpaces] = {}
    firsts, utterance_firsts = after - counts, rows_after - lengths
    for row, number, border, begin, end in zip(
        rows[unusual].tolist(),
        (utterances - utterance_firsts[rows])[unusual].tolist(),
        (between - firsts[utterances])[unusual].tolist(),
        begins[unusual].tolist(),
        ends[unusual].tolist(),
        strict=True,
    ):
        of_row = found.setdefault(sliced[row].script.id, {})
        of_row.setdefault(str(number), []).append((border, data[begin:end].decode()))
    return found
