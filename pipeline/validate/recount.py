"""The counts of a manifest that rows, its own recipe, or the source tell again."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import file_digest
from typing import Any

from .join import Source
from .layouts import KEYS
from .mixture import own_limits, some_ordinary
from .nouns import Utterance
from .report import Report
from .types import ROW_TYPES

Same = Callable[[str, Any, Any], None]
"""Told what is compared, what it must be and what it is."""

_JOINED = ("interjection", "repeat", "reset")
_OF_A_MODEL = ("reply_refused", "request_failed")
"""Why a row cannot be made with the replies of a model, but for its length."""


def replies_of(utterances: Sequence[Utterance]) -> Iterator[str]:
    """The replies that a row was made with, as a manifest counts them.

    A resumption came with its aside, a stop was not asked for, and what was joined with
    nothing is the source's.
    """
    for one in utterances:
        if one.kind in _JOINED and one.origin != "source":
            yield f"fuse/{one.origin}"
        elif one.kind in ("aside", "statement"):
            yield f"{one.kind}/{one.origin}"
        elif one.kind == "new_answer":
            yield f"answer/{one.origin}"


def check_told(
    manifest: Mapping[str, Any],
    counted: Mapping[str, Mapping[str, int]],
    defused: tuple[int, int] | None,
    same: Same,
    report: Report,
) -> None:
    """Checks what the rows tell, and what the recipe rules out; names what neither does.

    Args:
        manifest: of a run.
        counted: over all rows, by group.
        defused: how many markers are defused in the rows, at least and at most.
        same: compares.
        report: is told what is not proved.
    """
    same("format, as its rows have", sorted(counted.get("formats", ())), [manifest["format"]])
    same("format, as in its recipe", manifest["recipe"]["format"], manifest["format"])
    unknown = [
        *_check_written(manifest, counted, same),
        *_check_defused(manifest, defused, same),
        *_check_ruled_out(manifest, same),
    ]
    if unknown:
        report.leave("manifest", f"what its rows do not tell: {', '.join(sorted(unknown))}")


def _check_written(
    manifest: Mapping[str, Any], counted: Mapping[str, Mapping[str, int]], same: Same
) -> list[str]:
    """Checks who wrote what; gives the counts that nothing tells."""
    counts = manifest["counts"]
    scripts = sum(one["kept"] for one in manifest["sources"] if one["layout"] not in KEYS)
    same("counts.scripts, as the layouts of its sources say", scripts, counts["scripts"])
    if counts["scripts"]:
        return ["counts.replies", "counts.read_as"]  # these rows had texts of others before
    same("counts.read_as, of no rows that were conversations", {}, counts["read_as"])
    if counts.get("edited"):
        return ["counts.replies"]  # a text that a person changed was a reply
    wanted = _nonzero(counted.get("replies", {}))
    same("counts.replies, as counted", wanted, _nonzero(counts["replies"]))
    return []


def _check_defused(
    manifest: Mapping[str, Any], defused: tuple[int, int] | None, same: Same
) -> list[str]:
    """Checks the markers that were defused; gives the count's name where it is not certain."""
    spaced = any(len(one.split()) > 1 for one in manifest["recipe"]["markers"])
    if defused is None or (spaced and manifest["format"] == "tdm"):
        return ["counts.defused"]
    least, most = defused
    found = manifest["counts"]["defused"]
    same("counts.defused, as counted", min(max(found, least), most), found)
    # What stands between two slices is in neither, and may part a marker or not.
    return ["counts.defused"] if least < most else []


def _check_ruled_out(manifest: Mapping[str, Any], same: Same) -> list[str]:
    """Checks that nothing is counted of what the recipe rules out; gives what nothing tells."""
    counts, recipe = manifest["counts"], manifest["recipe"]
    unknown = ["counts.pairs"] if manifest["format"] == "duo" else []
    if some_ordinary(recipe):
        unknown.append("counts.ordinary")
        most = min(counts["ordinary"], counts["kept"])
        same("counts.ordinary, of the dialogues", most, counts["ordinary"])
    else:
        same("counts.ordinary, none being left so", 0, counts["ordinary"])
    if recipe.get("max_tokens") is None:
        same("counts.shortened, without max_tokens", {}, _nonzero(counts["shortened"]))
    else:
        unknown.append("counts.shortened")
        more = Counter(counts["shortened"]) - Counter(counts["written"])
        same("counts.shortened, beyond the rows written", {}, dict(more))
    if not recipe.get("samples"):
        same("counts.not_sampled, without samples", {}, _nonzero(counts["not_sampled"]))
    if recipe.get("llm") == "offline":
        for name in ("refused", "unbuilt"):
            same(f"counts.{name}, nobody being asked", {}, _nonzero(counts[name]))
    else:
        unknown.append("counts.refused")
        _check_unbuilt(counts, same)
    return unknown


def _check_unbuilt(counts: Mapping[str, Any], same: Same) -> None:
    """Each row that could not be made has its dialogues left out, for what a model did."""
    left_out = counts["left_out"]
    refused: Counter[str] = Counter()
    for reason in _OF_A_MODEL:
        refused.update(left_out.get(reason, {}))
    too_long = left_out.get("too_long", {})  # by a reply, or before any
    for row_type in sorted({*counts["unbuilt"], *refused}):
        rows = counts["unbuilt"].get(row_type, 0)
        fewest, most = ROW_TYPES[row_type].sources if row_type in ROW_TYPES else (1, 1)
        low = rows * (1 if counts["scripts"] else fewest)
        least, there = refused[row_type], refused[row_type] + too_long.get(row_type, 0)
        fits = least <= rows * most and low <= there
        same(f"counts.unbuilt, as left_out says of {row_type}", True, fits)


def check_of_source(
    manifest: Mapping[str, Any],
    source: Source | None,
    unread: Sequence[tuple[str, int]] | None,
    same: Same,
    report: Report,
) -> None:
    """Checks what the source tells: what was dropped of its rows, and that it is this source.

    Args:
        manifest: of a run.
        source: if there is one.
        unread: file and number of rows that were rejected before anything of them was dropped.
        same: compares.
        report: is told what is not proved.
    """
    if source is None:
        report.leave("manifest", "no --source was given: counts.dropped, the sha256 of sources")
        return
    if source.named:
        for file, facts in zip(source.files, manifest["sources"], strict=False):
            if facts["sha256"] is None:
                report.leave("manifest", f"the sha256 of {facts['file']}: it was not known")
                continue
            with file.path.open("rb") as opened:
                digest = file_digest(opened, "sha256").hexdigest()
            same(f"sha256 of {facts['file']}, as it is given", digest, facts["sha256"])
    else:
        report.leave("manifest", "the sha256 of sources: those given are called otherwise")
        if manifest["counts"]["scripts"]:  # these are the dialogues that its rows were made of
            report.leave("manifest", "counts.dropped: the rows that it was made of are not given")
            return
    if unread is None or own_limits(manifest["recipe"]):
        report.leave("manifest", "counts.dropped: which rows were read is not known")
        return
    same("counts.dropped, as of the source", source.dropped(unread), manifest["counts"]["dropped"])


def _nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}
