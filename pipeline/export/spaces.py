"""The white space between the word slices of messages, where it is not the usual.

It is in no slice (rule 1), so without it a message of a tdm row could not be had again.
"""

import numpy as np
import numpy.typing as npt

from ..slice.columns import SlicedRows
from ..slice.joining import usual_space

_SPACE = 0x20

RowSpaces = dict[str, list[tuple[int, str]]]


def spaces_of(
    rows: SlicedRows, gaps: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
) -> dict[str, RowSpaces]:
    """By row id and number of the utterance, each unusual border and what stands there.

    Args:
        rows: the rows.
        gaps: where what stands behind each slice begins and ends, in their data.
    """
    spoken, counts = rows.spoken, rows.counts
    after = np.cumsum(counts)
    within = np.repeat(spoken.is_user, counts)
    within[after - 1] = False  # behind its last slice is not between two
    between = np.flatnonzero(within)
    begins, ends = gaps[0][between], gaps[1][between]
    octets = np.frombuffer(spoken.data, dtype=np.uint8)
    one_space = (ends == begins + 1) & (octets[begins] == _SPACE)
    spaced = [usual_space(language) != "" for language in spoken.languages]
    if all(spaced) and one_space.all():
        return {}
    utterances = np.searchsorted(after, between, side="right")
    rows_after = np.cumsum(spoken.counts)
    of_rows = np.searchsorted(rows_after, utterances, side="right")
    is_spaced = np.array(spaced, dtype=np.bool_)[of_rows]
    unusual = np.flatnonzero(np.where(is_spaced, ~one_space, ends > begins))
    found: dict[str, RowSpaces] = {}
    firsts, utterance_firsts = after - counts, rows_after - spoken.counts
    for row, number, border, begin, end in zip(
        of_rows[unusual].tolist(),
        (utterances - utterance_firsts[of_rows])[unusual].tolist(),
        (between - firsts[utterances])[unusual].tolist(),
        begins[unusual].tolist(),
        ends[unusual].tolist(),
        strict=True,
    ):
        of_row = found.setdefault(spoken.ids[row], {})
        of_row.setdefault(str(number), []).append((border, spoken.data[begin:end].decode()))
    return found
