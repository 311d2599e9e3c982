"""The end of a run: what stands beside the shards, whether a build or an export wrote them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .. import __version__
from .block_report import BlockReport
from .errors import BuildError, NothingBuilt
from .export.card import card, template
from .export.card_texts import LEFT_OUT_TEXTS
from .export.manifest import counts, sum_of, wrong_sums
from .export.rejected import LEFT_OUT, REJECTED, write_rows
from .export.shards import WrittenFile, write_text
from .generate import REQUEST_FAILED
from .load.language import LANGUAGES
from .load.reading import Reading
from .load.rejects import REASONS
from .recipe import Recipe
from .run_folder import MANIFEST, RUN_FACTS
from .slice.words import segmenter_name


@dataclass(frozen=True, slots=True)
class Pass1:
    """What the first pass found in the sources.

    Attributes:
        counts: `source_rows`, `kept`, and what was dropped of kept rows.
        sources: the files that were read, as a manifest names them.
        rejected: the rows that cannot be used, as tuples of `REJECTED`.
    """

    counts: Mapping[str, Any]
    sources: Sequence[Mapping[str, Any]]
    rejected: Sequence[tuple[Any, ...]]


def identity_of(recipe: Recipe, fingerprints: Mapping[str, Any]) -> dict[str, Any]:
    """All that the bytes depend on, but the sources' rows.

    Args:
        recipe: of the run.
        fingerprints: of what it names: tokenizer, transitions, statements, prompts.
    """
    return {
        "duplexdata": __version__,
        "format": recipe.format,
        "recipe": recipe.as_dict(),
        "recipe_sha256": recipe.digest(),
        "versions": {"pyarrow": version("pyarrow")},
        "segmenters": {language: segmenter_name(language) for language in LANGUAGES},
        **fingerprints,
    }


def get_ready() -> None:
    """Loads what the end of a run takes, so that it is there by then."""
    import yaml  # noqa: F401

    template()


def pass_1(reading: Reading) -> Pass1:
    """What a reading that has come to its end found."""
    return Pass1(
        {
            "source_rows": reading.rows,
            "kept": reading.kept,
            "scripts": reading.scripts,
            "read_as": dict(sorted((+reading.read_as).items())),
            "dropped": {
                "system_messages": reading.system_messages,
                "trailing_user_turns": reading.trailing_user_turns,
            },
        },
        [one.as_dict() for one in reading.files],
        [(*one.place, None, one.reason, one.detail) for one in reading.rejected],
    )


def checked_counts(found: Pass1, reports: Sequence[BlockReport], samples: int) -> dict[str, Any]:
    """The counts of a run, whose sums add up.

    Raises:
        BuildError: they do not, or there is no row since requests failed.
        NothingBuilt: there is no row for another reason.
    """
    shards = [file for report in reports for file in report.files]
    counted = counts(
        found.counts,
        (reason for *_place, reason, _detail in found.rejected),
        [asdict(report) for report in reports],
    )
    edited = {
        "changed": sum_of(report.changed for report in reports),
        "removed": sum_of(report.removed for report in reports),
    }
    wrong = wrong_sums(counted, shards, samples, sum(edited["removed"].values()))
    if wrong:
        raise BuildError(f"the sums of this build do not add up: {'; '.join(wrong)}")
    if not shards:
        said = f"no row could be built of {found.counts['source_rows']:,} source rows: "
        said += "; ".join(_why_nothing(counted))
        if REQUEST_FAILED in counted["left_out"]:
            raise BuildError(said)
        raise NothingBuilt(f"{said}\nit takes another recipe, or other sources")
    return {**counted, "edited": edited} if any(edited.values()) else counted


def _why_nothing(counted: Mapping[str, Any]) -> Iterator[str]:
    """What became of the source rows of a run without a row, in words."""
    for reason, count in counted["rejected"].items():
        yield f"{count:,} rejected as {reason} ({REASONS[reason]})"
    for reason, by_type in counted["left_out"].items():
        count = sum(by_type.values())
        times = "once" if count == 1 else f"{count:,} times"
        yield f"{times} left out of a type as {reason} ({LEFT_OUT_TEXTS[reason]})"
    if counted["kept"] and not counted["drawn"]:
        yield f"{counted['kept']:,} drawn for no type by the rates"


def write_beside(
    path: Path,
    identity: Mapping[str, Any],
    found: Pass1,
    reports: Sequence[BlockReport],
    counted: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes what stands beside the shards, but for run.json and the manifest.

    Returns:
        The manifest, to be written last: it says that all is there.
    """
    shards = [file for report in reports for file in report.files]
    rejected = write_rows(_rejected_rows(found, reports), REJECTED, path, "rejected.parquet")
    left_out = (tuple(one) for report in reports for one in report.left_out)
    beside = [rejected, write_rows(left_out, LEFT_OUT, path, "left_out.parquet")]
    manifest = {
        **identity,
        "sources": list(found.sources),
        "counts": counted,
        "files": {file.path: facts(file) for file in [*shards, *beside]},
    }
    write_text(card(path, manifest), path, "README.md")
    return manifest


def write_manifest(path: Path, manifest: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Writes run.json, which differs from run to run, and the manifest."""
    write_text(as_json(run), path, RUN_FACTS)
    write_text(as_json(manifest), path, MANIFEST)


def _rejected_rows(found: Pass1, reports: Sequence[BlockReport]) -> Iterator[tuple[Any, ...]]:
    yield from found.rejected
    for report in reports:
        for unused in report.unused:
            yield (*unused, "left out of every type it was drawn for")


def facts(file: WrittenFile) -> dict[str, Any]:
    """What a manifest says of a file."""
    return {"rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}


def as_json(values: Mapping[str, Any]) -> str:
    """A JSON file for people."""
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"
