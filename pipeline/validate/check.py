"""A validation from its path to its report: opens, joins, checks each row, then the whole."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import FolderError
from .along import MOST_FED, Along, can_be_handed_over
from .bench import Bench, make_bench
from .between import check_between, split_of
from .folder import Rejected, check_manifest, check_nothing_lost, read_rejected
from .join import Source, scan_sources
from .mixture import own_limits
from .parts import Engine, check_here, check_part, cut_parts
from .report import Breach, Report
from .row import forced_language
from .rows import find_row_files, open_rows
from .sampled import validator_of
from .settings import Settings, read_settings
from .source import Copies
from .tally import Found, Tally

_UNFINISHED = "it is the folder of an unfinished build"


def validate_rows(
    path: Path,
    *,
    sources: Sequence[str] = (),
    copies: Copies | None = None,
    layout: str | None = None,
    tokenizer: str | None = None,
    slice_tokens: int | None = None,
    show: int = 3,
    workers: int = 1,
    engine: Engine = check_here,
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
        workers: how many parts of the rows are checked at once.
        engine: where they are.

    Returns:
        What is proved, what is not, and what is broken; a breach never raises.

    Raises:
        FolderError: there are no rows to be read at the path.
        RecipeError: a flag has a value that it cannot have.
        SourceError: a source cannot be read.
        TokenizerError: the tokenizer cannot be had.
    """
    files = find_row_files(path)
    settings = read_settings(path, tokenizer, slice_tokens)
    report = Report(show=show, settings=list(settings.said))
    whole = settings.manifest if settings.folder == path else None
    rejected = read_rejected(path, report) if whole else None
    source = scan(sources, copies, layout, settings.manifest, rejected, report)
    bench = make_bench(settings.of_each_row(), compared=source is not None)
    tally = Tally()
    found = Found(tally, report)
    if whole is not None:
        validator_of("manifest")  # now, for workers are not ready yet
    with closing(_check_files(files, bench, source, show, workers, engine)) as every:
        for one in every:
            found.add(one)
    if not report.rows:
        raise FolderError(f"{path} holds no row; give a finished run's folder, or a file of rows")
    check_between(files, tally, report)
    if whole is not None:
        check_manifest(path, whole, tally, rejected, source, report)
        if source is not None and rejected is not None:
            if own_limits(whole["recipe"]):
                report.leave("nothing lost", "a source of the mixture has a limit of its own")
            else:
                check_nothing_lost(whole, source, rejected, tally, report)
    _leave_whole(path, settings, source, tally, report)
    _leave_meaning(tally, report)
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
        if settings.manifest is not None and forced_language(settings) is None:
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


def _check_files(
    files: Sequence[Path],
    bench: Bench,
    source: Source | None,
    show: int,
    workers: int,
    engine: Engine,
) -> Generator[Found]:
    """What is found in the rows of files, part by part in their order."""
    check = partial(check_part, bench, show)
    opened = [open_rows(one) for one in files]
    if source is None:  # what stands between slices is not looked at
        return engine(
            check, cut_parts([replace(one, spaces=None) for one in opened], split_of), workers
        )
    parts = list(cut_parts(opened, split_of))
    along = Along(source, parts)
    if workers > 1 and can_be_handed_over(parts):
        return engine(check, along.hand_over(), min(workers, MOST_FED))
    return check_here(partial(check, find=along.find), iter(parts), 1)
