"""A run's folder: whose it is, what is finished in it, and that one build at a time has it."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .block_report import BlockReport, read_report, report_path
from .errors import FolderError
from .export.shards import WORK, write_text
from .load.raw_file import file_digest

IDENTITY = f"{WORK}/identity.json"
REVISIONS = f"{WORK}/revisions.json"
BEFORE = f"{WORK}/manifest.json"
USED = f"{WORK}/used.json"
STAGE = "stage.json"
MANIFEST = "manifest.json"
RUN_FACTS = "run.json"
BESIDE = (
    *("README.md", "rejected.parquet", "left_out.parquet", RUN_FACTS),
    *("validation.json", "stats.json", "changes.md"),  # what validate, stats and diff leave
)
SHARD = re.compile(r"(train|validation)-\d{5,}\.parquet")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run, locked while it is built."""

    path: Path

    def report(self, number: int, digest: str, threshold: int | None) -> BlockReport | None:
        """The report of a block that is finished: same dialogues and sample, its shards there."""
        file = self.path / report_path(number)
        if not file.is_file():
            return None
        report = read_report(file)
        there = all(
            (self.path / one.path).is_file() and (self.path / one.path).stat().st_size == one.bytes
            for one in report.files
        )
        same = (report.digest, report.threshold) == (digest, threshold)
        return report if there and same else None

    def pin_revisions(self, revisions: Mapping[str, str]) -> None:
        """Keeps which commit of each source on the Hub this run reads, however often it is tried.

        Args:
            revisions: by the source as it was given.
        """
        if revisions:
            write_text(json.dumps(revisions, ensure_ascii=False), self.path, REVISIONS)

    def begin_again(self) -> None:
        """Makes a finished run an unfinished one, whose shards may now be replaced.

        Where none was, it is finished again at the end.
        """
        if (self.path / MANIFEST).is_file():
            (self.path / MANIFEST).replace(self.path / BEFORE)

    def forget_blocks(self) -> None:
        """Forgets which blocks are finished: a run without a row leaves nothing to go on with."""
        for report in (self.path / WORK / "blocks").glob("*.json"):
            report.unlink()

    def remove_other_shards(self, paths: set[str]) -> None:
        """Removes the shards that an earlier, unfinished build left."""
        for shard in _shards(self.path):
            if f"data/{shard.name}" not in paths:
                shard.unlink()


