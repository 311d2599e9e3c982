"""What a validation leaves beside the manifest: its outcome, and the hashes it is about."""

import json
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from .report import Report

RECORD = "validation.json"
_MANIFEST = "manifest.json"


def leave_record(path: Path, report: Report, sources: Sequence[str] = ()) -> None:
    """Writes `validation.json` into the folder of a run that was validated as it was built.

    Nothing is written for anything but a run's folder, or where nothing can be written.

    Args:
        path: what was validated.
        report: what was found.
        sources: what it was compared with.
    """
    try:
        data = (path / _MANIFEST).read_bytes()
        files = json.loads(data)["files"]
        hashes = {name: facts["sha256"] for name, facts in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    record = {
        "breaches": report.breaches,
        "rows": report.rows,
        "sources": list(sources),
        "proved": dict(report.proved),
        "not_proved": [
            {"check": check, "why": why, "rows": rows}
            for (check, why), rows in sorted(report.unproved.items())
        ],
        "files": {_MANIFEST: sha256(data).hexdigest(), **hashes},
    }
    text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    unfinished = path / f".{RECORD}.{os.getpid()}.tmp"
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(path / RECORD)
    except OSError:
        return  # a folder that may only be read is validated all the same


def proves(folder: Path, hashes: Mapping[str, str]) -> dict[str, Any] | None:
    """The record of a folder if it says that these very files have no breach.

    Args:
        folder: a run's.
        hashes: sha256 by path of the manifest and of the files that it names.
    """
    try:
        record = json.loads((folder / RECORD).read_text("utf-8"))
        fits = record["breaches"] == 0 and record["files"] == dict(hashes)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if fits else None
