"""Conversations out of time slices alone: who said what, and who was interrupted.

Slices mark no begin or end of a message, no state, and no cut. What they leave open is
decided by the rules of docs/released.md, and counted.
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
_FIRST_HAN = "\u3400"
_FIRST_SYMBOL = "\u2190"  # arrows, emoji: they end messages too


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
    """What one side says without a pause.

    Attributes:
        role: whose it is.
        start: its first pair.
        slices: what is said.
        end: the pair after its last.
        over: of the user's, the answer that was running at its begin and did not end there.
        said: how much of that answer was said by then, in code points.
        outlived: whether that answer went on at least as long as this.
    """

    role: Role
    start: int
    slices: list[str] = field(default_factory=list)
    end: int = 0
    over: "_Run | None" = None
    said: int = 0
    outlived: bool = False

    @property
    def is_statement(self) -> bool:
        """Whether it was let pass by the answer that it was said over."""
        return self.over is not None and self.outlived

    def hear(self, text: str, pair: int) -> None:
        """Takes the slice of a pair."""
        self.slices.append(text)
        self.end = pair + 1


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
    over = [run for run in runs if run.is_statement]
    turns = _joined_answers([run for run in runs if not run.is_statement], read_as)
    may_cut = type_name is None or CUT_INS[type_name] is not None
    inner = (one for run in turns if run.role == "assistant" for one in run.slices[:-1])
    shortest = min(map(len, inner), default=0)
    cut = [
        _is_cut(turns, number, shortest, type_name, may_cut=may_cut) for number in range(len(turns))
    ]
    found = type_name or (_WHEN_UNKNOWN if any(cut) else "uninterrupted")
    telling = _Telling(CUT_INS[found] or "interjection", language, origin, read_as)
    for number, turn in enumerate(turns):
        after = turns[number + 1].role if number + 1 < len(turns) else None
        if turn.role == "user":
            telling.hear_user(turn, after)
            continue
        remarks = [run for run in over if run.over is not None and run.over.start == turn.start]
        telling.hear_answer(turn, remarks, cut=cut[number])
    read_as["dropped_at_the_end"] += bool(telling.waiting)
    if len(telling.utterances) < 2:
        raise Reject("no_answer", f"{len(telling.utterances)} utterances")
    return Heard(found, tuple(telling.utterances), read_as)


def _runs(contents: Sequence[str]) -> list[_Run]:
    """The runs of speech, in order of their begin."""
    runs: list[_Run] = []
    user: _Run | None = None
    assistant: _Run | None = None
    pairs = list(zip(contents[::2], contents[1::2], strict=True))
    for pair, (asked, answered) in enumerate(pairs):
        if answered == IDLE:
            assistant = None
        if asked == IDLE:
            user = None
        elif user is None:
            user = _Run("user", pair)
            runs.append(user)
            if assistant is not None and _goes_on(pairs[pair : pair + 2]):
                user.over, user.said = assistant, len("".join(assistant.slices))
            else:
                assistant = None
        if user is not None:
            user.hear(asked, pair)
            user.outlived = assistant is not None
        if answered != IDLE:
            if assistant is None:
                assistant, user = _Run("assistant", pair), None
                runs.append(assistant)
            assistant.hear(answered, pair)
    return runs


def _goes_on(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether an answer goes on beside the slice with which the user begins.

    No answer begins with white space or a small letter. Chinese tells less: there both
    sides must speak in the next pair too.
    """
    first = pairs[0][1][0]
    if first.isspace() or first.islower():
        return True
    both = len(pairs) > 1 and IDLE not in pairs[1]
    return both and first >= _FIRST_HAN


def _joined_answers(runs: Sequence[_Run], read_as: Counter[str]) -> list[_Run]:
    """The runs, where the assistant's that follow each other are one."""
    joined: list[_Run] = []
    for run in runs:
        if joined and run.role == joined[-1].role == "assistant":
            joined[-1].slices += run.slices
            joined[-1].end = run.end
            read_as["answers_with_a_pause"] += 1
        else:
            joined.append(run)
    return joined


