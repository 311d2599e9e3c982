"""A validation from its path to its report: opens, joins, checks each row, then the whole."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, product
from pathlib import Path
from typing import Any

from ..errors import FolderError, TokenizerError
from ..slice.tokenizers import load_tokenizer
from . import duo, released, tdm
from .agree import check_source
from .between import check_between, split_of
from .budget import check_budget
from .folder import Rejected, check_manifest, check_nothing_lost, read_rejected
from .join import Source, scan_sources
from .mixture import own_language, own_limits
from .nouns import Malformed, Row, Said, SourceDialogue
from .report import Breach, Report, Verdict
from .rows import RowFile, find_row_files, open_rows, read_rows, read_source_ids
from .sampled import Sampler
from .settings import LANGUAGES, Settings, read_settings
from .source import Copies, language_of
from .tally import Tally
from .text import Cutter, Markers, compile_markers, joined
from .types import ROW_TYPES

_MOST_WAYS = 1024
"""Ways of reading the ids of a row that are tried, where each may name several source rows."""

_UNFINISHED = "it is the folder of an unfinished build"


@dataclass(frozen=True, slots=True)
class Bench:
    """What each row is checked with."""

    settings: Settings
    cutter: Cutter
    markers: Markers
    source: Source | None
    tally: Tally
    report: Report


def validate_rows(
    path: Path,
    *,
    sources: Sequence[str] = (),
    copies: Copies | None = None,
    layout: str | None = None,
    tokenizer: str | None = None,
    slice_tokens: int | None = None,
    show: int = 3,
) -> Report:
    """Checks rows, and the folder of a run around them.

    Args:
        path: a run's folder, a folder of rows, or a file of rows.
        sources: what the rows were made from; without it, nothing is compared with it.
        copies: of sources that lie elsewhere.
        layout: how the source's rows are read, where the manifest does not say.
        tokenizer: in place of the manifest's.
        slice_tokens: in place of the manifest's.
        show: how many breaches of each check are kept for the screen.

    Returns:
        What is proved, what is not, and what is broken; a breach never raises.

    Raises:
        FolderError: there are no rows to be read at the path.
        RecipeError: a flag has a value that it cannot have.
        SourceError: a source cannot be read.
        TokenizerError: the tokenizer cannot be had.
    """
    found = find_row_files(path)
    settings = read_settings(path, tokenizer, slice_tokens)
    report = Report(show=show, settings=list(settings.said))
    whole = settings.manifest if settings.folder == path else None
    rejected = read_rejected(path, report) if whole else None
    source = scan(sources, copies, layout, settings.manifest, rejected, report)
    bench = Bench(
        settings,
        Cutter(same_tokenizer(settings.tokenizer, settings.identity), settings.slice_tokens),
        compile_markers(settings.markers),
        source,
        Tally(),
        report,
    )
    _check_files(found, bench)
    if not report.rows:
        raise FolderError(f"{path} holds no row; give a finished run's folder, or a file of rows")
    check_between(found, bench.tally, report)
    if whole is not None:
        check_manifest(path, whole, bench.tally, rejected, source, report)
        if source is not None and rejected is not None:
            if own_limits(whole["recipe"]):
                report.leave("nothing lost", "a source of the mixture has a limit of its own")
            else:
                check_nothing_lost(whole, source, rejected, bench.tally, report)
    _leave_whole(path, settings, source, bench.tally, report)
    _leave_meaning(bench.tally, report)
    report.leave("rule 8", "one folder cannot tell what the same recipe would build again")
    return report


def _leave_meaning(tally: Tally, report: Report) -> None:
    """Names what no code can tell of texts that are not the source's."""
    if report.proved["rule 7"] or report.broken["rule 7"]:
        report.leave("rule 7", "that a statement belongs to what was said")
    else:
        report.leave("rule 7", "no row holds a statement")
    if "back_on_topic" in tally.counts.get("written", ()):
        report.leave(
            "type", "back_on_topic: that the reply to an aside is true, and how both are worded"
        )


def _leave_whole(
    path: Path, settings: Settings, source: Source | None, tally: Tally, report: Report
) -> None:
    """Says what of the set as a whole could not be looked at, and why."""
    if settings.manifest is None:
        why = "no manifest says which types and how many rows were built"
        if settings.unfinished:
            why = f"{_UNFINISHED}: {why}"
        none = "there is none beside the rows"
        report.leave("manifest", _UNFINISHED if settings.unfinished else none)
        report.leave("nothing lost", why)
        report.leave("script", "no manifest says whether the language was forced")
    elif settings.folder != path:
        for check in ("manifest", "nothing lost"):
            report.leave(check, f"only a part of the run was given: give {settings.folder}")
    if source is None:
        report.leave("source", "no --source was given")
        if "tdm" in tally.counts.get("formats", ()):
            report.leave("spaces", "no --source was given")
        report.leave("nothing lost", "no --source was given")
        if settings.manifest is not None and _forced(settings) is None:
            report.leave("script", "no --source was given")
    report.leave("id", "ids are not computed again from the keys of the dialogues")


