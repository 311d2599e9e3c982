"""What of a run's folder is published: its files by hash, if they are what the run wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from ..errors import FolderError
from ..export.manifest import wrong_sums
from ..export.shards import WrittenFile
from ..run_folder import MANIFEST, finished_manifest

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Contents:
    """A finished run that may be published.

    Attributes:
        folder: of the run.
        manifest: of the run.
        hashes: sha256 by path, of the manifest and of every file that it names.
        files: the same files as the manifest names them.
    """

    folder: Path
    manifest: Mapping[str, Any]
    hashes: Mapping[str, str]
    files: tuple[WrittenFile, ...]

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(self.manifest["counts"]["written"].values())

    @property
    def shards(self) -> tuple[WrittenFile, ...]:
        """The files that hold rows."""
        return tuple(one for one in self.files if one.path.startswith("data/"))


def contents_of(folder: Path) -> Contents:
    """The contents of a run's folder.

    Raises:
        FolderError: it is no finished run, its sums do not add up, or a file in it is not
            what the run wrote.
    """
    if not folder.is_dir():
        raise FolderError(f"there is no folder {folder}; give the folder of a finished run")
    manifest = finished_manifest(folder)
    if manifest is None:
        raise FolderError(
            f"{folder} has no {MANIFEST}: it is no finished run; build it to its end first"
        )
    try:
        files = tuple(WrittenFile(path, **facts) for path, facts in manifest["files"].items())
        shards = [one for one in files if one.path.startswith("data/")]
        removed = sum(manifest["counts"].get("edited", {}).get("removed", {}).values())
        wrong = wrong_sums(manifest["counts"], shards, manifest["recipe"]["samples"], removed)
    except (KeyError, TypeError, AttributeError) as error:
        raise FolderError(f"{folder / MANIFEST} is no manifest of a run: {error!r}") from None
    if wrong:
        raise FolderError(f"the sums of {folder / MANIFEST} do not add up: {'; '.join(wrong)}")
    hashes = {MANIFEST: _hash(folder / MANIFEST)}
    for one in files:
        hashes[one.path] = _hash(folder / one.path)
        if hashes[one.path] != one.sha256:
            raise FolderError(
                f"{folder / one.path} is not what this run wrote (its sha256 is another): "
                "build --overwrite makes it again"
            )
    return Contents(folder, manifest, hashes, files)


def _hash(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FolderError(f"{file} cannot be read: {error.strerror}") from None