def _is_cut(
    turns: Sequence[_Run], number: int, shortest: int, type_name: str | None, *, may_cut: bool
) -> bool:
    """Whether a turn is an answer that the user's next cut."""
    turn = turns[number]
    if turn.role == "user" or number + 1 == len(turns):
        return False
    if not may_cut:
        return False
    if turns[number + 1].over is not None:
        return True  # the user spoke over it, and it fell silent
    if turns[number + 1].start != turn.end:
        return False
    if type_name == "generation_termination" and number + 2 == len(turns):
        return True  # the row ends there: the user asked for silence, and had it
    return _ends_open("".join(turn.slices)) and 2 * len(turn.slices[-1]) >= shortest


def _ends_open(text: str) -> bool:
    """Whether a text ends as no finished one does: within a sentence."""
    last = text.rstrip()[-1:]
    symbol = last >= _FIRST_SYMBOL and not last.isalnum() and last not in "，、"
    return not (text.endswith("\n") or last in _ENDS or symbol)


@dataclass(slots=True)
class _Telling:
    """The utterances of a conversation, turn by turn.

    Attributes:
        cut_in: the kind of what cuts in.
        waiting: slices that the user said and nobody answered, the begin of what comes.
        cut_at: where the answer before was cut; -1 if it is whole.
    """

    cut_in: str
    language: str
    origin: str
    read_as: Counter[str]
    utterances: list[Utterance] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    cut_at: int = -1

    def hear_answer(self, turn: _Run, remarks: Sequence[_Run], *, cut: bool) -> None:
        """An answer, and what was said over it."""
        text = "".join(turn.slices)
        kind = _ANSWERS.get(self.utterances[-1].kind, "answer")
        self.utterances.append(Utterance("assistant", text, len(text), -1, None, kind, self.origin))
        self.cut_at = len(text) if cut else -1
        if cut:
            self.read_as["remarks_dropped"] += len(remarks)
            return
        said = 0
        for run in remarks:
            if not self._needs_no_answer(run.slices):
                self._wait(run.slices)
                continue
            # One at most is spoken over an answer (rule 3); the others come after it.
            self._say(run.slices, "statement", "statement", run.said if said == 0 else -1)
            said += 1
            self.read_as["statements"] += 1

    def hear_user(self, turn: _Run, after: Role | None) -> None:
        """What the user says, given who speaks next."""
        slices = [*self.waiting, *turn.slices]
        self.waiting = []
        if after == "assistant":
            cuts_in = self.cut_at >= 0
            self._say(slices, "query", self.cut_in if cuts_in else "message", self.cut_at)
            self.read_as["cut_ins"] += cuts_in
        elif after is None and self.cut_at >= 0:
            self._say(slices, "stop", "stop", self.cut_at)
            self.read_as["stops"] += 1
        elif after is None:
            self.read_as["dropped_at_the_end"] += 1
        elif self.utterances and self.cut_at < 0 and self._needs_no_answer(slices):
            self._say(slices, "statement", "statement", -1)
            self.read_as["statements"] += 1
        else:
            self._wait(slices)

    def _wait(self, slices: Sequence[str]) -> None:
        """What is said here is the begin of the next message."""
        self.waiting += slices
        self.read_as["messages_with_a_pause"] += 1

    def _needs_no_answer(self, slices: Sequence[str]) -> bool:
        """Whether what was let pass can be a statement at all (rule 7)."""
        from ..declarative import fault  # its patterns take time to compile

        return fault(join_words(slices, self.language), self.language) is None

    def _say(self, slices: Sequence[str], state: State, kind: str, at: int) -> None:
        text = join_words(slices, self.language)
        self.utterances.append(Utterance("user", text, len(text), at, state, kind, self.origin))
        self.read_as["white_space_between_slices"] += len(slices) - 1
