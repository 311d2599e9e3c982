"""A validation from its path to its report: opens, joins, checks each row, then the whole."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import TokenizerError
from ..slice.tokenizers import load_tokenizer
from . import duo, released, tdm
from .agree import check_source
from .folder import Rejected, check_manifest, check_nothing_lost, read_rejected
from .join import Source, hash_of, scan_sources
from .nouns import Malformed, Row, Said, SourceDialogue
from .report import Breach, Report, Verdict
from .rows import find_row_files, open_rows, read_rows
from .sampled import Sampler
from .settings import Settings, read_settings
from .tally import Tally
from .text import Cutter, Markers, compile_markers

_SPLIT = re.compile(r"(train|validation|test)\b")


@dataclass(frozen=True, slots=True)
class _Bench:
    """What each row is checked with."""

    settings: Settings
    cutter: Cutter
    markers: Markers
    source: Source | None
    tally: Tally
    report: Report


def validate(
    path: Path,
    *,
    sources: Sequence[str] = (),
    layout: str | None = None,
    tokenizer: str | None = None,
    slice_tokens: int | None = None,
    show: int = 3,
) -> Report:
    """Checks rows, and the folder of a run around them.

    Args:
        path: a run's folder, a folder of rows, or a file of rows.
        sources: what the rows were made from; without it, nothing is compared with it.
        layout: how the source's rows are read, where the manifest does not say.
        tokenizer: in place of the manifest's.
        slice_tokens: in place of the manifest's.
        show: how many breaches of each check are kept for the screen.

    Returns:
        What is proved, what is not, and what is broken; a breach never raises.

    Raises:
        FolderError: there are no rows to be read at the path.
        SourceError: a source cannot be read.
        TokenizerError: the tokenizer cannot be had.
    """
    found = find_row_files(path)
    settings = read_settings(path, tokenizer, slice_tokens)
    report = Report(show=show, settings=list(settings.said))
    whole = settings.manifest if settings.folder == path else None
    rejected = read_rejected(path, report) if whole else None
    source = _scan(sources, layout, settings.manifest, rejected, report)
    bench = _Bench(
        settings,
        Cutter(_tokenizer(settings.tokenizer, settings.manifest), settings.slice_tokens),
        compile_markers(settings.markers),
        source,
        Tally(),
        report,
    )
    _check_files(found, bench)
    _check_all(found, bench)
    if whole is not None:
        check_manifest(path, whole, bench.tally, rejected, report)
        if source is not None and rejected is not None:
            check_nothing_lost(whole, source, rejected, bench.tally, report)
    elif not settings.manifest:
        report.leave("manifest", "there is none beside the rows")
    if source is None:
        report.leave("source", "no --source was given")
        report.leave("nothing lost", "no --source was given")
    report.leave("rule 7", "no row of the known types holds a statement")
    report.leave("rule 8", "one folder cannot tell what the same recipe would build again")
    return report


def _scan(
    sources: Sequence[str],
    layout: str | None,
    manifest: Mapping[str, Any] | None,
    rejected: Rejected | None,
    report: Report,
) -> Source | None:
    if not sources:
        return None
    layouts = {
        one["file"]: one["layout"]
        for one in (manifest or {}).get("sources", ())
        if isinstance(one, dict) and "file" in one and "layout" in one
    }
    source = scan_sources(sources, layouts, layout)
    report.settings.append(f"compared with {source.count:,} source rows of {', '.join(sources)}")
    if rejected is not None:
        for said, row in source.reject(rejected.whole):
            report.breach(
                Breach(
                    "nothing lost",
                    "rejected.parquet",
                    None,
                    None,
                    "rows of the sources given",
                    f"row {row} of {said}",
                )
            )
    return source


def _tokenizer(name: str, manifest: Mapping[str, Any] | None) -> Any:
    """The tokenizer, which must be the very one that made the rows."""
    loaded = load_tokenizer(name)
    made_with = (manifest or {}).get("tokenizer")
    if (
        isinstance(made_with, dict)
        and made_with.get("name") == name
        and made_with.get("fingerprint") != loaded.fingerprint
    ):
        raise TokenizerError(
            f"the tokenizer {name} is not the one that made the rows (its fingerprint is another): "
            "give that one with --tokenizer"
        )
    return loaded


def _check_files(found: Sequence[Path], bench: _Bench) -> None:
    """Checks each row of each file, in order."""
    report, split_before = bench.report, None
    opened = [open_rows(one) for one in found]
    sampler = Sampler(sum(one.rows or 0 for one in opened) or None)
    for file in opened:
        name, split = file.path.name, _split_of(file.path)
        report.files += 1
        if file.fault:
            report.breach(Breach("file", name, None, None, *file.fault))
        else:
            report.proved["file"] += 1
        for extra in file.extra:
            report.leave("shape", f"the column {extra} is not known to this version")
        if bench.source is not None and split != split_before:
            bench.source.rewind()
        split_before = split
        for batch in read_rows(file):
            _check_batch(batch, name, split, sampler, bench)


def _check_batch(
    batch: Sequence[Row | Malformed], name: str, split: str, sampler: Sampler, bench: _Bench
) -> None:
    bench.cutter.forget()
    named, dialogues = _find_dialogues(batch, bench.source)
    for row in batch:
        bench.report.rows += 1
        if isinstance(row, Malformed):
            verdict = Verdict(("shape",))
            verdict.breach("shape", row.expected, row.found)
            bench.report.take(verdict, name, row.number, row.id)
            continue
        bench.tally.add(row, split)
        verdict = _check_row(row, named.get(row.number), dialogues, bench)
        sampler.check(row, verdict)
        bench.report.take(verdict, name, row.number, row.id)


def _find_dialogues(
    batch: Sequence[Row | Malformed], source: Source | None
) -> tuple[dict[int, list[int]], dict[int, SourceDialogue]]:
    """The source rows that each row of a batch may name, by its number, and their dialogues."""
    if source is None:
        return {}, {}
    named = {
        row.number: source.ordinals(row.source_ids[0])
        for row in batch
        if isinstance(row, Row) and len(row.source_ids) == 1
    }
    return named, source.dialogues(one for several in named.values() for one in several)


def _check_row(
    row: Row,
    named: Sequence[int] | None,
    dialogues: Mapping[int, SourceDialogue],
    bench: _Bench,
) -> Verdict:
    cutter, markers = bench.cutter, bench.markers
    if row.utterances is None:
        verdict = Verdict(released.TDM_SCOPE if row.format == "tdm" else released.DUO_SCOPE)
        released.check_released(row, cutter, markers, verdict)
        released.leave_released(row.format, verdict)
        return verdict
    scope = tdm.SCOPE if row.format == "tdm" else duo.SCOPE
    verdict = Verdict(scope if bench.source is None else (*scope, "source"))
    if row.format == "tdm":
        said = tdm.check_tdm(
            row, bench.settings, cutter, markers, verdict, compared=bench.source is not None
        )
    else:
        said = duo.check_duo(row, cutter, markers, verdict)
    if bench.source is not None:
        _compare(row, said, named, dialogues, bench, verdict)
    return verdict


def _compare(
    row: Row,
    said: Sequence[Said] | None,
    named: Sequence[int] | None,
    dialogues: Mapping[int, SourceDialogue],
    bench: _Bench,
    verdict: Verdict,
) -> None:
    """Compares a row with the source row that it names, or with the one of several that fits."""
    if named is None:
        verdict.leave("source", "it is made of several dialogues")
        return
    if not named:
        verdict.breach(
            "source", "a kept row of the sources given", f"source_ids {list(row.source_ids)}"
        )
        return
    bench.tally.take(row, named if len(named) == 1 else [])
    if said is None:
        verdict.leave("source", "its utterances cannot be made out")
        return
    tried: list[Verdict] = []
    for ordinal in named:
        one = Verdict(())
        check_source(said, dialogues[ordinal], row.language or "", bench.cutter, bench.markers, one)
        tried.append(one)
        if not one.broken:
            if len(named) > 1:
                bench.tally.take(row, [ordinal])
            break
    best = tried[-1] if not tried[-1].broken else tried[0]
    for check, (expected, found) in best.broken.items():
        verdict.breach(check, expected, found)
    for check, why in best.left.items():
        verdict.leave(check, why)


def _check_all(found: Sequence[Path], bench: _Bench) -> None:
    """What holds between rows: ids once, and a source dialogue in one split (rule 9)."""
    report, tally = bench.report, bench.tally
    repeated, shared = tally.repeated_ids(), tally.in_two_splits()
    if repeated:
        _name_repeated(found, repeated, report)
    elif tally.ids:
        report.proved["unique"] += len(tally.ids)
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


def _name_shared(found: Sequence[Path], shared: set[int], report: Report) -> None:
    """Reads the rows again for those whose source dialogue is in another split too."""
    first_in: dict[str, str] = {}
    for name, row in _rows_again(found):
        split = _split_of(Path(name))
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


def _split_of(path: Path) -> str:
    named = _SPLIT.match(path.name)
    return named[1] if named else "all"
