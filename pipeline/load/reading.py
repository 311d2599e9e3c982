"""Pass one over the sources: rows become dialogues or scripts, in blocks, or are rejected."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from ..chance import Chance
from ..dialogue import Dialogue, Split, Turn, copy_key, turns_key
from ..errors import RecipeError, SourceError
from ..recipe import Recipe
from .block import AnyBlock, Block, GivenScript, Place, ScriptBlock
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
from .layouts.duplex_ultrachat import ORIGIN
from .layouts.message import Layout
from .layouts.script import RawScript, ScriptLayout
from .rejects import REASONS, Reject
from .scripts import check_length, content_key, copy_of, name_script, split_of_shard

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
    """A file that was read: what names it, and what it held."""

    source: str
    file: str
    name: str
    layout: str | None
    bytes: int
    sha256: str
    rows: int


@dataclass(slots=True)
class Reading:
    """The state of pass one; complete when `blocks` has come to its end.

    Attributes:
        recipe: limit, layout, language, duplicates and seed are taken from it.
        say: tells the user a line.
        files: what was read, in order.
        rejected: the rows that cannot be used, in order.
        rows: how many rows were read, rejects included.
        kept: how many became dialogues or scripts.
        scripts: how many of these became scripts.
        read_as: of these, what was decided by rule, and how often.
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
    scripts: int = 0
    read_as: Counter[str] = field(default_factory=Counter)
    system_messages: int = 0
    trailing_user_turns: int = 0
    share: float = 0.0
    _bytes: int = field(default=0, repr=False)
    _all_bytes: int = field(default=0, repr=False)
    _ids: set[str] = field(default_factory=set, repr=False)
    _first: dict[bytes, int] = field(default_factory=dict, repr=False)
    _stems: Counter[str] = field(default_factory=Counter, repr=False)
    _copies: Counter[bytes] = field(default_factory=Counter, repr=False)

    def blocks(self) -> Iterator[AnyBlock]:
        """The usable rows in source order, `block_rows` a block of dialogues or of scripts.

        Raises:
            SourceError: a source is missing or broken, or holds no usable row.
        """
        found = [(source, source_files(source)) for source in self.recipe.source]
        self._all_bytes = sum(_size(file) for _source, files in found for file in files)
        waiting: list[_Placed] = []
        number = 0
        for source, files in found:
            for one in self._source(source, files):
                if waiting and type(one[0]) is not type(waiting[0][0]):
                    yield _block(number, waiting)
                    number, waiting = number + 1, []
                waiting.append(one)
                if len(waiting) == self.recipe.block_rows:
                    yield _block(number, waiting)
                    number, waiting = number + 1, []
        self.share = 1.0
        if waiting:
            yield _block(number, waiting)

    def _source(self, source: str, files: list[Path]) -> Iterator["_Placed"]:
        usable = False
        before = len(self.rejected)
        for file in files:
            if self._left() == 0:
                break
            name = self._name(file)
            for place, result in self._file(source, file, name):
                if isinstance(result, Reject):
                    self.rejected.append(RejectedRow(place, result.reason, result.detail))
                    continue
                usable = True
                made: Dialogue | GivenScript | Reject
                if isinstance(result, RawScript):
                    made = self._name_script(result, name, place.row)
                else:
                    made = self._identify(result, name, place.row)
                if isinstance(made, Reject):
                    self.rejected.append(RejectedRow(place, made.reason, made.detail))
                    continue
                self.kept += 1
                yield made, place
        # A limit may cut a source before its first usable row; but not all sources.
        if not usable and (self._left() != 0 or self.kept == 0):
            raise SourceError(_nothing_usable(source, files[0], self.rejected[before:]))

    def _file(
        self, source: str, file: Path, name: str
    ) -> Iterator[tuple[Place, "_Usable | RawScript | Reject"]]:
        shown = SAMPLE if source == SAMPLE else str(file)
        layout = self._layout(file, shown)
        rows = 0
        meter = Meter()
        for raw in islice(raw_rows(file, COLUMNS, meter), self._left()):
            rows += 1
            self.rows += 1
            if not rows % _METERED_ROWS:
                self._look_at(meter)
            yield Place(shown, raw.row, raw.line), self._use(raw, layout, name)
        try:
            size, sha256 = file.stat().st_size, file_digest(file)
        except OSError as error:
            raise SourceError(f"{file} went away while it was read: {error}") from error
        self._bytes += size
        found = SourceFile(source, shown, name, layout.name if layout else None, size, sha256, rows)
        self.files.append(found)

    def _look_at(self, meter: Meter) -> None:
        """Sees how far the sources are read."""
        of_bytes = (self._bytes + meter.position()) / max(1, self._all_bytes)
        of_limit = self.rows / self.recipe.limit if self.recipe.limit else 0.0
        self.share = min(1.0, max(of_bytes, of_limit))

    def _left(self) -> int | None:
        """How many rows may still be read; None is any number."""
        return None if self.recipe.limit is None else self.recipe.limit - self.rows

    def _layout(self, file: Path, shown: str) -> Layout | ScriptLayout | None:
        if self.recipe.layout:
            layout: Layout | ScriptLayout | None = LAYOUTS[self.recipe.layout]
        else:
            layout = guess_layout(first_rows(file, COLUMNS, _GUESS_ROWS))
            if layout:
                self.say(f"{shown}: rows of layout {layout.name}, {layout.shape}")
        if isinstance(layout, ScriptLayout):
            self._say_what_does_not_apply(layout, shown)
        return layout

    def _say_what_does_not_apply(self, layout: ScriptLayout, shown: str) -> None:
        """Rows that are scripts already keep their type, and their split."""
        if self.recipe.validation > 0:
            raise RecipeError(
                f"--validation cannot be had of {shown}: rows of layout {layout.name} do not say "
                "which of them hold the same dialogue; split where the dialogues are"
            )
        knobs = "--rates does" if layout.name == ORIGIN else "--rates and --statements do"
        self.say(f"{shown}: these rows are conversations already; {knobs} not apply to them")

    def _use(
        self, raw: RawRow, layout: Layout | ScriptLayout | None, name: str
    ) -> "_Usable | RawScript | Reject":
        """The turns of a raw row, or its script, or why it has none."""
        row = raw.value
        try:
            if isinstance(row, Reject):
                return row
            if not isinstance(row, dict):
                return Reject("not_an_object", f"it is a {type(row).__name__}")
            if layout is None or not layout.fits(row):
                return Reject("unknown_layout", f"its keys are {_keys(row)}")
            if isinstance(layout, ScriptLayout):
                script = layout.read(row, name)
                check_length(script, self.recipe.max_characters)
                return script
            found = layout.read(row)
            checked = check_messages(found.messages, self.recipe.max_characters)
        except Reject as reject:
            return reject
        self.system_messages += checked.system_messages
        self.trailing_user_turns += checked.trailing_user_turns
        return _Usable(found.id, checked.turns)

    def _identify(self, usable: "_Usable", name: str, row: int) -> Dialogue | Reject:
        """The dialogue with its key, id, language and split, unless it is a duplicate."""
        content = turns_key(usable.turns)
        short = bytes.fromhex(content)  # half the memory, for millions of rows
        first = self._first.setdefault(short, self.rows)
        ordinal = 0
        if first != self.rows:
            if self.recipe.duplicates == "reject":
                return Reject("duplicate", f"of row {first} of all that were read")
            ordinal = self._copies[short] = self._copies[short] + 1
        language = self.recipe.language
        if language == "auto":
            language = guess_language(turn.text for turn in usable.turns)
        return Dialogue(
            source_id=self._source_id(usable.id, name, row),
            key=copy_key(content, ordinal) if ordinal else content,
            language=language,
            turns=usable.turns,
            split=self._split(content),
        )

    def _name_script(self, raw: RawScript, name: str, row: int) -> GivenScript | Reject:
        """The script with its id, language and split, unless it is a duplicate."""
        content = "" if raw.finished else content_key(raw)
        called = str(raw.id) if raw.finished else f"{raw.type}-{content}"
        short = blake2b(called.encode(), digest_size=10).digest()
        first = self._first.setdefault(short, self.rows)
        ordinal = 0
        if first != self.rows:
            if raw.finished or self.recipe.duplicates == "reject":
                return Reject("duplicate", f"of row {first} of all that were read")
            ordinal = self._copies[short] = self._copies[short] + 1
        source_id = "" if raw.finished else self._source_id(raw.id, name, row)
        script = name_script(
            raw, copy_of(content, ordinal), source_id, self.recipe.language, self.recipe.markers
        )
        self.scripts += 1
        self.read_as.update(raw.read_as)
        split: Split = split_of_shard(name) if raw.finished else "train"
        return GivenScript(script, split, raw.finished)

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
        share = Chance(self.recipe.seed, (content,)).of("split").fraction()
        return "validation" if share < self.recipe.validation else "train"


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


_Placed = tuple[Dialogue | GivenScript, Place]


def _block(number: int, found: list[_Placed]) -> AnyBlock:
    """A block of what was found, all of one kind."""
    places = tuple(place for _, place in found)
    dialogues = tuple(one for one, _ in found if isinstance(one, Dialogue))
    if dialogues:
        return Block(number, dialogues, places)
    return ScriptBlock(
        number, tuple(one for one, _ in found if isinstance(one, GivenScript)), places
    )


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
