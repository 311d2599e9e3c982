"""What `stats` leaves in a run's folder: what was measured, and the hashes it is about.

The card tells it. It counts only for the very files that it names.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..export.card_measured import Cue, CueTask, Measured
from ..load.raw_file import file_digest
from .probe_tables import TASKS
from .probes import BY_DIALOGUE, LEANING, NEW_SENTENCES, SHORTCUT
from .rows import RowFile
from .stats_figures import Figures

RECORD = "stats.json"
_MANIFEST = "manifest.json"


def hashes_of(folder: Path, files: Sequence[RowFile]) -> dict[str, str]:
    """The sha256 of files of rows, by their paths in a run's folder."""
    return {one.path.relative_to(folder).as_posix(): file_digest(one.path) for one in files}


def is_run(path: Path) -> bool:
    """Whether a path is the folder of a run."""
    return (path / _MANIFEST).is_file()


def leave_record(folder: Path, figures: Figures, hashes: Mapping[str, str]) -> dict[str, Any]:
    """Writes `stats.json` into the folder of a run, if it can be written to.

    Args:
        folder: of the run.
        figures: as `stats --json` prints them; of these are kept the tokens, and the probes.
        hashes: of the files that were measured, as they were before.

    Returns:
        What was written.
    """
    record = {
        "tokenizer": figures["tokenizer"]["name"],
        "rows": figures["rows"],
        "types": {
            name: {key: one[key] for key in ("rows", "tokens")}
            for name, one in figures["types"].items()
        },
        **({"probes": figures["probes"]} if "probes" in figures else {}),
        "files": dict(hashes),
    }
    _write(folder, record)
    return record


def add_probes(folder: Path, record: Mapping[str, Any], probes: Figures) -> dict[str, Any]:
    """Writes a record anew, with what the probes gave."""
    whole = {**record, "probes": probes}
    _write(folder, whole)
    return whole


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    unfinished = folder / f".{RECORD}.{os.getpid()}.tmp"
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(folder / RECORD)
    except OSError:
        return  # a folder that may only be read is measured all the same


def record_of(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was measured of these very rows, or None.

    Args:
        folder: a run's.
        manifest: of the run; its files are those that it names.
    """
    shards = {
        path: facts["sha256"]
        for path, facts in manifest["files"].items()
        if path.startswith("data/")
    }
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
        fits = record["files"] == shards
        fits = fits and record["tokenizer"] == manifest["recipe"]["tokenizer"]
        as_measured(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if fits else None


def measured_in(folder: Path, manifest: Mapping[str, Any]) -> Measured | None:
    """The same as the card takes it."""
    record = record_of(folder, manifest)
    return as_measured(record) if record else None


def as_measured(record: Mapping[str, Any]) -> Measured:
    """A record as the card takes it."""
    types, probes = record["types"], record.get("probes")
    return Measured(
        tokens={name: float(one["tokens"]["mean"]) for name, one in types.items()},
        counted=sum(one["tokens"]["counted_rows"] for one in types.values()),
        rows=sum(one["rows"] for one in types.values()),
        tasks=None
        if probes is None
        else tuple(_task(title, probes[name]) for name, title in TASKS.items() if name in probes),
        shortcut=SHORTCUT,
        leaning=LEANING,
    )


def _task(title: str, figures: Figures) -> CueTask:
    new = figures.get(NEW_SENTENCES, {})
    return CueTask(
        title,
        figures["examples"],
        figures["yes"],
        figures["source_dialogues"],
        tuple(Cue(name, auc, new.get(name)) for name, auc in figures.get(BY_DIALOGUE, {}).items()),
        figures.get("not_measured"),
    )
