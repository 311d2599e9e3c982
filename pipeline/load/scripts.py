"""Rows that are conversations already, as scripts: with id, key and language, defused."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..dialogue import Script, Split, Turn, Utterance, copy_key, row_id, turns_key
from ..markers import JOINER, defusing_places
from .layouts.script import RawScript
from .rejects import Reject

_SHARD = re.compile(r"(train|validation)-\d+")


def check_length(raw: RawScript, max_characters: int) -> None:
    """Raises Reject for a row with more characters than a recipe allows; 0 is no bound."""
    length = sum(len(one.text) for one in raw.utterances)
    if max_characters and length > max_characters:
        raise Reject("too_long", f"{length} characters")


def content_key(raw: RawScript) -> str:
    """A hash of what is said in a row that has no name."""
    return turns_key([Turn(one.role, one.text) for one in raw.utterances])


def name_script(
    raw: RawScript, key: str, source_id: str, language: str, markers: Sequence[str]
) -> Script:
    """The script of a row.

    Args:
        raw: the row.
        key: of a row that has no name: of its content, or of a copy of it.
        source_id: of such a row.
        language: `auto`, or what is forced on every row.
        markers: what is defused.
    """
    script = Script(
        id=row_id(raw.type, (key,)),
        type=raw.type,
        language=raw.language if language == "auto" else language,
        source_ids=(source_id,),
        keys=(key,),
        utterances=tuple(_defused(raw, markers)),
    )
    if not raw.finished:
        return script
    script = script._replace(id=str(raw.id), source_ids=raw.source_ids)
    return script._replace(keys=(script.key,))


def split_of_shard(stem: str) -> Split:
    """The split of rows whose shard is called so: a run's own shards are named by theirs."""
    named = _SHARD.match(stem)
    return "validation" if named and named[1] == "validation" else "train"


def copy_of(key: str, ordinal: int) -> str:
    """The key of the so-manieth copy of a row, from 0, which is the row itself."""
    return copy_key(key, ordinal) if ordinal else key


def _defused(raw: RawScript, markers: Sequence[str]) -> Iterator[Utterance]:
    """The utterances without a marker in them; places move with what goes in before them.

    A script of duplexdata's own is defused already, of the markers of its recipe.
    """
    answer: list[int] = []
    for one in raw.utterances:
        places = defusing_places(one.text, markers, bare=raw.finished)
        text = JOINER.join(_parted(one.text, places))
        if one.role == "assistant":
            answer = places
        at = one.at if one.at < 0 else _moved(one.at, answer)
        yield one._replace(text=text, heard=_moved(one.heard, places), at=at)


def _parted(text: str, places: Sequence[int]) -> list[str]:
    return [text[begin:end] for begin, end in pairwise([0, *places, len(text)])]


def _moved(place: int, inserted: Sequence[int]) -> int:
    """A place in a text, after a character went in at each of these, itself not moved by one."""
    return place + bisect_left(inserted, place)
