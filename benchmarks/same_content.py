"""Proves that the plain script and our build say the same.

For each dialogue the same utterances in the same order; of a user's the same words, 4 to 6
a slice but for the last; of the assistant's the same slices to the byte, and so as many;
an answer that starts beside the last slice of its question; one silent pair at the end.
What may differ: how many words a user slice has (other draws), white space between
words, and answers in which the plain script cut a character in half: these are counted,
and but for the characters beyond ASCII their texts are the same too. A text that would
forge a control token holds U+2060 in our rows (rule 6) and is compared without, joined.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

IDLE = "<idle>"
_LOST = "\ufffd"
_DEFUSED = "\u2060"
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")

Utterances = list[tuple[str, list[str]]]


class DifferentContentError(AssertionError):
    """The two sides did not build the same."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many rows were compared, and in how many a character was cut in half."""

    rows: int
    damaged: int


def compare(run: Path, plain: Path) -> Comparison:
    """Compares a finished run with what the plain script wrote.

    Raises:
        DifferentContentError: a row differs in more than may differ.
    """
    theirs = {row["id"]: row["output"] for row in _rows([plain], ["id", "output"])}
    damaged = rows = 0
    for row in _rows(sorted((run / "data").iterdir()), ["source_ids", "output"]):
        key = row["source_ids"][0].rpartition(":")[2]
        rows += 1
        try:
            damaged += _differs(utterances(row["output"]), utterances(theirs.pop(key)))
        except (AssertionError, KeyError, ValueError) as error:
            raise DifferentContentError(f"dialogue {key}: {error!r}") from error
    if theirs:
        raise DifferentContentError(f"{len(theirs)} dialogues are in the plain rows alone")
    return Comparison(rows, damaged)


def _rows(shards: Sequence[Path], columns: list[str]) -> Iterator[dict[str, Any]]:
    for shard in shards:
        for batch in pq.ParquetFile(shard).iter_batches(256, columns=columns):
            yield from batch.to_pylist()


def utterances(output: Sequence[dict[str, str]]) -> Utterances:
    """Who says which slices, in order; raises where the schedule is another."""
    found: Utterances = []
    contents = [part["content"] for part in output]
    pairs = list(zip(contents[0::2], contents[1::2], strict=True))
    _expect(pairs.pop() == (IDLE, IDLE), "no silent pair at the end")
    for user, assistant in pairs:
        if user != IDLE:
            if not found or found[-1][0] != "user":
                found.append(("user", []))
            found[-1][1].append(user)
        if assistant != IDLE:
            if found[-1][0] != "assistant":
                _expect(user != IDLE, "an answer starts after its question, not beside its end")
                found.append(("assistant", []))
            found[-1][1].append(assistant)
        _expect(user != IDLE or assistant != IDLE, "silence between utterances")
    return found


def _differs(ours: Utterances, theirs: Utterances) -> bool:
    """Whether a character was cut in half; raises where more than that differs."""
    _expect([role for role, _ in ours] == [role for role, _ in theirs], "other utterances")
    damaged = False
    for (role, mine), (_, plain) in zip(ours, theirs, strict=True):
        if role == "user":
            _expect(_undone(" ".join(mine)).split() == " ".join(plain).split(), "other words")
            _expect(_sizes_fit(mine) and _sizes_fit(plain), "a user slice of another size")
        elif _DEFUSED in "".join(mine):
            _expect(_undone("".join(mine)) == _undone("".join(plain)), "another answer")
        elif mine != plain:
            _expect("".join(plain).count(_LOST) > "".join(mine).count(_LOST), "another answer")
            _expect(_ascii(mine) == _ascii(plain), "another answer, but for what was cut in half")
            damaged = True
    return damaged


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise DifferentContentError(what)


def _undone(text: str) -> str:
    return text.replace(_DEFUSED, "")


def _sizes_fit(slices: Sequence[str]) -> bool:
    sizes = [len(one.split()) for one in slices]
    return all(4 <= size <= 6 for size in sizes[:-1]) and 1 <= sizes[-1] <= 6


def _ascii(slices: Sequence[str]) -> str:
    return _BEYOND_ASCII.sub("", "".join(slices))
