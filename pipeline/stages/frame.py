"""The frame of a script: all of it that stays as it is when a person changes its texts."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..dialogue import EDITED, Script, Utterance

_FIELDS = ("role", "state", "kind", "origin")


def frame_of(script: Script) -> str:
    """The frame, to be kept beside the script; it is read only where the script was changed."""
    frame = {
        "language": script.language,
        "source_ids": script.source_ids,
        "whose": script.whose,
        "utterances": [_of(one) for one in script.utterances],
    }
    return json.dumps(frame, ensure_ascii=False)


def _of(one: Utterance) -> list[Any]:
    return [*(getattr(one, name) for name in _FIELDS), _parted(one)]


def _parted(one: Utterance) -> bool:
    """Whether an answer is cut, or a message cuts in; a remark may be moved."""
    return one.cut or (one.state != "statement" and one.at >= 0)


def frame_faults(script: Script, frame: str, edited: Sequence[bool]) -> Iterator[str]:
    """What of a script's frame was changed, in words.

    Args:
        script: as it was found.
        frame: what `frame_of` gave of it as it was written.
        edited: of each utterance whether its text is new; where there are as many as there were.
    """
    was = json.loads(frame)
    if script.language != was["language"]:
        yield f"its language was {was['language']}, and is {script.language}; only texts may change"
    if [*script.source_ids] != was["source_ids"] or [*script.whose] != was["whose"]:
        yield "its source_ids or whose were changed; only texts may change"
    if len(script.utterances) != len(was["utterances"]):
        yield (
            f"it had {len(was['utterances'])} utterances, and has {len(script.utterances)}; "
            "their texts may change, and the row may be dropped"
        )
        return
    pairs = zip(script.utterances, was["utterances"], edited, strict=True)
    for number, (one, (*fields, parted), is_new) in enumerate(pairs):
        for name, before in zip(_FIELDS, fields, strict=True):
            now = getattr(one, name)
            if now != before and not (name == "origin" and now == EDITED and is_new):
                yield f"utterance {number}: its {name} was {before}, and is {now}"
        if _parted(one) != parted:
            yield f"utterance {number}: {_CHANGED[one.role][parted]}"


_CHANGED = {
    "user": ("it begins over the other side, and did not", "it does not cut in any more"),
    "assistant": (
        "it was heard whole, and is cut",
        "it was cut, and no text is left behind what is heard; let it go on, or drop the row",
    ),
}
"""What is said of an utterance, by its role and by whether it was cut or cut in."""
