"""The elements of a JSON array, one at a time, as the bytes they are written in.

An element is then parsed as a line of JSON lines is, so that a row has the same fate
in both kinds of file. (Streaming parsers refuse a whole file for one NaN, or write
`?` for half a surrogate pair: rows would be lost, or mended in silence.)
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

_CHUNK = 1 << 20
_OUTSIDE = re.compile(rb'["\[\]{},]')
_INSIDE = re.compile(rb'"|\\.', re.DOTALL)


class BrokenArrayError(ValueError):
    """The array has no end, or something stands after it."""


def array_elements(stream: BinaryIO) -> Iterator[bytes]:  # noqa: C901  # one state machine
    """The elements of the array that a stream holds, from its opening bracket on.

    Raises:
        BrokenArrayError: it ends early, or goes on after its end.
    """
    buffer = b""
    begin = position = depth = 0
    inside = False
    while True:
        found = (_INSIDE if inside else _OUTSIDE).search(buffer, position)
        if found is None:
            # A backslash at the end waits for what it escapes.
            resume = len(buffer) - (inside and buffer.endswith(b"\\"))
            more = stream.read(_CHUNK)
            if not more:
                raise BrokenArrayError("it ends early")
            buffer = buffer[begin:] + more
            begin, position = 0, max(resume - begin, position - begin)
            continue
        mark, position = found[0], found.end()
        if inside:
            inside = mark != b'"'
        elif mark == b'"':
            inside = True
        elif mark in b"[{":
            depth += 1
            if depth == 1:
                begin = position
        elif mark in b"]}":
            depth -= 1
        if not inside and (depth == 0 or (depth == 1 and mark == b",")):
            element = buffer[begin : found.start()].strip()
            begin = position
            if element:
                yield element
            if depth == 0:
                break
    rest = buffer[position:].strip() or stream.read().strip()
    if rest:
        raise BrokenArrayError(
            f"something stands after its end: {rest[:20].decode(errors='replace')}"
        )
