"""The white space between the word slices of messages, where it is not the usual.

It is in no slice (rule 1), so without it a message of a tdm row could not be had again.
"""

from collections.abc import Sequence

import numpy as np

from ..slice.joining import usual_space
from ..slice.schedule import SlicedScript

_SPACE = 0x20

RowSpaces = dict[str, list[tuple[int, str]]]


def spaces_of(sliced: Sequence[SlicedScript]) -> dict[str, RowSpaces]:
    """By row id and number of the utterance, each unusual border and what stands there."""
    users = [
        (row, number)
        for row, one in enumerate(sliced)
        for number, utterance in enumerate(one.script.utterances)
        if utterance.role == "user" and len(one.slices[number]) > 1
    ]
    if not users:
        return {}
    slices = [sliced[row].slices[number] for row, number in users]
    lengths = np.array([len(one.data) for one in slices])
    shifts = np.cumsum(lengths) - lengths
    borders = np.array([len(one) - 1 for one in slices])
    at = np.repeat(shifts, borders)
    first = np.concatenate([one.ends[:-1] for one in slices]) + at
    last = np.concatenate([one.begins[1:] for one in slices]) + at
    octets = np.frombuffer(b"".join(one.data for one in slices), dtype=np.uint8)
    none = np.array([not usual_space(sliced[row].script.language) for row, _ in users])
    usual = np.where(
        np.repeat(none, borders), last == first, (last == first + 1) & (octets[first] == _SPACE)
    )
    found: dict[str, RowSpaces] = {}
    begins = np.cumsum(borders) - borders
    for border in np.flatnonzero(~usual).tolist():
        which = int(np.searchsorted(begins, border, side="right")) - 1
        row, number = users[which]
        space = octets[first[border] : last[border]].tobytes().decode()
        of_row = found.setdefault(sliced[row].script.id, {})
        of_row.setdefault(str(number), []).append((int(border - begins[which]), space))
    return found
