"""Conversations out of time slices alone: who said what, and who was interrupted.

Slices mark no begin or end of a message, no state, and no cut. What they leave open is
decided by the rules of docs/released.md, and counted:

- a run of user slices ends where the assistant begins beside it, or the user falls silent;
- an answer ends where the user begins, or in silence; the assistant going on after silence
  goes on with the same answer;
- an answer that the user follows at once was cut, if its type has interruptions, it ends as
  no text does, and its last slice is no shorter than all that are followed by another;
- a user's run that nobody answers is a stop after a cut; a statement after an answer that
  is whole, if the user speaks again; else the begin of what the user says next; at the end
  of a row it is dropped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ..dialogue import Role, State, Utterance
from ..markers import IDLE
from ..slice.joining import join_words
from .rejects import Reject

CUT_INS: Mapping[str, str | None] = MappingProxyType(
    {
        "uninterrupted": None,
        "topic_interweaving": None,
        "generation_termination": "interjection",
        "regeneration": "repeat",
        "dialogue_reset": "reset",
        "back_on_topic": "aside",
    }
)
"""The kind of what cuts in, by type; None in those without interruptions."""

_WHEN_UNKNOWN = "generation_termination"
_ANSWERS = {"repeat": "new_answer", "aside": "resumption"}
_ENDS = frozenset(".!?。！？…;；:：\"'”’」』)）]】}>`*_|~")
_WIDE_LETTER = "\u3400"  # from here on characters are words: Chinese ends without a mark


@dataclass(frozen=True, slots=True)
class Heard:
    """A conversation made out of slices.

    Attributes:
        type: as it was said, or as the interruptions tell.
        utterances: in order.
        read_as: what was decided by rule, and how often.
    """

    type: str
    utterances: tuple[Utterance, ...]
    read_as: Counter[str]


@dataclass(slots=True)
class _Run:
    """What one side says without a pause: its slices, and the pair after the last."""

    role: Role
    start: int
    slices: list[str] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.slices)


def read_slices(
    contents: Sequence[str], type_name: str | None, language: str, origin: str
) -> Heard:
    """The conversation that slices tell.

    Args:
        contents: of user, assistant, user, assistant, ...; `<idle>` is silence.
        type_name: of the row, one of `CUT_INS`; None where nobody says.
        language: `en` or `zh`.
        origin: of its texts.

    Raises:
        Reject: nobody is answered, or the assistant begins.
    """
    read_as: Counter[str] = Counter()
    runs = _runs(contents)
    if not runs:
        raise Reject("no_answer", "silence")
    if runs[0].role == "assistant":
        raise Reject("roles_out_of_order", f"the assistant begins, in pair {runs[0].start}")
    runs = _joined_answers(runs, read_as)
    shortest = min((len(one) for run in runs for one in _inner(run)), default=0)
    may_cut = type_name is None or CUT_INS[type_name] is not None
    cut = [
        may_cut and _is_cut(runs, number, shortest, type_name) for number in range(len(runs))
    ]
    found = type_name or (_WHEN_UNKNOWN if any(cut) else "uninterrupted")
    utterances = _utterances(runs, cut, found, language, origin, read_as)
    if len(utterances) < 2:
        raise Reject("no_answer", f"{len(utterances)} utterances")
    return Heard(found, utterances, read_as)


def _runs(contents: Sequence[str]) -> list[_Run]:
    """The runs of speech, in order of their begin."""
    runs: list[_Run] = []
    user: _Run | None = None
    assistant: _Run | None = None
    for pair, (asked, answered) in enumerate(zip(contents[::2], contents[1::2], strict=True)):
        if asked == IDLE:
            user = None
        elif user is None:
            user, assistant = _Run("user", pair), None
            runs.append(user)
        if user is not None:
            user.slices.append(asked)
        if answered == IDLE:
            assistant = None
        elif assistant is None:
            assistant, user = _Run("assistant", pair), None
            runs.append(assistant)
        if assistant is not None:
            assistant.slices.append(answered)
    return runs


def _joined_answers(runs: Sequence[_Run], read_as: Counter[str]) -> list[_Run]:
    """The runs, where the assistant's that follow each other are one."""
    joined: list[_Run] = []
    for run in runs:
        if joined and run.role == joined[-1].role == "assistant":
            before = joined[-1]
            # Its end is that of the later run, which is what may touch the user's next.
            joined[-1] = _Run("assistant", run.end - len(before.slices) - len(run.slices))
            joined[-1].slices = before.slices + run.slices
            read_as["answers_with_a_pause"] += 1
        else:
            joined.append(run)
    return joined


def _inner(run: _Run) -> list[str]:
    return run.slices[:-1] if run.role == "assistant" else []


def _is_cut(runs: Sequence[_Run], number: int, shortest: int, type_name: str | None) -> bool:
    """Whether the answer was cut by the user's run after it."""
    run = runs[number]
    if run.role == "user" or number + 1 == len(runs) or runs[number + 1].start != run.end:
        return False
    if type_name == "generation_termination" and number + 2 == len(runs):
        return True  # the row ends there: the user asked for silence, and had it
    return _ends_open("".join(run.slices)) and len(run.slices[-1]) >= shortest


def _ends_open(text: str) -> bool:
    """Whether a text ends as no finished one does: within a sentence."""
    last = text.rstrip()[-1:]
    return text[-1:] != "\n" and last not in _ENDS and not _is_emoji(last)


def _is_emoji(letter: str) -> bool:
    return letter > "\u2190" and not letter.isalnum() and letter not in "，、"


def _utterances(
    runs: Sequence[_Run],
    cut: Sequence[bool],
    type_name: str,
    language: str,
    origin: str,
    read_as: Counter[str],
) -> tuple[Utterance, ...]:
    cut_in = CUT_INS[type_name] or "interjection"
    utterances: list[Utterance] = []
    waiting: list[str] = []  # what the user said and nobody answered, begin of the next
    cut_at = -1  # where the answer before was cut; -1 if it is whole

    def say(text: str, state: State, kind: str) -> None:
        utterances.append(Utterance("user", text, len(text), cut_at, state, kind, origin))

    for number, run in enumerate(runs):
        if run.role == "assistant":
            text = "".join(run.slices)
            kind = _ANSWERS.get(utterances[-1].kind, "answer")
            utterances.append(Utterance("assistant", text, len(text), -1, None, kind, origin))
            cut_at = len(text) if cut[number] else -1
            continue
        slices = [*waiting, *run.slices]
        waiting = []
        read_as["white_space_between_slices"] += len(slices) - 1
        answered = number + 1 < len(runs) and runs[number + 1].role == "assistant"
        last = number + 1 == len(runs)
        if answered:
            say(join_words(slices, language), "query", "message" if cut_at < 0 else cut_in)
            read_as["cut_ins"] += cut_at >= 0
        elif last and cut_at >= 0:
            say(join_words(slices, language), "stop", "stop")
            read_as["stops"] += 1
        elif last:
            read_as["dropped_at_the_end"] += 1
        elif utterances and cut_at < 0:
            say(join_words(slices, language), "statement", "statement")
            read_as["statements"] += 1
        else:
            waiting = slices
            read_as["messages_with_a_pause"] += 1
        cut_at = -1 if not waiting else cut_at
    return tuple(utterances)