def scan(
    sources: Sequence[str],
    copies: Copies | None,
    layout: str | None,
    manifest: Mapping[str, Any] | None,
    rejected: Rejected | None,
    report: Report,
) -> Source | None:
    """Reads the sources, if there are any, for what is to be compared with them."""
    if not sources:
        return None
    read = [
        (one["file"], one["layout"])
        for one in (manifest or {}).get("sources", ())
        if isinstance(one, dict) and isinstance(one.get("file"), str) and "layout" in one
    ]
    layouts = {said: name for said, name in read if name is not None}
    recipe = (manifest or {}).get("recipe", {})
    limit = recipe.get("limit")
    source = scan_sources(
        sources,
        layouts,
        layout,
        said=[file for file, _ in read],
        limit=limit if type(limit) is int else None,
        copies=copies,
    )
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


def same_tokenizer(name: str, manifest: Mapping[str, Any] | None) -> Any:
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


def _check_files(found: Sequence[Path], bench: Bench) -> None:
    """Checks each row of each file, in order."""
    report, split_before, before = bench.report, None, 0
    opened = [open_rows(one) for one in found]
    sampler = Sampler(sum(one.rows or 0 for one in opened) or None)
    for file in opened:
        name, split = file.path.name, split_of(file.path)
        report.files += 1
        if file.fault:
            report.breach(Breach("file", name, None, None, *file.fault))
        else:
            report.proved["file"] += 1
        spaces = file.spaces
        if spaces is None and bench.settings.manifest is not None:
            spaces = {}  # a build says it of every file
        for extra in file.extra:
            report.leave("shape", f"the column {extra} is not known to this version")
        if split != split_before:
            before, split_before = 0, split
            if bench.source is not None:
                of_split = [one for one in opened if split_of(one.path) == split]
                bench.source.rewind(_uses(of_split, bench.source))
        for batch in read_rows(file):
            check_batch(batch, before, name, split, sampler, bench, spaces)
            before += len(batch)


def _uses(opened: Sequence[RowFile], source: Source) -> Iterator[tuple[int, list[int]]]:
    """The source rows that each row of these files names, by its number over all of them."""
    every = chain.from_iterable(map(read_source_ids, opened))
    for number, named in enumerate(every):
        yield number, [ordinal for one in named for ordinal in source.ordinals(one)]


def check_batch(
    batch: Sequence[Row | Malformed],
    before: int,
    name: str,
    split: str,
    sampler: Sampler | None,
    bench: Bench,
    spaces: Mapping[str, Any] | None,
) -> None:
    """Checks a batch of rows; `before` of its split come before it.

    `spaces` says what stands between their slices, by row id; None where nothing does.
    """
    bench.cutter.forget()
    named, dialogues = _find_dialogues(batch, before, bench.source)
    for row in batch:
        bench.report.rows += 1
        if isinstance(row, Malformed):
            verdict = Verdict(("shape",))
            verdict.breach("shape", row.expected, row.found)
            bench.report.take(verdict, name, row.number, row.id)
            continue
        bench.tally.add(row, split)
        of_row = None if spaces is None else spaces.get(row.id or "", {})
        verdict = _check_row(row, named.get(row.number, []), dialogues, bench, of_row)
        if sampler is not None:
            sampler.check(row, verdict)
        bench.report.take(verdict, name, row.number, row.id)


def _find_dialogues(
    batch: Sequence[Row | Malformed], before: int, source: Source | None
) -> tuple[dict[int, list[list[int]]], dict[int, SourceDialogue]]:
    """The source rows that each id of a row may name, by the row's number, and their dialogues."""
    if source is None:
        return {}, {}
    named = {
        row.number: [source.ordinals(one) for one in row.source_ids]
        for row in batch
        if isinstance(row, Row)
    }
    asked = (ordinal for ids in named.values() for several in ids for ordinal in several)
    return named, source.dialogues(asked, before)


def _check_row(
    row: Row,
    named: Sequence[Sequence[int]],
    dialogues: Mapping[int, SourceDialogue],
    bench: Bench,
    spaces: Any,
) -> Verdict:
    cutter, markers, forced = bench.cutter, bench.markers, _forced(bench.settings)
    if row.utterances is None:
        verdict = Verdict(released.TDM_SCOPE if row.format == "tdm" else released.DUO_SCOPE)
        released.check_released(row, cutter, markers, verdict)
        released.leave_released(row.format, verdict)
        if row.language is not None:
            _check_language(row, verdict)
        return verdict
    verdict = Verdict(tdm.SCOPE if row.format == "tdm" else duo.SCOPE)
    if bench.source is not None:
        verdict.scope += ("source",)
    if forced or (bench.source is not None and bench.settings.manifest is not None):
        verdict.scope += ("script",)
    if "script" in verdict.scope:
        of_own = own_language((bench.settings.manifest or {}).get("recipe", {}))
        _check_script(row, forced, of_own, named, dialogues, verdict)
    _check_language(row, verdict)
    if not re.fullmatch(rf"{re.escape(row.type or '')}-[0-9a-f]+", row.id or ""):
        verdict.breach("shape", f"an id of the form {row.type}-<hex>", repr(row.id))
    if row.format == "tdm":
        said = tdm.check_tdm(
            row, bench.settings, cutter, markers, verdict, compared=bench.source is not None
        )
    else:
        said = duo.check_duo(row, bench.settings, cutter, markers, verdict)
    bench.tally.hear(said, markers)
    if bench.settings.budget is not None:
        check_budget(said, row.language or "", bench.settings.budget, cutter, verdict)
    if bench.source is not None:
        _compare(row, said, named, dialogues, bench, verdict, spaces)
    return verdict


