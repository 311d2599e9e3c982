"""Pass one over the sources: rows become dialogues or scripts, in blocks, or are rejected."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice, starmap
from typing import Any

from ..errors import RecipeError, SourceError
from ..recipe import Recipe, SourceOptions
from .block import AnyBlock, Found, GivenScript, Place, ScriptBlock, block_of_found
from .check import check_messages
from .files import Meter, RawRow, first_rows, raw_rows
from .layouts import COLUMNS, LAYOUTS, guess_layout
from .layouts.duplex_ultrachat import ORIGIN
from .layouts.message import Layout
from .layouts.script import RawScript, ScriptLayout
from .naming import FilePlace, Naming, UsableRow
from .raw_file import RawFile, stem_of
from .rejects import REASONS, Reject
from .scripts import check_length
from .sources import Source, find_sources

_GUESS_ROWS = 100
_SHOWN_ROWS = 3
_ROWS_AT_ONCE = 64

_AnyLayout = Layout | ScriptLayout | None


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
        licence: what the card of its repository says.
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
    licence: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """What a manifest says of it; what a file of this machine lacks is not named."""
        elsewhere = ("repository", "revision", "etag", "licence")
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
        kept: how many became dialogues or scripts.
        scripts: how many of these became scripts.
        read_as: of these, what was decided by rule, and how often.
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
    scripts: int = 0
    read_as: Counter[str] = field(default_factory=Counter)
    system_messages: int = 0
    trailing_user_turns: int = 0
    share: float = 0.0
    _bytes: int = field(default=0, repr=False)
    _all_bytes: int = field(default=0, repr=False)
    _naming: Naming = field(init=False, repr=False)
    _guessed: tuple[str | None, _AnyLayout] | None = field(default=None, repr=False)
    _fit: int = field(default=0, repr=False)
    _ahead: "deque[list[_Placed]]" = field(default_factory=deque, repr=False)
    _rest: "Iterator[list[_Placed]] | None" = field(default=None, repr=False)

    def blocks(self) -> Iterator[AnyBlock]:
        """The usable rows in source order, `block_rows` a block of dialogues or of scripts.

        Raises:
            SourceError: a source is missing or broken, or holds no usable row.
        """
        waiting: list[_Placed] = []
        number, rows = 0, self.recipe.block_rows
        for chunk in self._all():
            if waiting and type(chunk[0][0]) is not type(waiting[0][0]):
                yield _block(number, waiting)
                number, waiting = number + 1, []
            waiting += chunk
            while len(waiting) >= rows:
                block, waiting = _block(number, waiting[:rows]), waiting[rows:]
                yield block  # its rows are let go
                number += 1
        self.share = 1.0
        if waiting:
            yield _block(number, waiting)

    def revisions(self) -> dict[str, str]:
        """The commits that are read of sources on the Hub, once they are found."""
        return {one.given: one.revision for one in self.sources or () if one.revision}

    def read_ahead(self, enough: Callable[[], bool], most: int) -> None:
        """Reads the first usable rows, to be given by `blocks` later.

        Args:
            enough: asked now and then whether it is time to stop.
            most: how many at most, for they are held in memory.

        Raises:
            SourceError: as `blocks`.
        """
        self._rest = self._usable()
        while self.kept < most and not enough():
            chunk = next(self._rest, None)
            if chunk is None:
                return
            self._ahead.append(chunk)

    def _all(self) -> Iterator["list[_Placed]"]:
        """Every usable row, some at a time, those that were read ahead first."""
        rest = self._rest or self._usable()
        while self._ahead:
            yield self._ahead.popleft()
        yield from rest

    def _usable(self) -> Iterator["list[_Placed]"]:
        found = self.sources
        if found is None:
            found = find_sources(self.recipe.source, say=self.say)
        self._all_bytes = sum(file.size for source in found for file in source.files)
        self._naming = Naming(self.recipe, sum(len(source.files) for source in found) > 1)
        for ordinal, source in enumerate(found):
            yield from self._source(ordinal, source)
        del self._naming  # keys of millions of rows, which nothing needs now

    def _source(self, ordinal: int, source: Source) -> Iterator["list[_Placed]"]:
        before, fit = len(self.rejected), self._fit
        options = self.recipe.options(ordinal)
        end = None if options.limit is None else self.rows + options.limit
        name, rows_before = "", 0
        for file in source.files:
            if self._left(end) == 0:
                break
            if file.repository is None or not name:
                name, rows_before = self._naming.of_file(file), 0
            at = FilePlace(name, stem_of(file.name) or file.name, rows_before, ordinal, options)
            yield from self._file(source, file, at, end)
            rows_before += self.files[-1].rows  # the files of a repository are numbered as one
        # A limit may cut a source before its first usable row; but not all sources.
        if self._fit == fit and (self._left(end) != 0 or self.kept == 0):
            raise SourceError(_nothing_usable(source, self.rejected[before:]))

    def _file(
        self, source: Source, file: RawFile, at: FilePlace, end: int | None
    ) -> Iterator["list[_Placed]"]:
        layout = self._layout(file, at.options)
        before, kept = self.rows, self.kept
        meter = Meter()
        rows = islice(raw_rows(file, COLUMNS, meter), self._left(end))
        is_whole = True
        while is_whole:
            read = self.rows
            placed = self._chunk(islice(rows, _ROWS_AT_ONCE), file, layout, at)
            is_whole = self.rows - read == _ROWS_AT_ONCE
            if is_whole:
                self._look_at(meter)
            if placed:
                yield placed
        facts = file.facts()
        self._bytes += facts.bytes
        self.files.append(
            SourceFile(
                source=source.given,
                file=file.shown,
                name=at.name,
                layout=layout.name if layout else None,
                bytes=facts.bytes,
                sha256=facts.sha256,
                rows=self.rows - before,
                kept=self.kept - kept,
                repository=file.repository,
                revision=file.revision,
                etag=facts.etag,
                licence=source.licence,
            )
        )

    def _chunk(
        self, rows: Iterator[RawRow], file: RawFile, layout: _AnyLayout, at: FilePlace
    ) -> "list[_Placed]":
        """What rows that follow each other become; those that cannot be used are put aside."""
        language = at.options.language or self.recipe.language
        shown, naming = file.shown, self._naming
        placed: list[_Placed] = []
        read, fit = self.rows, 0
        for row, line, value in rows:
            read += 1
            made: Found | GivenScript
            try:
                found = self._use(value, layout, at.stem, language)
                fit += 1
                if isinstance(found, UsableRow):
                    made = naming.dialogue(found, at, row, read)
                else:
                    made = naming.script(found, at, row, read)
                    self.scripts += 1
                    self.read_as.update(found.read_as)
            except Reject as why:
                where = Place(shown, row, line)
                self.rejected.append(RejectedRow(where, why.reason, why.detail))
            else:
                placed.append((made, (shown, row, line)))
        self.rows, self._fit, self.kept = read, self._fit + fit, self.kept + len(placed)
        return placed

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

    def _layout(self, file: RawFile, options: SourceOptions) -> _AnyLayout:
        named = options.layout or self.recipe.layout
        layout = LAYOUTS[named] if named else guess_layout(first_rows(file, COLUMNS, _GUESS_ROWS))
        # The files of a repository are mostly alike, and may be hundreds.
        guessed = (file.repository, layout)
        if layout and (file.repository is None or guessed != self._guessed):
            if not named:
                self.say(f"{file.shown}: rows of layout {layout.name}, {layout.shape}")
            if isinstance(layout, ScriptLayout):
                self._say_what_does_not_apply(layout, file.shown)
        self._guessed = guessed
        return layout

    def _say_what_does_not_apply(self, layout: ScriptLayout, shown: str) -> None:
        """Rows that are scripts already keep their type, and their split."""
        if self.recipe.validation > 0:
            raise RecipeError(
                f"--validation cannot be had of {shown}: rows of layout {layout.name} do not say "
                "which of them hold the same dialogue; split where the dialogues are"
            )
        knobs = (
            "--rates does" if layout.name == ORIGIN else "--rates, --statements and --language do"
        )
        self.say(f"{shown}: these rows are conversations already; {knobs} not apply to them")

    def _use(self, row: Any, layout: _AnyLayout, stem: str, language: str) -> UsableRow | RawScript:
        """The texts of a raw row, or its script; raises Reject where it has none."""
        if isinstance(row, Reject):
            raise row
        if not isinstance(row, dict):
            raise Reject("not_an_object", f"it is a {type(row).__name__}")
        if layout is None or not layout.fits(row):
            raise Reject("unknown_layout", f"its keys are {_keys(row)}")
        if isinstance(layout, ScriptLayout):
            script = layout.read(row, stem, language)
            check_length(script, self.recipe.max_characters)
            return script
        own, roles, contents = layout.read(row)
        texts, system, trailing = check_messages(roles, contents, self.recipe.max_characters)
        if system or trailing:
            self.system_messages += system
            self.trailing_user_turns += trailing
        return UsableRow(own, texts)


_Placed = tuple[Found | GivenScript, tuple[str, int, int | None]]
"""What was found, and its place: a `Place` that was not made yet."""


def _block(number: int, placed: list[_Placed]) -> AnyBlock:
    """A block of what was found, all of one kind."""
    places = [place for _, place in placed]
    found = [one for one, _ in placed if isinstance(one, Found)]
    if found:
        return block_of_found(number, found, places)
    given = tuple(one for one, _ in placed if isinstance(one, GivenScript))
    return ScriptBlock(number, given, tuple(starmap(Place, places)))


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
