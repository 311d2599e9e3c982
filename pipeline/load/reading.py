"""Pass one over the sources: rows become dialogues, in blocks, or are rejected."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from ..chance import Chance
from ..dialogue import Dialogue, Split, Turn, copy_key, turns_key
from ..errors import SourceError
from ..recipe import Recipe, SourceOptions
from .block import Block, Place
from .check import check_messages
from .files import Meter, RawRow, first_rows, raw_rows
from .language import guess_language
from .layouts import COLUMNS, LAYOUTS, guess_layout
from .layouts.message import Layout
from .raw_file import RawFile, stem_of
from .rejects import REASONS, Reject
from .sources import Source, find_sources

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
    """A file that was read: what names it, what it held, and how many dialogues that gave.

    Attributes:
        source: as it was given.
        file: what it is called in rejected.parquet.
        name: what the ids of its rows begin with.
        layout: as which its rows were read.
        bytes: its size.
        sha256: of its bytes, if known; else `etag` says which version was read.
        rows: how many were read.
        kept: how many of them became dialogues.
        repository: on the Hub, if it is of one.
        revision: the commit of that repository.
        etag: what its store calls this version of it.
    """

    source: str
    file: str
    name: str
    layout: str | None
    bytes: int
    sha256: str | None
    rows: int
    kept: int
    repository: str | None = None
    revision: str | None = None
    etag: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """What a manifest says of it; what a file of this machine lacks is not named."""
        elsewhere = ("repository", "revision", "etag")
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None or name not in elsewhere
        }


@dataclass(slots=True)
class Reading:
    """The state of pass one; complete when `blocks` has come to its end.

    Attributes:
        recipe: limit, layout, language, duplicates and seed are taken from it.
        say: tells the user a line.
        sources: those of the recipe, where they were found already.
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
    sources: Sequence[Source] | None = None
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
    _guessed: tuple[str | None, Layout | None] | None = field(default=None, repr=False)

    def blocks(self) -> Iterator[Block]:
        """The usable dialogues, in source order, `block_rows` a block.

        Raises:
            SourceError: a source is missing or broken, or holds no usable row.
        """
        found = self.sources
        if found is None:
            found = find_sources(self.recipe.source, say=self.say)
        self._all_bytes = sum(file.size for source in found for file in source.files)
        dialogues: list[tuple[Dialogue, Place]] = []
        number = 0
        for ordinal, source in enumerate(found):
            for one in self._source(ordinal, source):
                dialogues.append(one)
                if len(dialogues) == self.recipe.block_rows:
                    yield _block(number, dialogues)
                    number += 1
                    dialogues = []
        self.share = 1.0
        if dialogues:
            yield _block(number, dialogues)

    def _source(self, ordinal: int, source: Source) -> Iterator[tuple[Dialogue, Place]]:
        usable = False
        before = len(self.rejected)
        options = self.recipe.options(ordinal)
        end = None if options.limit is None else self.rows + options.limit
        name, rows_before = "", 0
        for file in source.files:
            if self._left(end) == 0:
                break
            if file.repository is None or not name:
                name, rows_before = self._name(file), 0
            row = 0
            for place, result in self._file(source.given, file, name, options, end):
                row = place.row
                if isinstance(result, Reject):
                    self.rejected.append(RejectedRow(place, result.reason, result.detail))
                    continue
                usable = True
                dialogue = self._identify(result, name, rows_before + row, ordinal, options)
                if isinstance(dialogue, Reject):
                    self.rejected.append(RejectedRow(place, dialogue.reason, dialogue.detail))
                    continue
                self.kept += 1
                yield dialogue, place
            rows_before += row  # the files of a repository are numbered as one
        # A limit may cut a source before its first usable row; but not all sources.
        if not usable and (self._left(end) != 0 or self.kept == 0):
            raise SourceError(_nothing_usable(source, self.rejected[before:]))

    def _file(
        self, source: str, file: RawFile, name: str, options: SourceOptions, end: int | None
    ) -> Iterator[tuple[Place, "_Usable | Reject"]]:
        layout = self._layout(file, options)
        rows, kept = 0, self.kept
        meter = Meter()
        for raw in islice(raw_rows(file, COLUMNS, meter), self._left(end)):
            rows += 1
            self.rows += 1
            if not rows % _METERED_ROWS:
                self._look_at(meter)
            yield Place(file.shown, raw.row, raw.line), self._use(raw, layout)
        facts = file.facts()
        self._bytes += facts.bytes
        self.files.append(
            SourceFile(
                source=source,
                file=file.shown,
                name=name,
                layout=layout.name if layout else None,
                bytes=facts.bytes,
                sha256=facts.sha256,
                rows=rows,
                kept=self.kept - kept,
                repository=file.repository,
                revision=file.revision,
                etag=facts.etag,
            )
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

    def _layout(self, file: RawFile, options: SourceOptions) -> Layout | None:
        named = options.layout or self.recipe.layout
        if named:
            return LAYOUTS[named]
        layout = guess_layout(first_rows(file, COLUMNS, _GUESS_ROWS))
        # The files of a repository are mostly alike, and may be hundreds.
        guessed = (file.repository, layout)
        if layout and (file.repository is None or guessed != self._guessed):
            self.say(f"{file.shown}: rows of layout {layout.name}, {layout.shape}")
        self._guessed = guessed
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

    def _name(self, file: RawFile) -> str:
        """What ids begin with: the Hub id or the file's stem, told apart where it repeats."""
        stem = file.repository or stem_of(file.name) or file.name
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


def _block(number: int, found: list[tuple[Dialogue, Place]]) -> Block:
    dialogues, places = zip(*found, strict=True)
    return Block(number, dialogues, places)


def _keys(row: dict[str, Any]) -> str:
    return ", ".join(str(key)[:30] for key in list(row)[:8]) or "none"


def _nothing_usable(source: Source, rejected: list[RejectedRow]) -> str:
    seen = "; ".join(
        f"{'line' if one.place.line else 'row'} {one.place.line or one.place.row}: "
        f"{REASONS[one.reason]}" + (f" ({one.detail})" if one.detail else "")
        for one in rejected[:_SHOWN_ROWS]
    )
    shapes = "; ".join(f"{layout.name} {layout.shape}" for layout in LAYOUTS.values())
    return (
        f"no usable row in {source.given}"
        + (f" ({source.files[0].shown}: {seen})" if seen else " (it is empty)")
        + "\n"
        f"layouts that can be read: {shapes}; name one with --layout"
    )
