"""The nouns: a dialogue, the script made of it, and what a script asks for."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import cycle
from typing import Any, Literal, NamedTuple

Role = Literal["user", "assistant"]
State = Literal["query", "statement", "stop"]
Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")

ROLES: tuple[Role, Role] = ("user", "assistant")
"""In the order in which they speak."""

SOURCE = "source"
"""The origin of a text that is the source's, whole and unchanged."""

OFFLINE = "offline"
"""The origin of a text that was joined or chosen without a model."""

PENDING = "pending"
"""The origin of what stands in for a text that was asked for and has not come yet."""


EDITED = "edited"
"""The origin of a text that a person changed between two stages."""


class Turn(NamedTuple):  # a tuple is made three times as fast, and these are millions
    """One message of a source dialogue, as it stands there."""

    role: Role
    text: str


def turns_of(texts: Iterable[str]) -> tuple[Turn, ...]:
    """Texts as turns, the user's first."""
    return tuple(map(Turn, cycle(ROLES), texts))


class Dialogue(NamedTuple):
    """A source dialogue: user first, strictly alternating, nothing empty.

    Attributes:
        source_id: `<file name without extensions>:<id>`, with `#<row, from 1>`
            in the id's place where there is none or it repeats.
        key: a hash of the turns (and, of a kept duplicate, its ordinal), from
            which all chance is drawn.
        language: `en` or `zh`.
        split: where all that is made of it goes (rule 9).
        source: the number of its source in the recipe, from 0.
    """

    source_id: str
    key: str
    language: str
    turns: tuple[Turn, ...]
    split: Split = "train"
    source: int = 0


class Utterance(NamedTuple):
    """What one side says, defused (rule 6), with its place over the other side.

    Attributes:
        text: as planned.
        heard: code points spoken before the other side cut in; all, if none did.
        at: code points of the other side's utterance already spoken when this
            one began, -1 if it does not begin over the other side.
        state: of the user only.
        kind: of the user `message`, `interjection`, `stop`, `repeat`, `reset`, `aside`,
            `statement`; of the assistant `answer`, `new_answer`, `resumption`.
        origin: `source` if the whole text is the source's, else who joined or
            wrote it: `offline`, or a model's name.
    """

    role: Role
    text: str
    heard: int
    at: int
    state: State | None
    kind: str
    origin: str

    @property
    def cut(self) -> bool:
        """Whether the other side cut in before its end."""
        return self.heard < len(self.text)


def is_cut(utterances: Sequence[Utterance], number: int) -> bool:
    """Whether the other side cut in, also where what it kept from being heard is not known."""
    following = utterances[number + 1] if number + 1 < len(utterances) else None
    cuts_in = following is not None and following.state != "statement" and following.at >= 0
    return cuts_in or utterances[number].cut


class Script(NamedTuple):
    """The timeline of one conversation: who says what, over whom, how much is heard.

    Attributes:
        whose: for each round the number of its dialogue among `source_ids`, where whole
            rounds of several are interlaced; else empty.
    """

    id: str
    type: str
    language: str
    source_ids: tuple[str, ...]
    keys: tuple[str, ...]
    utterances: tuple[Utterance, ...]
    whose: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """The hash that its id ends in: of one dialogue its key, of several a hash of theirs."""
        return self.id.rpartition("-")[2]

    @property
    def generator(self) -> str:
        """`source`, or the origins other than source, sorted, joined by `+`."""
        written = {one.origin for one in self.utterances} - {SOURCE}
        return "+".join(sorted(written)) if written else SOURCE


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish for text that the source does not hold.

    Attributes:
        kind: what is wished for; `fuse` joins a transition and a message, `answer`
            answers a question anew, `aside` asks about what is being said, answers that
            and goes on, and `statement` remarks on the dialogue.
        language: `en` or `zh`.
        values: what the text is to be made of.
        history: what was said before, for a writer that looks at it.
        replaceable: whether the offline writer's text can stand in for another's.
    """

    kind: str
    language: str
    values: Mapping[str, Any]
    history: Sequence[Utterance] = ()
    replaceable: bool = True

    @property
    def is_open(self) -> bool:
        """Whether it hangs on texts that have not come yet."""
        return any(one.origin == PENDING for one in self.history)


@dataclass(frozen=True, slots=True)
class Reply:
    """The texts that came back, and who wrote them.

    Attributes:
        texts: one; of an `aside` the question and the resumption; of a `statement` as
            many as were asked for.
        origin: of all of them.
    """

    texts: tuple[str, ...]
    origin: str

    @property
    def text(self) -> str:
        """The first or only one."""
        return self.texts[0]


Scripting = Generator[Ask, Reply, Script]
"""A script in the making: yields asks, gets replies, returns the script."""


_HEADS: dict[Role, bytes] = {"user": b"user:%d:", "assistant": b"assistant:%d:"}


def turns_key(turns: Iterable[Turn]) -> str:
    """The key of a dialogue: 80 bits of a hash of its turns alone, roles and texts, as hex."""
    digest = blake2b(digest_size=10)
    for role, text in turns:
        data = text.encode()
        digest.update(_HEADS[role] % len(data))
        digest.update(data)
    return digest.hexdigest()


def texts_key(texts: Iterable[bytes]) -> str:
    """The key of a dialogue whose turns have these texts, the user's first."""
    digest = blake2b(digest_size=10)
    for head, data in zip(cycle(_HEADS.values()), texts):
        digest.update(head % len(data))
        digest.update(data)
    return digest.hexdigest()


def copy_key(key: str, ordinal: int) -> str:
    """The key of a kept duplicate.

    Args:
        key: of its turns.
        ordinal: its number among the dialogues with these turns, from 1.
    """
    return blake2b(f"{key}#{ordinal}".encode(), digest_size=10).hexdigest()


def row_id(type_name: str, keys: tuple[str, ...]) -> str:
    """The id of the row of a type made of the dialogues with these keys."""
    if len(keys) == 1:
        return f"{type_name}-{keys[0]}"
    return f"{type_name}-{blake2b('+'.join(keys).encode(), digest_size=10).hexdigest()}"
