"""A row, from its columns to its verdict; and a batch of them, to a report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

from . import duo, released, tdm
from .agree import check_source
from .bench import Bench
from .budget import check_budget
from .mixture import own_language
from .nouns import Malformed, Row, Said, SourceDialogue
from .report import Verdict
from .sampled import Sampler
from .settings import LANGUAGES, Settings
from .source import language_of
from .tally import Found, Tally
from .text import joined
from .types import ROW_TYPES

_HEX = re.compile("[0-9a-f]+")
_MOST_WAYS = 1024
"""Ways of reading the ids of a row that are tried, where each may name several source rows."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What of the sources some rows are made of.

    Attributes:
        named: the source rows that each id of a row may name, by the row's number in its file.
        dialogues: of these rows.
    """

    named: Mapping[int, Sequence[Sequence[int]]] = field(default_factory=dict)
    dialogues: Mapping[int, SourceDialogue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows lie.

    Attributes:
        file: its name.
        split: of its rows.
        spaces: what stands between their slices, by row id; None where nothing says.
    """

    file: str
    split: str
    spaces: Mapping[str, Any] | None


def ids_in(batch: Sequence[Row | Malformed]) -> dict[int, Sequence[str]]:
    """The ids of source rows that each row names, by its number in its file."""
    return {row.number: row.source_ids for row in batch if isinstance(row, Row)}


def check_batch(
    batch: Sequence[Row | Malformed],
    place: Place,
    made_of: Joined,
    bench: Bench,
    sampler: Sampler | None,
    found: Found,
) -> None:
    """Checks a batch of rows, and adds to what is found."""
    tally, report = found.tally, found.report
    bench.cutter.forget()
    for row in batch:
        report.rows += 1
        sampled = sampler is not None and sampler.takes(row)
        if isinstance(row, Malformed):
            verdict = Verdict(("shape",))
            verdict.breach("shape", row.expected, row.found)
            report.take(verdict, place.file, row.number, row.id)
            continue
        tally.add(row, place.split)
        spaces = None if place.spaces is None else place.spaces.get(row.id or "", {})
        named = made_of.named.get(row.number, ())
        verdict = _check_row(row, named, made_of.dialogues, bench, tally, spaces)
        if sampler is not None and sampled:
            sampler.check(row, verdict)
        report.take(verdict, place.file, row.number, row.id)


def _check_row(
    row: Row,
    named: Sequence[Sequence[int]],
    dialogues: Mapping[int, SourceDialogue],
    bench: Bench,
    tally: Tally,
    spaces: Any,
) -> Verdict:
    cutter, markers, forced = bench.cutter, bench.markers, forced_language(bench.settings)
    if row.utterances is None:
        verdict = Verdict(released.TDM_SCOPE if row.format == "tdm" else released.DUO_SCOPE)
        released.check_released(row, cutter, markers, verdict)
        released.leave_released(row.format, verdict)
        if row.language is not None:
            _check_language(row, verdict)
        return verdict
    verdict = Verdict(tdm.SCOPE if row.format == "tdm" else duo.SCOPE)
    if bench.compared:
        verdict.scope += ("source",)
    if forced or (bench.compared and bench.settings.manifest is not None):
        verdict.scope += ("script",)
    if "script" in verdict.scope:
        of_own = own_language((bench.settings.manifest or {}).get("recipe", {}))
        _check_script(row, forced, of_own, named, dialogues, verdict)
    _check_language(row, verdict)
    begin, whole = f"{row.type or ''}-", row.id or ""
    if not (whole.startswith(begin) and _HEX.fullmatch(whole, len(begin))):
        verdict.breach("shape", f"an id of the form {row.type}-<hex>", repr(row.id))
    if row.format == "tdm":
        said = tdm.check_tdm(row, bench.settings, cutter, markers, verdict, compared=bench.compared)
    else:
        said = duo.check_duo(row, bench.settings, cutter, markers, verdict)
    tally.hear(said, markers)
    if bench.settings.budget is not None:
        check_budget(said, row.language or "", bench.settings.budget, cutter, verdict)
    if bench.compared:
        _compare(row, said, named, dialogues, bench, tally, verdict, spaces)
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
        one._replace(joined=joined(one.slices, row.language or "", told.get(str(number))))
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


def forced_language(settings: Settings) -> str | None:
    """The language that the recipe forces on every row, or None."""
    recipe = (settings.manifest or {}).get("recipe", {})
    return language if (language := recipe.get("language")) in LANGUAGES else None


def _compare(
    row: Row,
    said: Sequence[Said] | None,
    named: Sequence[Sequence[int]],
    dialogues: Mapping[int, SourceDialogue],
    bench: Bench,
    tally: Tally,
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
        tally.take(row, [one for (one,) in named])
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
                tally.take(row, ordinals)
            break
    verdict.take_best(tried)


def _tell_strange(row: Row, named: Sequence[Sequence[int]], bench: Bench, verdict: Verdict) -> None:
    """Names the ids of a row that no source row has, but where it was made of another row."""
    if bench.settings.of_rows:
        verdict.leave("source", "it was made of a row, and the dialogues of that are not given")
        return
    strange = [one for one, held in zip(row.source_ids, named, strict=True) if not held]
    verdict.breach("source", "kept rows of the sources given", f"source_ids {strange}")
