"""What a usable row becomes: a dialogue or a script, with id, key, language and split.

Here a row turns out to be a duplicate, too, or not to be drawn.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from ..chance import Chance
from ..dialogue import Script, Split, copy_key, texts_key
from ..recipe import Recipe, SourceOptions
from .block import Found, GivenScript, lengths_of
from .layouts.script import RawScript
from .raw_file import RawFile, stem_of
from .rejects import Reject
from .scripts import content_key, copy_of, name_script, split_of_shard
from .seen import KEY_BYTES, Seen

_NUMBERED = re.compile(r"#\d+")  # how a row without an id is called


class UsableRow(NamedTuple):
    """The texts of a row in turn, in UTF-8, and its own id, if it has one."""

    id: Any
    texts: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Where the rows of a file stand, as far as their names depend on it.

    Attributes:
        name: what the ids of its rows begin with.
        stem: of its own name.
        before: how many rows of other files come before its first under that name.
        ordinal: the number of its source in the recipe.
        options: of that source.
    """

    name: str
    stem: str
    before: int
    ordinal: int
    options: SourceOptions


@dataclass(slots=True)
class Naming:
    """What was named so far; it grows with the sources, by some 30 bytes a row.

    Attributes:
        recipe: of the run.
        is_mixed: whether rows that were made of dialogues may stand beside these.
    """

    recipe: Recipe
    is_mixed: bool = False
    _ids: Seen = field(init=False)
    _content: Seen = field(default_factory=Seen)
    _copies: Counter[bytes] = field(default_factory=Counter)
    _rows: Seen = field(default_factory=Seen)  # of this tool: the keys in their ids
    _row_sources: Seen = field(default_factory=Seen)
    _has_rows: bool = False
    _names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Nothing is named yet; which row has an id is told only where rows may be made of it."""
        self._ids = Seen(keeps_rows=self.is_mixed)

    def of_file(self, file: RawFile) -> str:
        """What ids begin with: the Hub id or the file's stem, told apart where it repeats."""
        stem = name = file.repository or stem_of(file.name) or file.name
        number = 1
        while name in self._names:
            number += 1
            name = f"{stem}~{number}"
        self._names.add(name)
        return name

    def dialogue(self, usable: UsableRow, place: FilePlace, row: int, read: int) -> Found:
        """The dialogue of a row.

        Args:
            usable: the row.
            place: its file.
            row: its number in that, from 1.
            read: how many rows were read of all sources, with it.

        Raises:
            Reject: it is not drawn, or a duplicate.
        """
        content = texts_key(usable.texts)
        if place.options.weight < 1:
            self._draw(content, place.options)
        short = bytes.fromhex(content)
        first = self._content.first(short, read)
        copy = 0
        if first != read:
            if self.recipe.duplicates == "reject":
                raise Reject("duplicate", f"of row {first} of all that were read")
            copy = self._copies[short] = self._copies[short] + 1
        source_id = self._source_id(usable.id, place, row, read)
        key = copy_key(content, copy) if copy else content
        made_of = self._row_of(source_id, key) if self._has_rows else None
        if made_of is not None:
            raise Reject("duplicate", f"row {made_of} of all that were read is made of it")
        named = place.options.language or self.recipe.language
        language = None if named == "auto" else named  # its texts will tell
        split = self._split(content) if self.recipe.validation > 0 else "train"
        texts = usable.texts
        return Found(
            source_id, key, language, split, place.ordinal, lengths_of(texts), b"".join(texts)
        )

    def script(self, raw: RawScript, place: FilePlace, row: int, read: int) -> GivenScript:
        """The script of a row; see `dialogue`."""
        content = "" if raw.finished else content_key(raw)
        called = str(raw.id) if raw.finished else f"{raw.type}-{content}"
        if place.options.weight < 1:
            self._draw(called, place.options)
        short = _digest(called)
        first = self._content.first(short, read)
        ordinal = 0
        if first != read:
            if raw.finished or self.recipe.duplicates == "reject":
                raise Reject("duplicate", f"of row {first} of all that were read")
            ordinal = self._copies[short] = self._copies[short] + 1
        source_id = "" if raw.finished else self._source_id(raw.id, place, row, read)
        # A row of this tool's own keeps its language, in which its statements are.
        language = "auto" if raw.finished else self._language(place.options)
        key = copy_of(content, ordinal)
        script = name_script(raw, key, source_id, language, self.recipe.markers)
        if raw.finished and self.is_mixed:
            made_of = self._dialogue_of(script, read)
            if made_of is not None:
                raise Reject("duplicate", f"it is made of row {made_of} of all that were read")
        split: Split = split_of_shard(place.stem) if raw.finished else "train"
        return GivenScript(script, split, raw.finished)

    def _row_of(self, source_id: str, key: str) -> int | None:
        """The row that was made of a dialogue, and read before it."""
        row = self._row_sources.row_of(_digest(source_id))
        return self._rows.row_of(_digest(key)) if row is None else row

    def _dialogue_of(self, script: Script, read: int) -> int | None:
        """A dialogue that a row was made of, and that was read before it; the row is remembered."""
        for source_id in script.source_ids:
            row = self._ids.row_of(_digest(source_id))
            if row is not None:
                return row
        row = self._content.row_of(_key_bytes(script.key))
        if row is None:
            self._has_rows = True
            self._rows.first(_digest(script.key), read)
            for source_id in script.source_ids:
                self._row_sources.first(_digest(source_id), read)
        return row

    def _draw(self, content: str, options: SourceOptions) -> None:
        # By content: copies are drawn alike, and a higher weight only adds rows.
        if self._share(content, "weight") >= options.weight:
            raise Reject("not_drawn", f"the weight of {options.path} is {options.weight}")

    def _language(self, options: SourceOptions) -> str:
        return options.language or self.recipe.language

    def _source_id(self, own: Any, place: FilePlace, row: int, read: int) -> str:
        if isinstance(own, str | int) and not isinstance(own, bool) and own != "":
            own = str(own)
            if not own.isascii():  # half a surrogate pair cannot be written
                own = own.encode("utf-8", "backslashreplace").decode()
            source_id = f"{place.name}:{own}"
            if not _NUMBERED.fullmatch(own) and (self._ids.first(_digest(source_id), read) == read):
                return source_id
        source_id = f"{place.name}:#{place.before + row}"
        if self.is_mixed:
            self._ids.first(_digest(source_id), read)
        return source_id

    def _split(self, content: str) -> Split:
        # By content, so that copies of a dialogue stay together (rule 9).
        return "validation" if self._share(content, "split") < self.recipe.validation else "train"

    def _share(self, content: str, purpose: str) -> float:
        return Chance(self.recipe.seed, (content,)).of(purpose).fraction()


def _key_bytes(key: str) -> bytes:
    """What a dialogue of this key is remembered by; of what is no key, what none is."""
    try:
        return bytes.fromhex(key)
    except ValueError:
        return b""


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=KEY_BYTES).digest()
