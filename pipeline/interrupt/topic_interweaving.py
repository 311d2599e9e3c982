"""`topic_interweaving`: several dialogues at once, a round at a time (Figure 3b of the paper).

Whole rounds of question and answer are interlaced at random, each dialogue's own in
order; at least one dialogue is left and returned to. Nobody is interrupted.
"""

from collections.abc import Sequence
from itertools import pairwise

from ..chance import Chance, Draws
from ..dialogue import Dialogue, Scripting
from .interaction import Grouping, InteractionType, Setting, make_script
from .uninterrupted import spoken

NAME = "topic_interweaving"
NO_RETURN = "no_round_to_return_to"


def _rounds(dialogue: Dialogue) -> int:
    return len(dialogue.turns) // 2


def _missing(dialogues: Sequence[Dialogue], _setting: Setting) -> str | None:
    return None if any(_rounds(dialogue) > 1 for dialogue in dialogues) else NO_RETURN


def _order(rounds: Sequence[int], draws: Draws) -> list[int]:
    """Whose round is when: every order as likely, but for those in which nobody returns.

    Raises:
        ValueError: nobody can return, and so no such order is.
    """
    if len(rounds) < 2 or max(rounds) < 2:
        raise ValueError(f"nobody can be returned to: {rounds}")
    attempt = 0
    while True:
        left = list(rounds)
        order: list[int] = []
        for step in range(sum(rounds)):
            ticket = draws.below(sum(left), attempt * sum(rounds) + step)
            whose = 0
            while ticket >= left[whose]:
                ticket -= left[whose]
                whose += 1
            left[whose] -= 1
            order.append(whose)
        visits = 1 + sum(one != other for one, other in pairwise(order))
        if visits > len(rounds):  # somebody was visited twice
            return order
        attempt += 1


def _script(dialogues: Sequence[Dialogue], chance: Chance, setting: Setting) -> Scripting:
    yield from ()  # asks for nothing
    order = _order([_rounds(dialogue) for dialogue in dialogues], chance.of(f"{NAME}/order"))
    spent = [0] * len(dialogues)
    utterances = []
    for whose in order:
        first = 2 * spent[whose]
        spent[whose] += 1
        turns = dialogues[whose].turns[first : first + 2]
        utterances += [spoken(turn, setting) for turn in turns]
    return make_script(NAME, dialogues, utterances, whose=order)


TOPIC_INTERWEAVING = InteractionType(
    NAME,
    1.0,
    missing=_missing,
    script=_script,
    grouping=Grouping((3, 4, 5), can_lead=lambda _dialogue, _setting: True),
)
