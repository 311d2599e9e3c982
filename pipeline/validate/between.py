"""What holds between rows: ids once, and a source dialogue in one split, language and group."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .join import hash_of
from .nouns import Row
from .report import Breach, Report
from .rows import open_rows, read_rows
from .tally import Tally

_SPLIT = re.compile(r"(train|validation|test)\b")


def check_between(found: Sequence[Path], tally: Tally, report: Report) -> None:
    """Checks ids, splits (rule 9), languages and groups, each over all rows."""
    repeated, shared, foreign = (
        tally.repeated_ids(),
        tally.in_two_splits(),
        tally.in_two_languages(),
    )
    twice = tally.grouped_twice()
    if repeated:
        _name_repeated(found, repeated, report)
    elif tally.ids:
        report.proved["unique"] += len(tally.ids)
    if twice:
        _name_grouped(found, twice, report)
    elif tally.grouped:
        report.proved["groups"] += sum(tally.counts["written"][one] for one in tally.grouped)
    if foreign:
        _name_foreign(found, foreign, report)
    elif tally.languages:
        report.proved["language"] += report.rows
    if shared:
        _name_shared(found, shared, report)
    elif len(tally.sources) > 1:
        report.proved["rule 9"] += report.rows
    else:
        report.leave("rule 9", "there is one split only")


def _name_repeated(found: Sequence[Path], repeated: set[int], report: Report) -> None:
    """Reads the rows again for those whose id another row has."""
    seen: set[str] = set()
    for name, row in _rows_again(found):
        if row.id is None or hash_of(row.id) not in repeated:
            continue
        if row.id in seen:
            report.breach(Breach("unique", name, row.number, row.id, "an id of its own", row.id))
        seen.add(row.id)


def _name_grouped(found: Sequence[Path], twice: Mapping[str, set[int]], report: Report) -> None:
    """Reads the rows again for those that use a dialogue which another of their type uses."""
    seen: set[tuple[str, str]] = set()
    for name, row in _rows_again(found):
        for one in row.source_ids:
            if row.type is None or hash_of(one) not in twice.get(row.type, ()):
                continue
            if (row.type, one) in seen:
                wanted = f"{one} in one row of type {row.type}"
                report.breach(Breach("groups", name, row.number, row.id, wanted, "two"))
            seen.add((row.type, one))


def _name_foreign(found: Sequence[Path], foreign: set[int], report: Report) -> None:
    """Reads the rows again for those whose source dialogue is in another language elsewhere."""
    first_in: dict[str, str] = {}
    for name, row in _rows_again(found):
        language = row.language or ""
        for one in row.source_ids:
            if hash_of(one) in foreign and first_in.setdefault(one, language) != language:
                wanted = f"{one} in the language {first_in[one]}"
                report.breach(Breach("language", name, row.number, row.id, wanted, language))


def _name_shared(found: Sequence[Path], shared: set[int], report: Report) -> None:
    """Reads the rows again for those whose source dialogue is in another split too."""
    first_in: dict[str, str] = {}
    for name, row in _rows_again(found):
        split = split_of(Path(name))
        for one in row.source_ids:
            if hash_of(one) in shared and first_in.setdefault(one, split) != split:
                report.breach(
                    Breach("rule 9", name, row.number, row.id, f"{one} in one split", "two")
                )


def _rows_again(found: Sequence[Path]) -> Iterator[tuple[str, Row]]:
    for path in found:
        for batch in read_rows(open_rows(path)):
            for row in batch:
                if isinstance(row, Row):
                    yield path.name, row


def split_of(path: Path) -> str:
    """The split whose rows a file holds, by its name; `all` where that names none."""
    named = _SPLIT.match(path.name)
    return named[1] if named else "all"
