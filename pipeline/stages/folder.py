"""The folder of a stage: what it holds, whether it is whole, and a new one."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..block_report import BlockReport, report_of
from ..errors import FolderError
from ..export.rejected import REJECTED, write_rows
from ..export.shards import WORK, write_text
from ..finished import Pass1, as_json, facts
from ..load.raw_file import file_digest
from ..run_folder import MANIFEST, RUN_FACTS, STAGE

_REJECTED = "rejected.parquet"
ORDER = ("load", "interrupt", "distract", "slice", "export")
"""The stages; the last one's folder is a run's."""


@dataclass(frozen=True, slots=True)
class StageFolder:
    """The folder of a finished stage.

    Attributes:
        name: of the stage that wrote it.
        identity: all that the bytes of the run depend on, but the sources' rows.
        found: what was read and rejected.
        reports: what became of each block so far.
        edited: the files that are no longer what the stage wrote.
    """

    path: Path
    name: str
    identity: Mapping[str, Any]
    found: Pass1
    reports: Sequence[BlockReport]
    edited: frozenset[str]


def dialogues_file(number: int) -> str:
    """Where the dialogues of a block lie."""
    return f"data/dialogues-{number:05d}.parquet"


def scripts_file(number: int) -> str:
    """Where the scripts of a block lie, which may be edited."""
    return f"data/scripts-{number:05d}.parquet"


def plan_file(number: int) -> str:
    """Where it is kept which rows were planned of a block."""
    return f"data/plan-{number:05d}.parquet"


def slices_file(number: int) -> str:
    """Where the sliced scripts of a block lie."""
    return f"data/slices-{number:05d}.parquet"


def read_stage(path: Path, name: str) -> StageFolder:
    """The folder that a stage left.

    Args:
        path: the folder.
        name: of the stage that must have written it.

    Raises:
        FolderError: it is another's folder, or a file that may not be edited was.
    """
    try:
        values = json.loads((path / STAGE).read_text("utf-8"))
        found = pq.ParquetFile(path / _REJECTED).read().to_pylist()
        stage = StageFolder(
            path,
            values["stage"],
            values["identity"],
            Pass1(
                values["counts"],
                values["sources"],
                [tuple(one[key] for key in REJECTED.names) for one in found],
            ),
            [report_of(one) for one in values["blocks"]],
            frozenset(_edited(path, values["files"])),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(
            f"{path} is no folder of a finished stage ({error}); run duplexdata {name} first"
        ) from error
    if stage.name != name:
        raise FolderError(
            f"{path} was written by duplexdata {stage.name}; give a folder of duplexdata {name}"
        )
    for file in sorted(stage.edited):
        if not file.startswith("data/scripts-"):
            raise FolderError(
                f"{path / file} is not what duplexdata {name} wrote; only scripts can be edited, "
                "so make the folder again with --overwrite"
            )
    return stage


def _edited(path: Path, files: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, written in files.items():
        if not (path / name).is_file():
            raise FolderError(f"{path / name} is missing; to drop rows leave a file without them")
        if file_digest(path / name) != written["sha256"]:
            yield name


@contextmanager
def new_stage(path: Path, overwrite: bool) -> Iterator[Path]:
    """A folder for a stage, made if need be; it is whole once `finish_stage` was called.

    Raises:
        FolderError: it holds something else, or a finished stage and `overwrite` is not said.
    """
    if path.exists() and not path.is_dir():
        raise FolderError(f"{path} is a file; choose another --out")
    held = {one.name for one in path.iterdir()} if path.is_dir() else set()
    if MANIFEST in held:
        raise FolderError(f"{path} holds a run; choose another --out")
    if held and not held & {STAGE, WORK}:
        raise FolderError(f"{path} holds files that are no stage's; choose another --out")
    if STAGE in held and not overwrite:
        raise FolderError(f"{path} holds a finished stage; --overwrite makes it again")
    for name in (STAGE, RUN_FACTS):
        (path / name).unlink(missing_ok=True)
    for one in (path / "data").glob("*.parquet"):
        one.unlink()
    for name in (WORK, "data"):
        (path / name).mkdir(parents=True, exist_ok=True)
    yield path
    shutil.rmtree(path / WORK)


def finish_stage(
    path: Path,
    name: str,
    identity: Mapping[str, Any],
    found: Pass1,
    reports: Sequence[BlockReport],
) -> None:
    """Writes what stands beside the files of the blocks, `stage.json` last."""
    rejected = write_rows(found.rejected, REJECTED, path, _REJECTED)
    files = [file for report in reports for file in report.files] + [rejected]
    values = {
        "stage": name,
        "identity": identity,
        "counts": found.counts,
        "sources": list(found.sources),
        "blocks": [asdict(report) for report in reports],
        "files": {file.path: facts(file) for file in files},
    }
    write_text(as_json(values), path, STAGE)
