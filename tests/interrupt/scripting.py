"""What the tests of interaction types share: dialogues, a setting, a writer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from duplexdata.pipeline.chance import Chance
from duplexdata.pipeline.dialogue import Ask, Dialogue, Reply, Script, Turn, turns_key
from duplexdata.pipeline.generate import finish
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.interrupt.interaction import Setting
from duplexdata.pipeline.interrupt.transitions import Transitions
from duplexdata.pipeline.markers import DEFAULT_MARKERS
from duplexdata.pipeline.recipe import Recipe
from duplexdata.pipeline.scriptwriter import Scriptwriter
from duplexdata.pipeline.slice.slicer import Slicer

STOPS = ("Stop.", "Enough.")
INTERJECTIONS = ("", "Wait,", "Hold on.")
RESTATES = ("I meant:", "Again,")
CONTRADICTS = ("Wrong!",)
CHANGES = ("", "Next:", "Never mind,")


def dialogue(*texts: str, name: str = "1") -> Dialogue:
    """A dialogue of these texts, user first."""
    turns = tuple(
        Turn("assistant" if number % 2 else "user", text) for number, text in enumerate(texts)
    )
    return Dialogue(f"s:{name}", turns_key(turns), "en", turns)


def setting(
    stop_share: float = 0.5, stops: Sequence[str] = STOPS, *, answers_anew: bool = False
) -> Setting:
    """A setting in which an answer can be cut after any of its words but the last."""

    def word_ends(text: str) -> list[int]:
        return [place for place, letter in enumerate(text) if letter == " "]

    kinds: dict[tuple[str, str], tuple[str, ...]] = {
        ("generation_termination", "stop"): tuple(stops),
        ("generation_termination", "interjection"): INTERJECTIONS,
        ("regeneration", "restate"): RESTATES,
        ("regeneration", "contradict"): CONTRADICTS,
        ("dialogue_reset", "change"): CHANGES,
        ("back_on_topic", "aside_repeat"): ("Say again?",),
        ("back_on_topic", "answer_repeat"): ("It was: {sentence}",),
        ("back_on_topic", "aside_item"): ("Is that the {n}?",),
        ("back_on_topic", "answer_item"): ("Yes, the {n}.",),
        ("back_on_topic", "aside_spelling"): ("Spell {term}?",),
        ("back_on_topic", "answer_spelling"): ("{term} is {letters}.",),
        ("back_on_topic", "bridge"): ("So,",),
    }
    return Setting(
        word_ends, {"en": Transitions(kinds, "")}, stop_share, DEFAULT_MARKERS, answers_anew
    )


def joined(ask: Ask) -> Reply:
    """A writer that shows what it was asked."""
    if ask.kind == "fuse":
        return Reply((f"{ask.values['transition']}|{ask.values['message']}",), "test-writer")
    shown = "|".join([ask.kind, *ask.values.values()])
    return Reply((shown, shown) if ask.kind == "aside" else (shown,), "test-writer")


def script_of(
    type_name: str, dialogues: Sequence[Dialogue], seed: int = 0, own: Setting | None = None
) -> Script:
    """The script of a type that is made of these dialogues."""
    chance = Chance(seed, tuple(one.key for one in dialogues))
    return finish(TYPES[type_name].script(dialogues, chance, own or setting()), joined)


class WordTokenizer:
    """A tokenizer whose tokens are words, each with the space before it."""

    name = fingerprint = origin = "words"

    def token_ends(self, text: str) -> npt.NDArray[np.int64]:
        """A token ends before each space, and at the end of the text."""
        spaces = [place for place, letter in enumerate(text) if letter == " "]
        return np.array([*spaces, len(text)], dtype=np.int64)

    def token_ends_of(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """The same of each text."""
        return [self.token_ends(text) for text in texts]


def writer(own: Setting | None = None, **knobs: object) -> Scriptwriter:
    """A writer of scripts without statements, by these knobs of a recipe."""
    recipe = Recipe("tdm", **knobs)  # type: ignore[arg-type]
    return Scriptwriter(own or setting(), {}, Slicer(WordTokenizer(), 2), recipe, joined)
