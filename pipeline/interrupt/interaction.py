"""What an interaction type is, and what it works with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..chance import Chance
from ..dialogue import Dialogue, Role, Script, Scripting, State, Turn, Utterance, row_id
from ..markers import defuse
from .cuts import CutPlaces
from .transitions import Transitions


@dataclass(frozen=True, slots=True)
class Setting:
    """What every script of a run is written with.

    Attributes:
        cut_places: where a (defused) answer can be cut, in code points.
        transitions: by language.
        stop_share: of cuts at which both fit, the share that ask for silence.
        markers: what is defused.
    """

    cut_places: CutPlaces
    transitions: Mapping[str, Transitions]
    stop_share: float
    markers: tuple[str, ...]

    def utterance(
        self,
        role: Role,
        raw: str,
        kind: str,
        origin: str,
        *,
        state: State | None = None,
        at: int = -1,
    ) -> Utterance:
        """An utterance heard whole: user text trimmed, both sides defused."""
        text = defuse(raw.strip() if role == "user" else raw, self.markers)
        return Utterance(role, text, len(text), at, state, kind, origin)

    def answer_cuts(self, turn: Turn) -> Sequence[int]:
        """The places at which an assistant turn can be cut, in code points once defused."""
        return self.cut_places(defuse(turn.text, self.markers))


@dataclass(frozen=True, slots=True)
class InteractionType:
    """A way in which a conversation can go.

    Attributes:
        name: the type of its rows.
        default_rate: the share of dialogues that take part in it by default.
        missing: why no script can be made of these dialogues, or None if one can.
        script: the generator function that makes it.
    """

    name: str
    default_rate: float
    missing: Callable[[Sequence[Dialogue], Setting], str | None]
    script: Callable[[Sequence[Dialogue], Chance, Setting], Scripting]


def make_script(
    type_name: str, dialogues: Sequence[Dialogue], utterances: Sequence[Utterance]
) -> Script:
    """A script of these dialogues, with its id and where it comes from."""
    keys = tuple(dialogue.key for dialogue in dialogues)
    return Script(
        id=row_id(type_name, keys),
        type=type_name,
        language=dialogues[0].language,
        source_ids=tuple(dialogue.source_id for dialogue in dialogues),
        keys=keys,
        utterances=tuple(utterances),
    )
