"""`uninterrupted`: the dialogue as it is (Duplex-UltraChat's "basic")."""

from collections.abc import Sequence

from ..chance import Chance
from ..dialogue import SOURCE, Dialogue, Scripting, Turn, Utterance
from .interaction import InteractionType, Setting, make_script

NAME = "uninterrupted"


def spoken(turn: Turn, setting: Setting) -> Utterance:
    """A source turn as it is: a message to be answered, or an answer."""
    role, raw = turn
    if role == "user":
        return setting.utterance(role, raw, "message", SOURCE, "query")
    return setting.utterance(role, raw, "answer", SOURCE)


def _script(dialogues: Sequence[Dialogue], _chance: Chance, setting: Setting) -> Scripting:
    (dialogue,) = dialogues
    yield from ()  # asks for nothing
    return make_script(NAME, dialogues, [spoken(turn, setting) for turn in dialogue.turns])


UNINTERRUPTED = InteractionType(
    NAME, 1.0, missing=lambda _dialogues, _setting: None, script=_script
)
