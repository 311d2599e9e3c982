"""A run's folder at a URL: built in a folder here, and sent block by block.

The guarantees on resume are those of a folder here. A file is uploaded under a temporary name
and moved; a block's report goes after its shards, the manifest last. What is there of an
unfinished run is fetched before it goes on, so that it may do so on another machine. The lock
is this machine's: two machines must not build at one URL at a time.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from .block_report import BlockReport, read_report, report_of, report_path
from .errors import BuildError, FolderError, SourceError
from .export.shards import WORK
from .load.raw_file import first_line
from .load.urls import file_system, is_url
from .run_folder import BESIDE, IDENTITY, MANIFEST, REVISIONS, SHARD, manifest_of

_REPORT = re.compile(re.escape(f"{WORK}/blocks/") + r"[^/]+\.json")


class Mirror:
    """The far side of a run's folder."""

    def __init__(self, url: str) -> None:
        """Opens the file system; nothing is asked yet.

        Raises:
            FolderError: there is none of this scheme, or its client is not installed.
        """
        try:
            self._system, path = file_system(url, "folder")
        except SourceError as error:
            raise FolderError(f"--out: {error}") from error
        self.url = url.rstrip("/")
        self._path = path.rstrip("/")
        self._sizes: dict[str, int] = {}
        self._known: dict[str, str] = {}  # the sha256 of shards there, as reports tell it

    def look(self) -> None:
        """Learns what is there.

        Raises:
            FolderError: it cannot be reached, or holds files that are no run's.
        """
        with self._told(FolderError):
            self._system.invalidate_cache()
            found = self._system.find(self._path, detail=True)
        begin = len(self._path) + 1
        self._sizes = {
            path[begin:]: facts["size"]
            for path, facts in found.items()
            if path.startswith(f"{self._path}/")
        }
        if self._sizes and not {MANIFEST, IDENTITY} & set(self._sizes):
            strange = sorted(path for path in self._sizes if not path.startswith(f"{WORK}/"))
            if strange:
                raise FolderError(
                    f"{self.url} holds files that are no run's ({', '.join(strange[:3])}); "
                    "choose another --out"
                )

    def size(self, path: str) -> int | None:
        """The size of a file there, or None."""
        return self._sizes.get(path)

    def manifest(self) -> dict[str, Any] | None:
        """The manifest of a finished run, or None."""
        if MANIFEST not in self._sizes:
            return None
        with self._told(FolderError):
            data = self._system.cat_file(f"{self._path}/{MANIFEST}")
        return manifest_of(data, f"{self.url}/{MANIFEST}")

    def fetch_unfinished(self, folder: Path) -> None:
        """Fetches the finished blocks of an unfinished run that are not here.

        Args:
            folder: here; what it holds of another run is removed.
        """
        mine = folder / IDENTITY
        if IDENTITY in self._sizes:
            with self._told(FolderError):
                theirs = self._system.cat_file(f"{self._path}/{IDENTITY}")
            if not mine.is_file() or mine.read_bytes() != theirs:
                shutil.rmtree(folder, ignore_errors=True)
        for path in (IDENTITY, REVISIONS):
            self._get(folder, path)
        for path in filter(_REPORT.fullmatch, sorted(self._sizes)):
            self._get(folder, path)
            for shard in self._remember(read_report(folder / path)):
                self._get(folder, shard)

    def begin(self, folder: Path, *, anew: bool) -> None:
        """Says whose the folder is.

        What is there of a finished run stays as it is until a block is sent.

        Args:
            folder: here.
            anew: remove all that a run wrote there.
        """
        said = [path for path in (IDENTITY, REVISIONS) if (folder / path).is_file()]
        for path in said:
            self._put(folder, path)
        if anew:
            self._clear(said)

    def _clear(self, said: Sequence[str]) -> None:
        """Removes what a run wrote there but what was said of the next; the manifest first."""
        work = [path for path in self._sizes if path.startswith(f"{WORK}/") and path not in said]
        for path in (MANIFEST, *BESIDE, *self._shards(), *work):
            if path in self._sizes:
                self._remove(path)

    def _shards(self) -> list[str]:
        """The shards there."""
        return [path for path in sorted(self._sizes) if SHARD.fullmatch(path.removeprefix("data/"))]

    def send_block(self, folder: Path, report: BlockReport) -> None:
        """Sends a block that is finished: its shards, then its report."""
        if MANIFEST in self._sizes:
            self._remove(MANIFEST)  # of a finished run, one of whose shards is now replaced
        for shard in report.files:
            self._put(folder, shard.path)
        self._put(folder, report_path(report.number))
        self._remember(report)

    def _remember(self, report: BlockReport) -> list[str]:
        """Takes note of what a report there says of its shards; which of them are there."""
        held = [shard for shard in report.files if self.size(shard.path) == shard.bytes]
        self._known |= {shard.path: shard.sha256 for shard in held}
        return [shard.path for shard in held]

    def finish(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        """Sends what is not there yet, the manifest last, and removes what is of no use then.

        Args:
            folder: of a finished run.
            manifest: its.
        """
        files: Mapping[str, Mapping[str, Any]] = manifest["files"]
        if MANIFEST in self._sizes:
            self._remove(MANIFEST)
        if any(path.startswith("data/") and path not in self._known for path in files):
            self._ask_reports()  # of a build that was killed after its last block
        for path, facts in files.items():
            if self._known.get(path) != facts["sha256"]:
                self._put(folder, path)
        beside = {path for path in BESIDE if path not in files and (folder / path).is_file()}
        for path in sorted(beside):
            self._put(folder, path)
        # What an earlier run left: its shards, and what was said of its rows.
        for path in {*self._shards(), *BESIDE} & set(self._sizes) - set(files) - beside:
            self._remove(path)
        self._put(folder, MANIFEST)
        for path in sorted(self._sizes):
            if path.startswith(f"{WORK}/"):
                self._remove(path)

    def _ask_reports(self) -> None:
        """Learns what the reports there say."""
        for path in filter(_REPORT.fullmatch, sorted(self._sizes)):
            with self._told(BuildError):
                data = self._system.cat_file(f"{self._path}/{path}")
            self._remember(report_of(json.loads(data)))

    def _get(self, folder: Path, path: str) -> None:
        size, here = self.size(path), folder / path
        if size is None:
            return
        if not here.is_file() or here.stat().st_size != size or not path.startswith("data/"):
            here.parent.mkdir(parents=True, exist_ok=True)
            unfinished = here.with_name(f".{here.name}.fetched")
            with self._told(FolderError):
                self._system.get_file(f"{self._path}/{path}", str(unfinished))
            unfinished.replace(here)

    def _put(self, folder: Path, path: str) -> None:
        name = f"{WORK}/{path.replace('/', '-')}.tmp"
        unfinished, target = f"{self._path}/{name}", f"{self._path}/{path}"
        with self._told(BuildError):
            for parent in (unfinished, target):
                self._system.makedirs(parent.rpartition("/")[0], exist_ok=True)
            self._system.put_file(str(folder / path), unfinished)
            self._system.mv(unfinished, target)
        self._sizes[path] = (folder / path).stat().st_size
        self._sizes.pop(name, None)  # what was left of it by who was killed there

    def _remove(self, path: str) -> None:
        with self._told(BuildError):
            self._system.rm_file(f"{self._path}/{path}")
        del self._sizes[path]

    @contextmanager
    def _told(self, kind: Callable[[str], Exception]) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise kind(
                f"cannot reach the folder {self.url} ({type(error).__name__}: {first_line(error)})"
            ) from error


def mirror_of(out: str) -> Mirror | None:
    """The far side of an `--out`, where it is a URL.

    Raises:
        FolderError: a run cannot be built there.
    """
    if out.startswith("hf://"):
        raise FolderError(
            f"--out {out}: a run is built in a folder and then published, with --push owner/name"
        )
    return Mirror(out) if is_url(out) else None


def staging_folder(url: str) -> Path:
    """Where a run at a URL is built here.

    Raises:
        FolderError: there is no such user here, and so no cache.
    """
    from platformdirs import user_cache_path

    name = re.sub(r"[^A-Za-z0-9.-]+", "-", url.rstrip("/").rpartition("/")[2])
    digest = sha256(url.rstrip("/").encode()).hexdigest()[:12]
    try:
        cache = user_cache_path("duplexdata", appauthor=False)
    except RuntimeError:
        raise FolderError("--out: no home folder to build in before it is sent: set HOME") from None
    return cache / "runs" / f"{name}-{digest}"