def finished_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of a finished run, or None."""
    file = path / MANIFEST
    return manifest_of(file.read_bytes(), str(file)) if file.is_file() else None


def manifest_of(data: bytes, shown: str) -> dict[str, Any]:
    """A manifest from its bytes.

    Raises:
        FolderError: they are no manifest of a run.
    """
    try:
        manifest = json.loads(data)
    except ValueError as error:
        raise FolderError(f"{shown} is no manifest: {error}; --overwrite starts anew") from error
    if not isinstance(manifest, dict) or "recipe" not in manifest:
        raise FolderError(f"{shown} is no manifest of a run; choose another --out")
    return manifest


def pinned_revisions(path: Path, manifest: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The commits that a run reads, by source; see RunFolder.pin_revisions.

    Args:
        path: the run's folder.
        manifest: of a finished run that is built again.
    """
    if manifest is not None:
        sources = [one for one in manifest["sources"] if one.get("revision")]
        return {one["source"]: one["revision"] for one in sources}
    try:
        revisions: dict[str, str] = json.loads((path / REVISIONS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return revisions


@contextmanager
def open_folder(path: Path, identity: Mapping[str, Any], overwrite: bool) -> Iterator[RunFolder]:
    """The folder of a run that is not finished, made if need be, and locked.

    Args:
        path: the folder.
        identity: all that the bytes depend on, but the sources' rows.
        overwrite: whether to remove what another run left.

    Raises:
        FolderError: it holds something else, another recipe's run, or a running build.
    """
    if path.exists() and not path.is_dir():
        raise FolderError(f"{path} is a file; choose another --out")
    _refuse_a_stranger(path)
    (path / WORK).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path / WORK / "lock", blocking=False):
            if overwrite:
                _clear(path)
            _claim(path, identity)
            try:
                yield RunFolder(path)
            finally:
                _leave(path)
    except Timeout:
        raise FolderError(f"another build is running in {path}; wait for it to end") from None


def _leave(path: Path) -> None:
    """Leaves a folder finished, or as what can go on, or as if nothing had been there."""
    if not (path / MANIFEST).is_file() and _is_untouched(path):
        (path / BEFORE).replace(path / MANIFEST)
    begun = _has_finished_block(path) or (path / BEFORE).is_file() or (path / USED).is_file()
    if (path / MANIFEST).is_file() or not begun:
        _remove_work(path)


def _is_untouched(path: Path) -> bool:
    """Whether a finished run that was begun again still holds what it wrote then."""
    if _has_finished_block(path) or not (path / BEFORE).is_file():
        return False
    files = manifest_of((path / BEFORE).read_bytes(), str(path / BEFORE))["files"]
    return all(
        (path / name).is_file() and file_digest(path / name) == facts["sha256"]
        for name, facts in files.items()
    )


def remove_leftovers(path: Path) -> None:
    """Removes the working folder that a killed build left in a finished folder."""
    if (path / WORK).is_dir():
        try:
            with FileLock(path / WORK / "lock", blocking=False):
                _remove_work(path)
        except Timeout:
            pass  # somebody builds it anew, and has it


def _remove_work(path: Path) -> None:
    """Removes the working folder with its lock, and what would stay behind empty."""
    if not (path / MANIFEST).is_file():
        for shard in _shards(path):  # of a first block whose report was not written
            shard.unlink()
    shutil.rmtree(path / WORK, ignore_errors=True)
    for folder in (path / "data", path):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _shards(path: Path) -> list[Path]:
    """The shards in a run's folder; nothing else in `data/` is ours."""
    return [one for one in sorted((path / "data").glob("*")) if SHARD.fullmatch(one.name)]


def difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The knobs in which two identities differ, as `seed: 1, there 0`; those of hashes last."""
    flat_ours, flat_theirs = _flat(ours), _flat(theirs)

    def order(key: str) -> tuple[bool, str]:
        said = str(flat_ours.get(key)), str(flat_theirs.get(key))
        return any(map(_HASH.fullmatch, said)), key

    return [
        f"{key}: {json.dumps(flat_ours.get(key), ensure_ascii=False)}, "
        f"there {json.dumps(flat_theirs.get(key), ensure_ascii=False)}"
        for key in sorted({*flat_ours, *flat_theirs}, key=order)
        if flat_ours.get(key) != flat_theirs.get(key)
    ]


def refuse_another(path: Path | str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Raises a FolderError with the difference, if there is one."""
    found = difference(ours, theirs)
    if found:
        shown = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        raise FolderError(
            f"{path} was made by another recipe ({shown}); choose another --out, or --overwrite it"
        )


def _refuse_a_stranger(path: Path) -> None:
    ours = (path / MANIFEST).is_file() or (path / IDENTITY).is_file()
    if path.is_dir() and not ours:
        strange = sorted(one.name for one in path.iterdir() if one.name != WORK)
        if strange:
            raise FolderError(
                f"{path} holds files that are no run's ({', '.join(strange[:3])}); "
                "choose another --out"
            )


def _has_finished_block(path: Path) -> bool:
    return any((path / WORK / "blocks").glob("*.json"))


def _claim(path: Path, identity: Mapping[str, Any]) -> None:
    if (path / IDENTITY).is_file() and _has_finished_block(path):
        refuse_another(path, identity, _identity_in(path))
    elif (path / IDENTITY).is_file() and difference(identity, _identity_in(path)):
        (path / USED).unlink(missing_ok=True)  # by a recipe that nothing is left of
    (path / WORK / "blocks").mkdir(exist_ok=True)
    for unfinished in (path / WORK).glob("*.tmp"):
        unfinished.unlink()
    # Before there is anything else, the folder says whose it is.
    write_text(json.dumps(identity, ensure_ascii=False), path, IDENTITY)
    (path / "data").mkdir(exist_ok=True)


def _identity_in(path: Path) -> dict[str, Any]:
    identity: dict[str, Any] = json.loads((path / IDENTITY).read_text("utf-8"))
    return identity


def _clear(path: Path) -> None:
    """Removes what a run wrote, but for the lock that we hold."""
    # The manifest first: where it is gone, the run is not finished.
    (path / MANIFEST).unlink(missing_ok=True)
    for shard in _shards(path):
        shard.unlink()
    for name in BESIDE:
        (path / name).unlink(missing_ok=True)
    for one in (path / WORK).iterdir():
        if one.is_dir():
            shutil.rmtree(one)
        elif one.name != "lock":
            one.unlink()


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
