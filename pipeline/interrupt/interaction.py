"""What an interaction type is, and what it works with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..chance import Chance
from ..dialogue import Dialogue, Role, Script, Scripting, State, Utterance, row_id
from ..markers import defuse
from .cuts import CutPlaces
from .transitions import Transitions

NO_PLACE = "no_cuttable_answer"

CuttableTurn = tuple[int, Sequence[int]]
"""A turn that can be cut: its number in the dialogue, and where, in code points."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What every script of a run is written with.

    Attributes:
        cut_places: where a (defused) answer can be cut, in code points.
        transitions: by language.
        stop_share: of cuts at which both fit, the share that ask for silence.
        bare_share: of interjections and resets, the share without a transition; None draws
            the empty one of the file as any other.
        markers: what is defused.
        answers_anew: whether the writer answers a repeated question with another text.
    """

    cut_places: CutPlaces
    transitions: Mapping[str, Transitions]
    stop_share: float
    markers: tuple[str, ...]
    answers_anew: bool = False
    bare_share: float | None = None

    def utterance(
        self,
        role: Role,
        raw: str,
        kind: str,
        origin: str,
        state: State | None = None,
        at: int = -1,
    ) -> Utterance:
        """An utterance heard whole: user text trimmed, both sides defused."""
        text = defuse(raw.strip() if role == "user" else raw, self.markers)
        return Utterance(role, text, len(text), at, state, kind, origin)

    def cuttable(self, dialogue: Dialogue) -> Iterator[CuttableTurn]:
        """The answers of a dialogue that can be cut, in order, found as they are asked for."""
        for number, turn in enumerate(dialogue.turns):
            if turn.role == "assistant":
                places = self.cut_places(defuse(turn.text, self.markers))
                if places:
                    yield number, places

    def sentences(self, language: str, type_name: str, *kinds: str) -> tuple[str, ...]:
        """The transitions of these kinds, in the file's order."""
        held = self.transitions[language].kinds
        if len(kinds) == 1:
            return held[type_name, kinds[0]]
        return tuple(sentence for kind in kinds for sentence in held[type_name, kind])

    def opening(
        self, sentences: Sequence[str], chance: Chance, type_name: str, index: int = 0
    ) -> str:
        """The transition that opens a message: each as likely, but for `bare_share`."""
        drawn = chance.of(f"{type_name}/transition")
        if self.bare_share is None:
            return drawn.pick(sentences, index)
        said = [one for one in sentences if one]
        bare = chance.of(f"{type_name}/bare").fraction(index) < self.bare_share
        return "" if bare or not said else drawn.pick(said, index)


@dataclass(frozen=True, slots=True)
class Grouping:
    """How dialogues come together in one row.

    Attributes:
        sizes: how many may; the recipe's group_weights says how often.
        can_lead: whether a dialogue can take another place than the last.
    """

    sizes: tuple[int, ...]
    can_lead: Callable[[Dialogue, Setting], bool]


@dataclass(frozen=True, slots=True)
class InteractionType:
    """A way in which a conversation can go.

    Attributes:
        name: the type of its rows.
        default_rate: the share of dialogues that take part in it by default.
        missing: why no script can be made of these dialogues, or None if one can.
        script: the generator function that makes it.
        grouping: of a type that takes several dialogues a row.
    """

    name: str
    default_rate: float
    missing: Callable[[Sequence[Dialogue], Setting], str | None]
    script: Callable[[Sequence[Dialogue], Chance, Setting], Scripting]
    grouping: Grouping | None = None


def make_script(
    type_name: str,
    dialogues: Sequence[Dialogue],
    utterances: Sequence[Utterance],
    whose: Sequence[int] = (),
) -> Script:
    """A script of these dialogues, with its id and where it comes from.

    Args:
        type_name: of the script.
        dialogues: in the order of the plan, from which the id is made.
        utterances: in order.
        whose: for each round the number of its dialogue, where rounds are interlaced.
    """
    begins = list(dict.fromkeys(whose))  # the dialogues in the order in which they begin
    keys = tuple([dialogue.key for dialogue in dialogues])
    return Script(
        row_id(type_name, keys),
        type_name,
        dialogues[0].language,
        tuple([dialogues[one].source_id for one in begins or range(len(dialogues))]),
        keys,
        tuple(utterances),
        tuple([begins.index(one) for one in whose]),
    )
