"""Rows and runs on the Hub as paths here: downloaded once, read from the client's cache after."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

from ..errors import FolderError, HubError, SourceError
from ..load.hub import address, hub_name, pinned_name
from ..load.sources import is_here, is_remote
from ..run_folder import MANIFEST, STAGE
from ..screen import Screen
from .hub import quiet_client
from .trouble import told

_NAME = re.compile(
    r"(?:hf://datasets/)?(?P<repository>[A-Za-z0-9][\w.-]*/[\w.-]+)"
    r"(?:@(?P<revision>refs/(?:pr|convert)/[\w.-]+|[^/@]+))?(?:/(?P<path>[\w.-][^*?]*))?",
    re.ASCII,
)
_ROWS = (".parquet", ".jsonl", ".jsonl.gz")
_BESIDE = ("rejected.parquet", "left_out.parquet")


@dataclass(frozen=True, slots=True)
class _Place:
    """A place on the Hub: in a repository at a revision, its root or a folder or file in it."""

    repository: str
    revision: str | None
    path: str


def run_folder_of(name: str) -> Path:
    """The folder of a run, here or on the Hub.

    Args:
        name: a folder; or `owner/name[@revision][/configuration]`, with or without
            `hf://datasets/` before it.

    Raises:
        FolderError: it is neither.
        HubError: the Hub refused or failed, or could not be reached.
    """
    if Path(name).exists():
        return Path(name)
    place = _place(name)
    if place is None:
        raise FolderError(
            f"there is no folder {name}, and it is no owner/name[@revision][/configuration]"
        )
    prefix = f"{place.path}/" if place.path else ""
    snapshot = _snapshot(place, [f"{prefix}{MANIFEST}", f"{prefix}data/*.parquet"])
    folder = snapshot / place.path
    if not (folder / MANIFEST).is_file():
        raise FolderError(f"{name} on the Hub holds no {prefix}{MANIFEST}: it is no run")
    return folder


def rows_at(name: str) -> Path:
    """The path of rows, here or on the Hub.

    Args:
        name: a path; or `owner/name[@revision]` with or without `hf://datasets/` before it,
            and a folder or file in it after it. What is a path here is never asked for.

    Returns:
        A path that need not exist: whoever reads it tells.

    Raises:
        FolderError: there are no rows in that repository.
        HubError: the Hub refused or failed, or could not be reached.
    """
    place = None if is_here(name) else _place(name)
    if place is None:
        return Path(name)
    try:
        commit, paths = _listed(place)
    except HubError as error:
        if name.startswith("hf://"):
            raise
        raise FolderError(f"there is no {name} here, nor on the Hub: {error}") from error
    wanted = _row_files(paths, place.path)
    if not wanted:
        runs = sorted(one.removesuffix(f"/{MANIFEST}") for one in paths if one.endswith(MANIFEST))
        hint = f": name one of its runs, as {place.repository}/{runs[0]}" if runs else ""
        raise FolderError(f"{name} on the Hub holds no rows ({', '.join(_ROWS)}) there{hint}")
    pinned = _Place(place.repository, commit, place.path)
    return _snapshot(pinned, [escape(path) for path in wanted]) / place.path


def source_copies(path: Path, sources: Sequence[str]) -> dict[str, list[tuple[str, str, Path]]]:
    """The files on the Hub that a run was built of, downloaded.

    Args:
        path: the folder of a run or of a stage, which says which they are.
        sources: as they were given to the build; those that lie here are left out.

    Returns:
        For each source its files in order: repository, what the manifest calls it, and a path.

    Raises:
        SourceError: a source lies on the Hub, and the manifest does not speak of it.
        HubError: the Hub refused or failed, or could not be reached.
    """
    wanted = [one for one in sources if hub_name(one) and is_remote(one)]
    if not wanted:
        return {}
    entries = _read_sources(path)
    copies = {}
    for source in wanted:
        files = [
            one
            for one in entries
            if one.get("revision") and source in {one["source"], pinned_name(one["source"], [one])}
        ]
        if not files:
            raise SourceError(
                f"--source {source}: the manifest in {path} does not say that it was read; "
                "give a run's folder and the source as it was built of"
            )
        copies[source] = [(one["repository"], one["file"], _copy(one)) for one in files]
    return copies


def _read_sources(path: Path) -> list[dict[str, Any]]:
    for name in (MANIFEST, STAGE):
        if (path / name).is_file():
            return list(json.loads((path / name).read_bytes()).get("sources", ()))
    return []


def _copy(entry: Mapping[str, Any]) -> Path:
    """A file of a manifest's sources, downloaded."""
    from huggingface_hub import hf_hub_download

    repository, revision = entry["repository"], entry["revision"]
    begin = address(repository, revision, "")
    with _told(repository), quiet_client(Screen()):
        return Path(
            hf_hub_download(
                repository,
                entry["file"].removeprefix(begin),
                repo_type="dataset",
                revision=revision,
                library_name="duplexdata",
            )
        )


@contextmanager
def _told(repository: str) -> Iterator[None]:
    """What the client raises, as ours."""
    try:
        yield
    except Exception as error:
        ours = told(error, repository)
        if ours is error:
            raise
        raise ours from error


def _row_files(paths: Sequence[str], at: str) -> list[str]:
    """Of a repository's files those that are a run, or rows, at a place of it."""
    if at in paths:
        return [at]
    prefix = f"{at}/" if at else ""
    inner = {path.removeprefix(prefix) for path in paths if path.startswith(prefix)}
    data = [path for path in inner if path.startswith("data/") and path.endswith(_ROWS)]
    if MANIFEST in inner:
        found = [*data, MANIFEST, *inner.intersection(_BESIDE)]
    else:
        found = data or [one for one in inner if "/" not in one and one.endswith(_ROWS)]
    return sorted(prefix + path for path in found)


def _place(name: str) -> _Place | None:
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return _Place(found["repository"], found["revision"], (found["path"] or "").strip("/"))


def _listed(place: _Place) -> tuple[str, list[str]]:
    """The commit, and the paths of its files; of the cache's, where the Hub is not asked."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        folder = _snapshot(place, None)
        return folder.name, [
            one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()
        ]
    with _told(place.repository):
        facts = HfApi(library_name="duplexdata").dataset_info(
            place.repository, revision=place.revision, timeout=10
        )
    return facts.sha or "main", [one.rfilename for one in facts.siblings or ()]


def _snapshot(place: _Place, patterns: Sequence[str] | None) -> Path:
    """The folder of the client's cache that holds a revision, with these files in it."""
    from huggingface_hub import snapshot_download

    with _told(place.repository), quiet_client(Screen()):
        return Path(
            snapshot_download(
                place.repository,
                repo_type="dataset",
                revision=place.revision,
                allow_patterns=None if patterns is None else list(patterns),
                library_name="duplexdata",
            )
        )
