"""A run's folder as a whole: its manifest, its files, its sums, and what was left out.

Kept apart from the rules of rows, so that neither hides what the other misses.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .join import Source
from .mixture import each_in_one, some_ordinary
from .nouns import EDITED
from .recount import check_of_source, check_told
from .report import Breach, Report
from .sampled import in_words, validator_of
from .tally import Tally
from .types import ROW_TYPES

_REJECTED = "rejected.parquet"
_LEFT_OUT = "left_out.parquet"
_READ = ("duplicate", "not_drawn")
"""Why a row is rejected after it was read as a dialogue."""

_REASONS = {
    "group_not_filled": ("topic_interweaving", "dialogue_reset"),
    "no_round_to_return_to": ("topic_interweaving",),
    "no_cuttable_answer": (
        *("generation_termination", "regeneration", "dialogue_reset"),
        "back_on_topic",
    ),
}
"""The types whose rows each reason can leave out; of other reasons nothing is known."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What rejected.parquet and left_out.parquet name.

    Attributes:
        whole: file and row of each source row that could not be used.
        of_type: (type, file, row) of each that is in no row of one type.
        reasons: how many source rows could not be used, by reason.
        left_out: by reason, how many of each type.
        unread: of `whole` those that were rejected before anything of them was dropped.
    """

    whole: list[tuple[str, int]]
    of_type: list[tuple[str, str, int]]
    reasons: Counter[str]
    left_out: dict[str, Counter[str]]
    unread: list[tuple[str, int]] = field(default_factory=list)


def read_rejected(folder: Path, report: Report) -> Rejected | None:
    """Reads rejected.parquet and left_out.parquet; None, and a breach, where one cannot be."""
    rejected = _read(folder, _REJECTED, ("source", "row", "source_id", "reason"), report)
    left_out = _read(folder, _LEFT_OUT, ("source", "row", "type", "reason"), report)
    if rejected is None or left_out is None:
        return None
    found = Rejected([], [], Counter(), {})
    for source, row, source_id, reason in rejected:
        if source_id is None:  # else it was usable, and left out of all its types
            found.whole.append((source, row))
            found.reasons[reason] += 1
            if reason not in _READ:
                found.unread.append((source, row))
    for source, row, row_type, reason in left_out:
        found.of_type.append((row_type, source, row))
        found.left_out.setdefault(reason, Counter())[row_type] += 1
    return found


def _read(
    folder: Path, name: str, columns: Sequence[str], report: Report
) -> list[tuple[Any, ...]] | None:
    try:
        table = pq.read_table(folder / name, columns=list(columns)).to_pydict()
    except (OSError, pa.ArrowException) as error:
        _breach(report, name, "a file of what was left out", str(error).splitlines()[0])
        return None
    return list(zip(*(table[column] for column in columns), strict=True))


def check_manifest(
    folder: Path,
    manifest: Mapping[str, Any],
    tally: Tally,
    rejected: Rejected | None,
    source: Source | None,
    report: Report,
) -> None:
    """Checks the files of a folder and the sums of its manifest."""
    before = report.broken["manifest"]
    for error in validator_of("manifest").iter_errors(manifest):
        _breach(report, "manifest.json", *in_words(error, "the manifest"))
    try:
        _check_recipe(manifest, report)
        _check_files(folder, manifest, report)
        _check_counts(manifest, tally, rejected, report)

        def same(what: str, wanted: Any, found: Any) -> None:
            _same(what, wanted, found, report)

        check_told(manifest, tally.counts, tally.defused, same, report)
        unread = rejected.unread if rejected is not None else None
        check_of_source(manifest, source, unread, same, report)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        _breach(report, "manifest.json", "the keys and values of a manifest", repr(error))
    if report.broken["manifest"] == before:
        report.proved["manifest"] += len(manifest["files"])


def check_nothing_lost(
    manifest: Mapping[str, Any], source: Source, rejected: Rejected, tally: Tally, report: Report
) -> None:
    """Checks that each source row is in a row of each type of rate 1, or named as left out.

    It is proved only if there is such a type.
    """
    recipe = manifest["recipe"]
    not_sampled = sum(manifest["counts"]["not_sampled"].values())
    whole_only = {
        "rows that were conversations already are not joined by id": manifest["counts"].get(
            "scripts"
        ),
        f"{not_sampled:,} planned rows were not sampled": not_sampled,
    }
    why = next((why for why, there in whole_only.items() if there), None)
    if why:
        report.leave("nothing lost", why)
        return
    read, checked = source.read, 0
    if manifest["counts"]["source_rows"] != read:
        report.breach(
            Breach(
                "nothing lost",
                "manifest.json",
                None,
                None,
                f"{read} source rows, as the sources given hold",
                f"{manifest['counts']['source_rows']}",
            )
        )
    for row_type, rate in recipe["rates"].items():
        if not _takes_all(recipe, row_type):
            report.leave("nothing lost", f"{row_type}: {_why_not_all(recipe, rate)}")
            continue
        checked += 1
        there = np.zeros(source.count, dtype=np.bool_)
        there[tally.taken_by(row_type).astype(np.int64)] = True
        whole = source.rejected if source.rejected is not None else np.zeros_like(there)
        left_out = np.zeros(source.count, dtype=np.bool_)
        named = Counter((said, row) for left, said, row in rejected.of_type if left == row_type)
        taken = there | whole
        for (said, row), times in named.items():
            # Of a file that was read twice, what is in no row is what was left out.
            places = sorted(source.places(said, row), key=lambda one: (taken[one], one))
            left_out[places[:times]] = True
        for where, found in (
            (~(there | left_out | whole), "it is in neither"),
            (there & left_out, "it is in both"),
        ):
            for ordinal in np.flatnonzero(where[:read]).tolist():
                file, row = source.place(ordinal)
                wanted = f"the source row in a row of type {row_type}, or in {_LEFT_OUT}"
                report.breach(Breach("nothing lost", file.said, row, None, wanted, found))
    if not checked:
        report.leave("nothing lost", "there is no type that every dialogue takes part in")
    elif not report.broken["nothing lost"]:
        report.proved["nothing lost"] += read


def _takes_all(recipe: Mapping[str, Any], row_type: str) -> bool:
    """Whether every dialogue takes part in a type."""
    if each_in_one(recipe) or recipe["rates"].get(row_type, 0) < 1:  # or rates are weights
        return False
    return row_type == "uninterrupted" or not some_ordinary(recipe)


def _why_not_all(recipe: Mapping[str, Any], rate: float) -> str:
    if each_in_one(recipe):
        return "each dialogue is in one type"
    if rate >= 1:
        return "some dialogues stay ordinary chat"
    return f"its rate is {rate}, so not all are drawn"


def _check_recipe(manifest: Mapping[str, Any], report: Report) -> None:
    digest = sha256(json.dumps(manifest["recipe"], sort_keys=True).encode()).hexdigest()
    if digest != manifest["recipe_sha256"]:
        _breach(report, "manifest.json", "the sha256 of its recipe", manifest["recipe_sha256"])


def _check_files(folder: Path, manifest: Mapping[str, Any], report: Report) -> None:
    named = set(manifest["files"])
    held = {f"data/{one.name}" for one in (folder / "data").glob("*.parquet")}
    held |= {_REJECTED, _LEFT_OUT}
    for name in sorted(held ^ named):
        found = "it is not in the manifest" if name in held else "it is not there"
        _breach(report, name, "the files of the manifest, no more and no fewer", found)
    for name, facts in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            continue
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        if digest != facts["sha256"] or path.stat().st_size != facts["bytes"]:
            _breach(report, name, f"sha256 {facts['sha256']}", f"sha256 {digest}")
        rows = _rows_of(path)
        if rows != facts["rows"]:
            _breach(report, name, f"{facts['rows']} rows", f"{rows}")


def _check_counts(
    manifest: Mapping[str, Any], tally: Tally, rejected: Rejected | None, report: Report
) -> None:
    """The sums of the contract: kept, rejected or left out; planned, written or left out."""
    counts = manifest["counts"]

    def same(what: str, wanted: Any, found: Any) -> None:
        _same(what, wanted, found, report)

    for group in ("written", "splits", "languages", "generators"):
        same(
            f"counts.{group}, as counted",
            _nonzero(tally.counts.get(group, {})),
            _nonzero(counts[group]),
        )
    if manifest["format"] == "tdm":
        pairs = _nonzero(tally.counts.get("pairs", {}))
        same("counts.pairs, as counted", pairs, _nonzero(counts["pairs"]))
    edited = [name for name in counts["generators"] if EDITED in name.split("+")]
    if not counts.get("edited"):
        same("generators, of which nothing was edited", [], edited)
    rows = sum(counts["written"].values())
    in_files = sum(
        one["rows"] for name, one in manifest["files"].items() if name.startswith("data/")
    )
    same("rows of all files", in_files, rows)
    same("source rows", counts["kept"] + sum(counts["rejected"].values()), counts["source_rows"])
    for key, name in (("rows", "source_rows"), ("kept", "kept")):
        of_files = sum(one[key] for one in manifest["sources"])
        same(f"{name} of all files", of_files, counts[name])
    _check_types(manifest, tally, same)
    if rejected is not None:
        same(
            f"counts.rejected, as in {_REJECTED}",
            _nonzero(rejected.reasons),
            _nonzero(counts["rejected"]),
        )
        left_out = {name: _nonzero(one) for name, one in rejected.left_out.items()}
        named = {name: _nonzero(one) for name, one in counts["left_out"].items() if _nonzero(one)}
        reasons = dict(_REASONS)
        if manifest["recipe"].get("max_tokens") is None:
            reasons["too_long"] = ()  # nothing is, without a budget
        for reason, of_types in reasons.items():
            strange = sorted(set(rejected.left_out.get(reason, ())) - set(of_types))
            same(f"types left out as {reason} that cannot be", [], strange)
        same(f"counts.left_out, as in {_LEFT_OUT}", left_out, named)


def _check_types(
    manifest: Mapping[str, Any], tally: Tally, same: Callable[[str, Any, Any], None]
) -> None:
    """Every dialogue drawn for a type is in a row of it or left out, every row is there."""
    counts, recipe = manifest["counts"], manifest["recipe"]
    left: Counter[str] = Counter()
    for by_type in counts["left_out"].values():
        left.update(by_type)
    drawn_for, held = counts.get("drawn", {}), counts.get("in_rows", {})
    for row_type in {**recipe["rates"], **counts["planned"], **left, **drawn_for, **held}:
        if row_type in drawn_for or row_type in held:
            there = held.get(row_type, 0) + left[row_type]
            same(f"in rows of {row_type} or left out", drawn_for.get(row_type, 0), there)
        planned = counts["planned"].get(row_type, 0)
        written = counts["written"].get(row_type, 0)
        not_sampled = counts["not_sampled"].get(row_type, 0)
        same(f"planned {row_type}", written + not_sampled, planned)
        if counts.get("scripts"):
            continue  # their rows may join several dialogues, and have types of rate 0
        if _takes_all(recipe, row_type):
            drawn = counts["kept"]
            same(f"drawn for {row_type}", drawn, drawn_for.get(row_type, drawn))
        elif row_type in drawn_for:
            drawn = drawn_for[row_type]
        else:
            continue
        members = tally.counts.get("members", Counter())[row_type]
        fewest, most = ROW_TYPES[row_type].sources if row_type in ROW_TYPES else (1, 1)
        in_rows = drawn - left[row_type]
        # Of rows that were not sampled it is not known how many dialogues they join.
        low, high = members + fewest * not_sampled, members + most * not_sampled
        same(f"dialogues in rows of {row_type}", min(max(in_rows, low), high), in_rows)


def _nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}


def _rows_of(path: Path) -> int | None:
    try:
        rows: int = pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException):
        return None
    return rows


def _same(what: str, wanted: Any, found: Any, report: Report) -> None:
    if wanted != found:
        _breach(report, "manifest.json", f"{what}: {wanted}", f"{found}")


def _breach(report: Report, file: str, expected: str, found: str) -> None:
    report.breach(Breach("manifest", file, None, None, expected, found))