def _joined(
    row: Row, said: Sequence[Said] | None, spaces: Any, settings: Settings, verdict: Verdict
) -> Sequence[Said] | None:
    """What is said in a row of slices, with what stands between these, if that is known."""
    if row.format != "tdm":
        return said
    verdict.scope += ("spaces",)
    if spaces is None or settings.of_rows:
        why = "the file does not say what stands between slices"
        if settings.of_rows:
            why = "it may have been made of a row that did not say what stood between slices"
        verdict.leave("spaces", why)
        return said
    if said is None:
        verdict.leave("spaces", "its utterances cannot be made out")
        return None
    told = spaces if isinstance(spaces, dict) else {}
    return [
        replace(one, joined=joined(one.slices, row.language or "", told.get(str(number))))
        if one.slices
        else one
        for number, one in enumerate(said)
    ]


def _check_language(row: Row, verdict: Verdict) -> None:
    if row.language not in LANGUAGES:
        verdict.breach("shape", f"the language {' or '.join(LANGUAGES)}", repr(row.language))


def _check_script(
    row: Row,
    forced: str | None,
    of_own: bool,
    named: Sequence[Sequence[int]],
    dialogues: Mapping[int, SourceDialogue],
    verdict: Verdict,
) -> None:
    """Whether the language of a row is the forced one, or that of each of its dialogues."""
    if forced and not of_own:
        if row.language != forced:
            wanted = f"the language {forced}, forced by the recipe"
            verdict.breach("script", wanted, repr(row.language))
        return
    if of_own:
        verdict.leave("script", "a source of the mixture says of what language it is")
        return
    if not named or any(len(one) != 1 for one in named):
        verdict.leave("script", "its ids name no source row, or several")
        return
    for (ordinal,) in named:
        one = dialogues[ordinal]
        language = language_of(one.turns)
        if language is None:
            verdict.leave("script", "the script of the source's text leaves it open")
        elif language != row.language:
            wanted = f"the language {language}, by the script of {one.turns[0][:40]!r}"
            verdict.breach("script", wanted, repr(row.language))


def _forced(settings: Settings) -> str | None:
    """The language that the recipe forces on every row, or None."""
    recipe = (settings.manifest or {}).get("recipe", {})
    return language if (language := recipe.get("language")) in LANGUAGES else None


def _compare(
    row: Row,
    said: Sequence[Said] | None,
    named: Sequence[Sequence[int]],
    dialogues: Mapping[int, SourceDialogue],
    bench: Bench,
    verdict: Verdict,
    spaces: Any,
) -> None:
    """Compares a row with the source rows that it names, or with those of several that fit."""
    said = _joined(row, said, spaces, bench.settings, verdict)
    if not named or not all(named):
        _tell_strange(row, named, bench, verdict)
        return
    certain = all(len(one) == 1 for one in named)
    if certain:
        bench.tally.take(row, [one for (one,) in named])
    if said is None:
        verdict.leave("source", "its utterances cannot be made out")
        return
    if len(named) > ROW_TYPES[row.type or ""].sources[1]:
        verdict.leave("source", "it names more dialogues than its type is made of")
        return
    tried: list[Verdict] = []
    settings = bench.settings
    with_what = (bench.cutter, bench.markers, settings.budget, settings.of_rows)
    for ordinals in islice(product(*named), _MOST_WAYS):
        one = Verdict(())
        members = [dialogues[ordinal] for ordinal in ordinals]
        check_source(said, row.type or "", members, row.language or "", *with_what, one)
        tried.append(one)
        if not one.broken:
            if not certain:
                bench.tally.take(row, ordinals)
            break
    best = tried[-1] if not tried[-1].broken else tried[0]
    for check, (expected, found) in best.broken.items():
        verdict.breach(check, expected, found)
    for check, why in best.left.items():
        verdict.leave(check, why)


def _tell_strange(row: Row, named: Sequence[Sequence[int]], bench: Bench, verdict: Verdict) -> None:
    """Names the ids of a row that no source row has, but where it was made of another row."""
    if bench.settings.of_rows:
        verdict.leave("source", "it was made of a row, and the dialogues of that are not given")
        return
    strange = [one for one, held in zip(row.source_ids, named, strict=True) if not held]
    verdict.breach("source", "kept rows of the sources given", f"source_ids {strange}")
