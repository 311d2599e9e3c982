"""`dialogue_reset`: the user drops the subject, four times, and starts another dialogue.

Five dialogues; each of the first four is cut in its first answer that can be cut, and
the next starts there behind a transition that changes the subject (one is empty: a user
in a hurry); the last runs whole. The paper's lengths point to such early cuts: 1.27
times `uninterrupted`, where cuts at random answers would give 3 times (Table 1).
"""

from collections.abc import Sequence

from ..chance import Chance
from ..dialogue import Dialogue, Scripting, Utterance
from .cuts import cut
from .fuse import fused
from .interaction import Grouping, InteractionType, Setting, make_script
from .uninterrupted import spoken

NAME = "dialogue_reset"


def _can_lead(dialogue: Dialogue, setting: Setting) -> bool:
    return next(setting.cuttable(dialogue), None) is not None


def _script(dialogues: Sequence[Dialogue], chance: Chance, setting: Setting) -> Scripting:
    sentences = setting.sentences(dialogues[0].language, NAME, "change")
    utterances: list[Utterance] = []
    for place, dialogue in enumerate(dialogues):
        turns = dialogue.turns
        if place:
            transition = setting.opening(sentences, chance, NAME, place - 1)
            text, origin = yield from fused(dialogue.language, transition, turns[0].text)
            at = utterances[-1].heard
            utterances.append(
                setting.utterance("user", text, "reset", origin, state="query", at=at)
            )
            turns = turns[1:]
        if place == len(dialogues) - 1:
            utterances += [spoken(turn, setting) for turn in turns]
            break
        number, places = next(setting.cuttable(dialogue))
        utterances += [spoken(turn, setting) for turn in turns[: number + 1 - bool(place)]]
        heard = chance.of(f"{NAME}/cut").pick(places, place)
        utterances[-1] = cut(utterances[-1], heard)
    return make_script(NAME, dialogues, utterances)


DIALOGUE_RESET = InteractionType(
    NAME,
    1.0,
    missing=lambda _dialogues, _setting: None,  # a group is only made of dialogues that fit
    script=_script,
    grouping=Grouping((5,), can_lead=_can_lead),
)
