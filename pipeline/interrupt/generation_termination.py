"""`generation_termination`: the user cuts an answer short, and its rest is discarded.

A transition of kind *stop* asks for silence, and the row ends there. One of kind
*interjection* (or the empty one) carries the user's next message, which is
answered; the dialogue goes on. Duplex-UltraChat's own rows end at the cut even
where a question was asked; taken literally that teaches silence to questions.
"""

from collections.abc import Sequence

from ..chance import Chance
from ..dialogue import OFFLINE, Dialogue, Scripting
from .cuts import cut
from .fuse import fused
from .interaction import NO_PLACE, InteractionType, Setting, make_script
from .uninterrupted import spoken

NAME = "generation_termination"


def _kinds(dialogue: Dialogue, setting: Setting) -> tuple[str, ...]:
    """The kinds of transition that the recipe admits and its file holds."""
    shares = {"stop": setting.stop_share, "interjection": 1 - setting.stop_share}
    return tuple(
        kind
        for kind, share in shares.items()
        if share > 0 and setting.sentences(dialogue.language, NAME, kind)
    )


def _fits(kind: str, turn_number: int, dialogue: Dialogue) -> bool:
    # An interjection carries the next message, so there must be one.
    return kind == "stop" or turn_number + 1 < len(dialogue.turns)


def _missing(dialogues: Sequence[Dialogue], setting: Setting) -> str | None:
    (dialogue,) = dialogues
    kinds = _kinds(dialogue, setting)
    for number, _places in setting.cuttable(dialogue):
        if any(_fits(kind, number, dialogue) for kind in kinds):
            return None
    return NO_PLACE


def _script(dialogues: Sequence[Dialogue], chance: Chance, setting: Setting) -> Scripting:
    (dialogue,) = dialogues
    cuttable = list(setting.cuttable(dialogue))
    kinds = [
        kind
        for kind in _kinds(dialogue, setting)
        if any(_fits(kind, number, dialogue) for number, _places in cuttable)
    ]
    # The transition first, then an answer that it fits, then the place (rule 4).
    wants_stop = chance.of(f"{NAME}/kind").fraction() < setting.stop_share
    kind = kinds[0] if len(kinds) == 1 else "stop" if wants_stop else "interjection"
    sentences = setting.sentences(dialogue.language, NAME, kind)
    if kind == "stop":
        transition = chance.of(f"{NAME}/transition").pick(sentences)
    else:
        transition = setting.opening(sentences, chance, NAME)
    fitting = [place for place in cuttable if _fits(kind, place[0], dialogue)]
    number, places = chance.of(f"{NAME}/answer").pick(fitting)
    heard = chance.of(f"{NAME}/cut").pick(places)

    utterances = [spoken(turn, setting) for turn in dialogue.turns[: number + 1]]
    utterances[-1] = cut(utterances[-1], heard)
    if kind == "stop":
        utterances.append(
            setting.utterance("user", transition, "stop", OFFLINE, state="stop", at=heard)
        )
        return make_script(NAME, dialogues, utterances)

    message = dialogue.turns[number + 1].text
    text, origin = yield from fused(dialogue.language, transition, message)
    utterances.append(
        setting.utterance("user", text, "interjection", origin, state="query", at=heard)
    )
    utterances += [spoken(turn, setting) for turn in dialogue.turns[number + 2 :]]
    return make_script(NAME, dialogues, utterances)


GENERATION_TERMINATION = InteractionType(NAME, 1.0, missing=_missing, script=_script)
