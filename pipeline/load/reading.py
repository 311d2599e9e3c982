"""Pass one over the sources: rows become dialogues, in blocks, or are rejected."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ..chance import Chance
from ..dialogue import Dialogue, Split, Turn, copy_key, turns_key
from ..errors import SourceError
from ..recipe import Recipe, SourceOptions
from .block import Block, Place
from .check import check_messages
from .files import (
    SAMPLE,
    Meter,
    RawRow,
    file_digest,
    first_rows,
    raw_rows,
    source_files,
    stem_of,
)
from .language import guess_language
from .layouts import COLUMNS, LAYOUTS, guess_layout
from .layouts.message import Layout
from .rejects import REASONS, Reject

_GUESS_ROWS = 100
_SHOWN_ROWS = 3
_METERED_ROWS = 64
_NUMBERED = re.compile(r"#\d+")  # how a row without an id is called


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A source row that cannot be used, where it stands, and why."""

    place: Place
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read: what names it, what it held, and how many dialogues that gave."""

    source: str
    file: str
    name: str
    layout: str | None
    bytes: int
    sha256: str
    rows: int
    kept: int


@dataclass(slots=True)
class Reading:
    """The state of pass one; complete when `blocks` has come to its end.

    Attributes:
        recipe: limit, layout, language, duplicates and seed are taken from it.
        say: tells the user a line.
        files: what was read, in order.
        rejected: the rows that cannot be used, in order.
        rows: how many rows were read, rejects included.
        kept: how many became dialogues.
        system_messages: how many were dropped.
        trailing_user_turns: how many were dropped.
        share: of the sources that is read, from 0 to 1: of their bytes, or of `limit`.
    """

    recipe: Recipe
    say: Callable[[str], None]
    files: list[SourceFile] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    rows: int = 0
    kept: int = 0
    system_messages: int = 0
    trailing_user_turns: int = 0
    share: float = 0.0
    _bytes: int = field(default=0, repr=False)
    _all_bytes: int = field(default=0, repr=False)
    _ids: set[str] = field(default_factory=set, repr=False)
    _first: dict[bytes, int] = field(default_factory=dict, repr=False)
    _stems: Counter[str] = field(default_factory=Counter, repr=False)
    _copies: Counter[bytes] = field(default_factory=Counter, repr=False)

    def blocks(self) -> Iterator[Block]:
        """The usable dialogues, in source order, `block_rows` a block.

        Raises:
            SourceError: a source is missing or broken, or holds no usable row.
        """
        found = [(source, source_files(source)) for source in self.recipe.source]
        self._all_bytes = sum(_size(file) for _source, files in found for file in files)
        dialogues: list[tuple[Dialogue, Place]] = []
        number = 0
        for ordinal, (source, files) in enumerate(found):
            for one in self._source(ordinal, source, files):
                dialogues.append(one)
                if len(dialogues) == self.recipe.block_rows:
                    yield _block(number, dialogues)
                    number += 1
                    dialogues = []
        self.share = 1.0
        if dialogues:
            yield _block(number, dialogues)

    def _source(
        self, ordinal: int, source: str, files: list[Path]
    ) -> Iterator[tuple[Dialogue, Place]]:
        usable = False
        before = len(self.rejected)
        options = self.recipe.options(ordinal)
        end = None if options.limit is None else self.rows + options.limit
        for file in files:
            if self._left(end) == 0:
                break
            name = self._name(file)
            for place, result in self._file(source, file, name, options, end):
                if isinstance(result, Reject):
                    self.rejected.append(RejectedRow(place, result.reason, result.detail))
                    continue
                usable = True
                dialogue = self._identify(result, name, place.row, ordinal, options)
                if isinstance(dialogue, Reject):
                    self.rejected.append(RejectedRow(place, dialogue.reason, dialogue.detail))
                    continue
                self.kept += 1
                yield dialogue, place
        # A limit may cut a source before its first usable row; but not all sources.
        if not usable and (self._left(end) != 0 or self.kept == 0):
            raise SourceError(_nothing_usable(source, files[0], self.rejected[before:]))

    def _file(
        self, source: str, file: Path, name: str, options: SourceOptions, end: int | None
    ) -> Iterator[tuple[Place, "_Usable | Reject"]]:
        shown = SAMPLE if source == SAMPLE else str(file)
        layout = self._layout(file, shown, options)
        rows, kept = 0, self.kept
        meter = Meter()
        for raw in islice(raw_rows(file, COLUMNS, meter), self._left(end)):
            rows += 1
            self.rows += 1
            if not rows % _METERED_ROWS:
                self._look_at(meter)
            yield Place(shown, raw.row, raw.line), self._use(raw, layout)
        try:
            size, sha256 = file.stat().st_size, file_digest(file)
        except OSError as error:
            raise SourceError(f"{file} went away while it was read: {error}") from error
        self._bytes += size
        read_as = layout.name if layout else None
        self.files.append(
            SourceFile(source, shown, name, read_as, size, sha256, rows, self.kept - kept)
        )

    def _look_at(self, meter: Meter) -> None:
        """Sees how far the sources are read."""
        of_bytes = (self._bytes + meter.position()) / max(1, self._all_bytes)
        of_limit = self.rows / self.recipe.limit if self.recipe.limit else 0.0
        self.share = min(1.0, max(of_bytes, of_limit))

    def _left(self, end: int | None) -> int | None:
        """How many rows may still be read; None is any number.

        Args:
            end: how many may have been read at the end of the source, if it has a limit.
        """
        bounds = [one for one in (self.recipe.limit, end) if one is not None]
        return min(bounds) - self.rows if bounds else None

    def _layout(self, file: Path, shown: str, options: SourceOptions) -> Layout | None:
        named = options.layout or self.recipe.layout
        if named:
            return LAYOUTS[named]
        layout = guess_layout(first_rows(file, COLUMNS, _GUESS_ROWS))
        if layout:
            self.say(f"{shown}: rows of layout {layout.name}, {layout.shape}")
        return layout

    def _use(self, raw: RawRow, layout: Layout | None) -> "_Usable | Reject":
        """The turns of a raw row, or why it has none."""
        row = raw.value
        try:
            if isinstance(row, Reject):
                return row
            if not isinstance(row, dict):
                return Reject("not_an_object", f"it is a {type(row).__name__}")
            if layout is None or not layout.fits(row):
                return Reject("unknown_layout", f"its keys are {_keys(row)}")
            found = layout.read(row)
            checked = check_messages(found.messages, self.recipe.max_characters)
        except Reject as reject:
            return reject
        self.system_messages += checked.system_messages
        self.trailing_user_turns += checked.trailing_user_turns
        return _Usable(found.id, checked.turns)

    def _identify(
        self, usable: "_Usable", name: str, row: int, ordinal: int, options: SourceOptions
    ) -> Dialogue | Reject:
        """The dialogue with its key, id, language and split, if it is drawn and no duplicate."""
        content = turns_key(usable.turns)
        # By content: copies are drawn alike, and a higher weight only adds dialogues.
        if options.weight < 1 and self._share(content, "weight") >= options.weight:
            return Reject("not_drawn", f"the weight of {options.path} is {options.weight}")
        short = bytes.fromhex(content)  # half the memory, for millions of rows
        first = self._first.setdefault(short, self.rows)
        copy = 0
        if first != self.rows:
            if self.recipe.duplicates == "reject":
                return Reject("duplicate", f"of row {first} of all that were read")
            copy = self._copies[short] = self._copies[short] + 1
        language = options.language or self.recipe.language
        if language == "auto":
            language = guess_language(turn.text for turn in usable.turns)
        return Dialogue(
            source_id=self._source_id(usable.id, name, row),
            key=copy_key(content, copy) if copy else content,
            language=language,
            turns=usable.turns,
            split=self._split(content),
            source=ordinal,
        )

    def _name(self, file: Path) -> str:
        """What the ids of a file's rows begin with: its stem, told apart where it repeats."""
        stem = stem_of(file) or file.name
        self._stems[stem] += 1
        return stem if self._stems[stem] == 1 else f"{stem}~{self._stems[stem]}"

    def _source_id(self, own: Any, name: str, row: int) -> str:
        if isinstance(own, (str, int)) and not isinstance(own, bool) and own != "":
            # Half a surrogate pair cannot be written.
            own = str(own).encode("utf-8", "backslashreplace").decode()
            source_id = f"{name}:{own}"
            if source_id not in self._ids and not _NUMBERED.fullmatch(own):
                self._ids.add(source_id)
                return source_id
        return f"{name}:#{row}"

    def _split(self, content: str) -> Split:
        if self.recipe.validation <= 0:
            return "train"
        # By content, so that copies of a dialogue stay together (rule 9).
        return "validation" if self._share(content, "split") < self.recipe.validation else "train"

    def _share(self, content: str, purpose: str) -> float:
        return Chance(self.recipe.seed, (content,)).of(purpose).fraction()


@dataclass(frozen=True, slots=True)
class _Usable:
    """A row that can be used: its own id, if it has one, and its turns."""

    id: Any
    turns: tuple[Turn, ...]


def _size(file: Path) -> int:
    """The file's bytes; of one that cannot be had, which its reader will tell, none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _block(number: int, found: list[tuple[Dialogue, Place]]) -> Block:
    dialogues, places = zip(*found, strict=True)
    return Block(number, dialogues, places)


def _keys(row: dict[str, Any]) -> str:
    return ", ".join(str(key)[:30] for key in list(row)[:8]) or "none"


def _nothing_usable(source: str, file: Path, rejected: list[RejectedRow]) -> str:
    seen = "; ".join(
        f"{'line' if one.place.line else 'row'} {one.place.line or one.place.row}: "
        f"{REASONS[one.reason]}" + (f" ({one.detail})" if one.detail else "")
        for one in rejected[:_SHOWN_ROWS]
    )
    shapes = "; ".join(f"{layout.name} {layout.shape}" for layout in LAYOUTS.values())
    return (
        f"no usable row in {source}" + (f" ({file}: {seen})" if seen else " (it is empty)") + "\n"
        f"layouts that can be read: {shapes}; name one with --layout"
    )
