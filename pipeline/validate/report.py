"""What `validate` found: what is proved over how many rows, what is not, what is broken.

A check is proved for a row if it was applied to the whole row and nothing in
the row broke it. A row that breaks one check proves only the others.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

CHECKS: dict[str, str] = {
    "file": "the file can be read and has the Arrow schema of its format",
    "schema": "sampled rows are valid against the JSON Schema of their format",
    "shape": "columns, strict order of roles, utterances in order of begin, states, generator, id",
    "type": "what the type of the row allows",
    "rule 1": "heard and unheard text are the planned text, user text is trimmed",
    "rule 2": "slices end where the tokenizer's tokens and the segmenter's words say",
    "rule 3": "each slice stands in its pair, and silence exactly where nobody speaks",
    "rule 4": "a cut lies on a slice boundary inside its answer",
    "rule 5": "the assistant never begins over the user",
    "rule 6": "no text forges a control token",
    "rule 7": "every statement is a remark that needs no answer, in the language of its row",
    "budget": "no row holds more text than the length budget allows",
    "source": "texts of origin source are the source's, whole and in order (rule 1)",
    "spaces": "what stands between a user's slices is as in the source, where the text is its",
    "script": "the language is the one that was forced, or that of the source's script",
    "unique": "no two rows have one id",
    "groups": "a type that joins dialogues uses each of them in one row at most",
    "language": "the rows made of a source dialogue are all of one language",
    "rule 9": "no source dialogue is in two splits",
    "nothing lost": "every source row is in a row of each type, or rejected, or left out by name",
    "manifest": "the files' sha256 and all counts that can be told again are the manifest's",
}
"""What is checked, in the order of the report, in words for the screen."""

_LONGEST = 160
"""Characters of an expected or found value on the screen."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One place that breaks a check.

    Attributes:
        check: a key of `CHECKS`.
        file: where it is, seen from the path that was validated.
        row: the row in the file, from 1; None where the file as a whole is meant.
        id: of the row, if it has one.
        expected: what the contract asks for there.
        found: what is there.
    """

    check: str
    file: str
    row: int | None
    id: str | None
    expected: str
    found: str

    def __str__(self) -> str:
        """The breach as a line for the screen."""
        where = [self.file]
        if self.row is not None:
            where.append(f"row {self.row:,}")
        if self.id is not None:
            where.append(self.id)
        return (
            f"{', '.join(where)}: {self.check}: "
            f"expected {_short(self.expected)}; found {_short(self.found)}"
        )


@dataclass(slots=True)
class Verdict:
    """What the checks of one row say; filled by them, read once.

    Attributes:
        scope: the checks that are applied to the row.
        broken: of each broken check the first thing that breaks it, as
            (expected, found); what follows in a row is most often its echo.
        left: of each check that could not be applied to the whole row, why.
    """

    scope: tuple[str, ...]
    broken: dict[str, tuple[str, str]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def breach(self, check: str, expected: str, found: str) -> None:
        """Notes that a check is broken."""
        self.broken.setdefault(check, (expected, found))

    def leave(self, check: str, why: str) -> None:
        """Notes that a check could not be applied to all of the row."""
        self.left.setdefault(check, why)

    def take_best(self, tried: "Sequence[Verdict]") -> None:
        """Takes over what a way of reading the row says: the last, if it is right, else the first.

        Args:
            tried: the ways in turn, up to one that breaks nothing.
        """
        best = tried[-1] if not tried[-1].broken else tried[0]
        for check, (expected, found) in best.broken.items():
            self.breach(check, expected, found)
        for check, why in best.left.items():
            self.leave(check, why)


@dataclass(slots=True)
class Report:
    """What was proved, what was not, and the first breaches.

    Attributes:
        show: how many breaches of each check are kept for the screen.
        settings: how the rows were read, in words.
        rows: how many rows were read.
        files: how many files they came from.
        breaches: how many breaches there are: at most one a row and check.
        in_rows: how many of them are of a row alone, not between rows or of the folder.
        rows_in_breach: how many rows break something alone.
        first: the first breaches of each check.
        proved: over how many rows (or files) each check is proved.
        unproved: (check, why) -> over how many rows; 0 where rows are not counted.
    """

    show: int = 3
    settings: list[str] = field(default_factory=list)
    rows: int = 0
    files: int = 0
    breaches: int = 0
    in_rows: int = 0
    rows_in_breach: int = 0
    first: list[Breach] = field(default_factory=list)
    proved: Counter[str] = field(default_factory=Counter)
    unproved: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)

    def breach(self, found: Breach) -> None:
        """Counts a breach, and keeps it if it is among the first of its check."""
        self.breaches += 1
        self.broken[found.check] += 1
        if self.broken[found.check] <= self.show:
            self.first.append(found)

    def leave(self, check: str, why: str, rows: int = 0) -> None:
        """Notes that a check is not proved, and why."""
        self.unproved[check, why] += rows

    def take(self, verdict: Verdict, file: str, row: int, row_id: str | None) -> None:
        """Adds what the checks of one row say."""
        for check, (expected, found) in verdict.broken.items():
            self.breach(Breach(check, file, row, row_id, expected, found))
        for check, why in verdict.left.items():
            self.unproved[check, why] += 1
        self.in_rows += len(verdict.broken)
        if verdict.broken:
            self.rows_in_breach += 1
        for check in verdict.scope:
            if check not in verdict.broken and check not in verdict.left:
                self.proved[check] += 1

    def merge(self, other: "Report") -> None:
        """Takes what is found in the rows that come next, as if it had been told of each."""
        told = self.broken.copy()
        for found in other.first:
            told[found.check] += 1
            if told[found.check] <= self.show:
                self.first.append(found)
        self.rows += other.rows
        self.files += other.files
        self.breaches += other.breaches
        self.in_rows += other.in_rows
        self.rows_in_breach += other.rows_in_breach
        self.proved.update(other.proved)
        self.unproved.update(other.unproved)
        self.broken.update(other.broken)

    def lines(self) -> list[str]:
        """The report for the screen."""
        read = f"{_counted(self.rows, 'row')} of {_counted(self.files, 'file')}"
        said = [read, *self.settings, "proved:"]
        said += [
            f"  {check}: {self.proved[check]:,} {_unit(check)}: {meaning}"
            for check, meaning in CHECKS.items()
            if self.proved[check]
        ]
        if not self.proved:
            said.append("  nothing")
        if self.unproved:
            said.append("not proved:")
            order = list(CHECKS)
            said += [
                f"  {check}: {f'{rows:,} rows: ' if rows else ''}{why}"
                for (check, why), rows in sorted(
                    self.unproved.items(),
                    key=lambda one: (
                        order.index(one[0][0]) if one[0][0] in order else len(order),
                        one[0],
                    ),
                )
            ]
        if not self.breaches:
            said.append("no breach")
            return said
        by_check = ", ".join(f"{check} {count:,}" for check, count in self.broken.items())
        said.append(f"{self._where()}: {by_check}")
        said += [f"  {one}" for one in self.first]
        if len(self.first) < self.breaches:
            said.append(f"  and {self.breaches - len(self.first):,} more")
        return said

    def _where(self) -> str:
        """How many breaches there are, and how many of them lie in rows."""
        every, others = _counted(self.breaches, "breach"), self.breaches - self.in_rows
        rows = _counted(self.rows_in_breach, "row")
        if not self.in_rows:
            return f"{every} between rows or of the folder"
        if not others:
            return f"{every} in {rows}"
        return f"{every}, {self.in_rows:,} in {rows}, {others:,} between rows or of the folder"


def _counted(count: int, noun: str) -> str:
    """A count with its noun, which forms its plural by a rule."""
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def _unit(check: str) -> str:
    if check in ("file", "manifest"):
        return "files"
    return "source rows" if check == "nothing lost" else "rows"


def _short(value: str) -> str:
    """A value cut to the width of a screen, its middle left out."""
    if len(value) <= _LONGEST:
        return value
    half = _LONGEST // 2
    return f"{value[:half]} [...] {value[-half:]}"
