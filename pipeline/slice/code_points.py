"""From code points to bytes of UTF-8 and back."""

import numpy as np
import numpy.typing as npt


def code_point_starts(data: bytes) -> npt.NDArray[np.int64]:
    """The byte at which each code point of UTF-8 data begins, and the data's length."""
    octets = np.frombuffer(data, dtype=np.uint8)
    starts = np.flatnonzero((octets & 0xC0) != 0x80)
    return np.append(starts, len(data))


def code_point_bytes(text: str) -> npt.NDArray[np.int64]:
    """The byte of UTF-8 at which each code point begins, and the length in bytes.

    Returns:
        An array of `len(text) + 1` offsets: `result[i]` is `len(text[:i].encode())`.
    """
    return code_point_starts(text.encode())
