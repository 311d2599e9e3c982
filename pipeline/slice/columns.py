"""Many scripts at once, as columns: what is said, and where its slices lie in bytes and in time.

A block has some hundred thousand utterances and millions of slices. What is done to each is done
to all of a column, by arithmetic; an object of its own has none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from ..chance import draw_bases
from ..dialogue import Script
from ..markers import JOINER

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Spoken:
    """The utterances of scripts; those of a script follow each other.

    Attributes:
        ids: of each script.
        types: of each.
        languages: of each.
        source_ids: of each.
        generators: of each.
        counts: how many utterances each has.
        data: UTF-8 that holds the texts in order; what lies between two is of none.
        begins: the byte at which each utterance's planned text begins.
        ends: the byte after its last.
        heard: how many bytes of it are heard.
        at: how many bytes of the answer it begins over were spoken before, -1 for none.
        is_user: whose it is.
        is_statement: which of them are statements.
        states: of each utterance.
        kinds: of each.
        origins: of each.
        answers: the texts of the assistant's, in order, or their UTF-8.
        bases: of each of the user's, the draws of how many words its slices have.
        joined: the numbers of those that hold a U+2060; no other holds a marker that was defused.
    """

    ids: Sequence[str]
    types: Sequence[str]
    languages: Sequence[str]
    source_ids: Sequence[Sequence[str]]
    generators: Sequence[str]
    counts: Ints
    data: bytes
    begins: Ints
    ends: Ints
    heard: Ints
    at: Ints
    is_user: Bools
    is_statement: Bools
    states: Sequence[str | None]
    kinds: Sequence[str]
    origins: Sequence[str]
    answers: Sequence[str | bytes]
    bases: npt.NDArray[np.uint64]
    joined: Sequence[int]

    def texts(self, chosen: Bools) -> list[bytes]:
        """The planned texts of some utterances."""
        begins, ends = self.begins[chosen].tolist(), self.ends[chosen].tolist()
        data = self.data
        return [data[begin:end] for begin, end in zip(begins, ends, strict=True)]

    def cut(self) -> list[int]:
        """The numbers of the utterances that the other side cuts off."""
        found: list[int] = np.flatnonzero(self.heard < self.ends - self.begins).tolist()
        return found


@dataclass(frozen=True, slots=True)
class SlicedRows:
    """Utterances with the slices of their planned texts and their places in time.

    Attributes:
        spoken: what was sliced.
        counts: how many slices each utterance has.
        begins: the byte of `spoken.data` at which each slice begins.
        ends: the byte after its last.
        heard: how many slices of each utterance are heard.
        starts: the pair of its row in which its first slice is heard.
        pairs: how many pairs each row takes, the silence at its end included.
    """

    spoken: Spoken
    counts: Ints
    begins: Ints
    ends: Ints
    heard: Ints
    starts: Ints
    pairs: Ints


def spoken_of(scripts: Sequence[Script], seed: int) -> Spoken:
    """The utterances of scripts.

    Args:
        scripts: in order.
        seed: of all chance.
    """
    spoken = list(chain.from_iterable([script.utterances for script in scripts]))
    by_field = list(zip(*spoken, strict=True)) or [()] * 7
    roles, texts, heard, places, states, kinds, origins = by_field
    data = [text.encode() for text in texts]
    ends = np.cumsum(np.fromiter(map(len, data), np.int64, len(data)))
    begins = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if data else ends
    is_user = np.array([role == "user" for role in roles], dtype=np.bool_)
    heard_bytes, at = ends - begins, np.full(len(data), -1, dtype=np.int64)
    answer = 0
    for number, (role, text, most, place) in enumerate(
        zip(roles, texts, heard, places, strict=True)
    ):
        if role == "assistant":
            answer = number
        elif place >= 0:
            at[number] = len(texts[answer][:place].encode())
        if most != len(text):
            heard_bytes[number] = len(text[:most].encode())
    return Spoken(
        ids=[script.id for script in scripts],
        types=[script.type for script in scripts],
        languages=[script.language for script in scripts],
        source_ids=[script.source_ids for script in scripts],
        generators=[script.generator for script in scripts],
        counts=np.array([len(script.utterances) for script in scripts], dtype=np.int64),
        data=b"".join(data),
        begins=begins,
        ends=ends,
        heard=heard_bytes,
        at=at,
        is_user=is_user,
        is_statement=np.array([state == "statement" for state in states], dtype=np.bool_),
        states=states,
        kinds=kinds,
        origins=origins,
        answers=[text for text, role in zip(texts, roles, strict=True) if role == "assistant"],
        bases=draw_bases(seed, [(script.key, _draws(script)) for script in scripts]),
        joined=[number for number, text in enumerate(texts) if JOINER in text],
    )


def word_draws(script_type: str, kind: str, ordinal: int) -> str:
    """What the draws of words of a user's utterance are for; its ordinal is among its kind's.

    Keyed so, an added utterance of another kind moves no other's slices.
    """
    return f"words/{script_type}/{kind}/{ordinal}"


def _draws(script: Script) -> tuple[str, ...]:
    """What is drawn for each utterance of the user.

    The key is that in the id, so that a row that is read again as a script is cut as it was.
    """
    ordinals: dict[str, int] = {}
    found = []
    for utterance in script.utterances:
        if utterance.role == "user":
            kind = utterance.kind
            ordinal = ordinals[kind] = ordinals.get(kind, -1) + 1
            found.append(word_draws(script.type, kind, ordinal))
    return tuple(found)


def count_up(counts: Ints) -> Ints:
    """0..n-1 for each n, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - counts, counts)
