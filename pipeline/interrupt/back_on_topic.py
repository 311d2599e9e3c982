"""`back_on_topic`: a short question about what is being said, and back to the answer.

An answer is cut by an *aside*; the assistant's next utterance, the *resumption*, answers
it, bridges ("As I was saying,") and goes on from the cut sentence; so does the dialogue.
"""

from collections.abc import Iterator, Sequence

from ..chance import Chance
from ..dialogue import Ask, Dialogue, Scripting
from ..markers import defuse, undo
from .asides import Answer, Aside, fill, listen
from .cuts import cut
from .interaction import NO_PLACE, InteractionType, Setting, make_script
from .uninterrupted import spoken

NAME = "back_on_topic"

Place = tuple[int, dict[str, Aside]]
"""Where an answer can be cut, in code points, and what can be asked there, by kind."""


def _askable(dialogue: Dialogue, setting: Setting) -> Iterator[tuple[int, Answer, list[Place]]]:
    """The answers about which something can be asked while they run, and where."""
    for number, places in setting.cuttable(dialogue):
        answer = listen(defuse(dialogue.turns[number].text, setting.markers), dialogue.language)
        asides = [(place, answer.asides(place)) for place in places]
        found = [(place, kinds) for place, kinds in asides if kinds]
        if found:
            yield number, answer, found


def _missing(dialogues: Sequence[Dialogue], setting: Setting) -> str | None:
    (dialogue,) = dialogues
    return None if next(_askable(dialogue, setting), None) else NO_PLACE


def _script(dialogues: Sequence[Dialogue], chance: Chance, setting: Setting) -> Scripting:
    (dialogue,) = dialogues
    language = dialogue.language
    askable = list(_askable(dialogue, setting))
    # The question first, then an answer that it fits, then the place (rule 4).
    kinds = sorted({kind for _, _, places in askable for _, found in places for kind in found})
    questions = [
        (kind, sentence)
        for kind in kinds
        for sentence in setting.sentences(language, NAME, f"aside_{kind}")
    ]
    kind, question = chance.of(f"{NAME}/aside").pick(questions)
    fitting = [
        (number, answer, [(place, found[kind]) for place, found in places if kind in found])
        for number, answer, places in askable
        if any(kind in found for _, found in places)
    ]
    number, answer, places = chance.of(f"{NAME}/answer").pick(fitting)
    heard, aside = chance.of(f"{NAME}/cut").pick(places)
    reply_form = chance.of(f"{NAME}/reply").pick(
        setting.sentences(language, NAME, f"answer_{kind}")
    )
    bridge = chance.of(f"{NAME}/bridge").pick(setting.sentences(language, NAME, "bridge"))

    utterances = [spoken(turn, setting) for turn in dialogue.turns[: number + 1]]
    utterances[-1] = cut(utterances[-1], heard)
    # What is asked for is the source's own text; the script is defused as a whole.
    slots = {name: undo(value, setting.markers) for name, value in aside.slots.items()}
    rest_from = answer.resume_at(setting.cut_places(answer.text), heard)
    values = {
        "question": fill(question, slots),
        "answer": fill(reply_form, slots),
        "bridge": bridge,
        "said": undo(answer.text[:heard], setting.markers),
        "begun": undo(answer.text[:rest_from], setting.markers),
        "rest": undo(answer.text[rest_from:], setting.markers),
    }
    reply = yield Ask("aside", language, values, history=tuple(utterances[:number]))
    asked, resumed = reply.texts
    utterances.append(
        setting.utterance("user", asked, "aside", reply.origin, state="query", at=heard)
    )
    utterances.append(setting.utterance("assistant", resumed, "resumption", reply.origin))
    utterances += [spoken(turn, setting) for turn in dialogue.turns[number + 1 :]]
    return make_script(NAME, dialogues, utterances)


BACK_ON_TOPIC = InteractionType(NAME, 0.22, missing=_missing, script=_script)
