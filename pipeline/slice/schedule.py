"""Scripts laid out in time: which slice is heard in which pair (rule 3)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..chance import Chance
from ..dialogue import Script, Utterance
from .slicer import Message, Slicer, Slices


class SlicedScript(NamedTuple):
    """A script with the slices of its utterances and their places in time.

    Attributes:
        script: what was sliced.
        slices: for each utterance, the slices of its planned text.
        heard: for each utterance, how many of its slices are heard.
        starts: for each utterance, the pair in which its first slice is heard.
        pairs: how many pairs the conversation takes, the silence at its end included.
    """

    script: Script
    slices: tuple[Slices, ...]
    heard: tuple[int, ...]
    starts: tuple[int, ...]
    pairs: int


def slice_scripts(
    scripts: Sequence[Script], slicer: Slicer, seed: int, tail_idle: int
) -> list[SlicedScript]:
    """Cuts every utterance of scripts and lays the slices out in pairs.

    The draws of a message's slices are keyed by its kind and its ordinal among
    those of its kind, so that an added utterance moves no other's.

    Args:
        scripts: what is cut.
        slicer: how texts are cut.
        seed: of all chance.
        tail_idle: silent pairs at the end of a row, at least.
    """
    slicer.cut_answers(
        utterance.text
        for script in scripts
        for utterance in script.utterances
        if utterance.role == "assistant"
    )
    messages = iter(slicer.messages([one for script in scripts for one in _messages(script, seed)]))
    return [
        _scheduled(
            script,
            [
                slicer.answer(utterance.text) if utterance.role == "assistant" else next(messages)
                for utterance in script.utterances
            ],
            tail_idle,
        )
        for script in scripts
    ]


def slice_script(script: Script, slicer: Slicer, seed: int, tail_idle: int) -> SlicedScript:
    """Cuts one script; see `slice_scripts`."""
    return slice_scripts([script], slicer, seed, tail_idle)[0]


def _messages(script: Script, seed: int) -> Iterator[Message]:
    """The user utterances of a script, as they are to be cut."""
    ordinals: dict[str, int] = {}
    chance = _chance(script, seed)
    for utterance in script.utterances:
        if utterance.role == "user":
            ordinal = ordinals[utterance.kind] = ordinals.get(utterance.kind, -1) + 1
            yield _message(script, utterance, ordinal, chance)


def _chance(script: Script, seed: int) -> Chance:
    # By the key in the id, so that a row that is read again as a script is cut as it was.
    return Chance(seed, (script.key,))


def _message(script: Script, utterance: Utterance, ordinal: int, chance: Chance) -> Message:
    draws = chance.of(f"words/{script.type}/{utterance.kind}/{ordinal}")
    return Message(utterance.text, script.language, draws)


def _scheduled(script: Script, slices: Sequence[Slices], tail_idle: int) -> SlicedScript:
    heard = tuple(
        [
            len(one.ends) if utterance.heard == len(utterance.text) else one.heard(utterance.heard)
            for utterance, one in zip(script.utterances, slices, strict=True)
        ]
    )
    starts, after = _starts(script.utterances, slices, heard)
    # The pair of silence that a remark leaves counts as the first of the tail.
    remark = bool(script.utterances) and _in_silence(script.utterances[-1])
    pairs = after + (max(0, tail_idle - 1) if remark else tail_idle)
    return SlicedScript(script, tuple(slices), heard, starts, pairs)


def slice_message(
    script: Script, utterance: Utterance, ordinal: int, slicer: Slicer, seed: int
) -> Slices:
    """The word slices of a user utterance, the so-manieth of its kind in its script."""
    return slicer.messages([_message(script, utterance, ordinal, _chance(script, seed))])[0]


def _in_silence(utterance: Utterance) -> bool:
    """Whether it is a statement that nobody speaks beside."""
    return utterance.state == "statement" and utterance.at < 0


def _starts(
    utterances: Sequence[Utterance], slices: Sequence[Slices], heard: Sequence[int]
) -> tuple[tuple[int, ...], int]:
    """The first pair of each utterance, and the pair after the last.

    An answer starts beside the last slice of the query it answers (Duplex-
    UltraChat, Figure 3a); a statement over an answer beside the slice of it that
    begins where the statement does; everything else in the pair after what was
    heard before it. A statement in silence is followed by a pair of silence.
    """
    starts: list[int] = []
    after = 0
    answer = 0  # the number of the answer that is or was running
    for number, (utterance, count) in enumerate(zip(utterances, heard, strict=True)):
        if utterance.role == "assistant":
            start, answer = after - 1, number
        elif utterance.state == "statement" and utterance.at >= 0:
            starts.append(starts[answer] + slices[answer].heard(utterance.at))
            continue
        else:
            start = after
        starts.append(start)
        after = start + count + _in_silence(utterance)
    return tuple(starts), after
