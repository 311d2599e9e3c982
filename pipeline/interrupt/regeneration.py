"""`regeneration`: the user is not content with the running answer and asks again.

An answer is cut; its question is said again behind a transition of dissatisfaction; a
new answer follows, and the dialogue goes on. A transition of kind *restate* ("what I
meant was …") fits any new answer. One of kind *contradict* ("no, that is wrong") needs
a writer that answers anew: the same words again would be bad data.
"""

from collections.abc import Sequence

from ..chance import Chance
from ..dialogue import Ask, Dialogue, Scripting
from ..markers import undo
from .cuts import cut
from .fuse import fused
from .interaction import NO_PLACE, InteractionType, Setting, make_script
from .uninterrupted import spoken

NAME = "regeneration"


def _sentences(dialogue: Dialogue, setting: Setting) -> tuple[str, ...]:
    kinds = ("restate", "contradict") if setting.answers_anew else ("restate",)
    return setting.sentences(dialogue.language, NAME, *kinds)


def _admits_the_same(transition: str, dialogue: Dialogue, setting: Setting) -> bool:
    return transition in setting.sentences(dialogue.language, NAME, "restate")


def _missing(dialogues: Sequence[Dialogue], setting: Setting) -> str | None:
    (dialogue,) = dialogues
    cuttable = next(setting.cuttable(dialogue), None) is not None
    return None if cuttable and _sentences(dialogue, setting) else NO_PLACE


def _script(dialogues: Sequence[Dialogue], chance: Chance, setting: Setting) -> Scripting:
    (dialogue,) = dialogues
    transition = chance.of(f"{NAME}/transition").pick(_sentences(dialogue, setting))
    number, places = chance.of(f"{NAME}/answer").pick(list(setting.cuttable(dialogue)))
    heard = chance.of(f"{NAME}/cut").pick(places)
    question, answer = dialogue.turns[number - 1].text, dialogue.turns[number].text

    utterances = [spoken(turn, setting) for turn in dialogue.turns[: number + 1]]
    utterances[-1] = cut(utterances[-1], heard)
    text, origin = yield from fused(dialogue.language, transition, question)
    utterances.append(setting.utterance("user", text, "repeat", origin, state="query", at=heard))
    values = {
        "question": question,
        "answer": answer,
        "heard": undo(utterances[number].text[:heard], setting.markers),
        "transition": transition,
    }
    reply = yield Ask(
        "answer",
        dialogue.language,
        values,
        history=tuple(utterances[:number]),
        replaceable=_admits_the_same(transition, dialogue, setting),
    )
    utterances.append(setting.utterance("assistant", reply.text, "new_answer", reply.origin))
    utterances += [spoken(turn, setting) for turn in dialogue.turns[number + 1 :]]
    return make_script(NAME, dialogues, utterances)


REGENERATION = InteractionType(NAME, 0.55, missing=_missing, script=_script)
