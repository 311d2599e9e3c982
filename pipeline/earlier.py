"""Whether a run is there already, finished, and still what its recipe and sources make."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .errors import FolderError, SourceError
from .load.raw_file import file_digest
from .load.sources import SAMPLE, find_sources, is_remote
from .mirror import Mirror
from .run_folder import finished_manifest, refuse_another, remove_leftovers


def manifest_of_finished(
    out: Path, identity: Mapping[str, Any], mirror: Mirror | None
) -> Mapping[str, Any] | None:
    """The manifest of this very run, if it is finished; None where it is not.

    Args:
        out: the run's folder.
        identity: all that the bytes depend on, but the sources' rows.
        mirror: where the folder is sent to; a run that is only here is sent, and removed here.

    Raises:
        FolderError: another recipe's run is there, or a file or a source of it has changed.
    """
    if mirror is not None:
        manifest = mirror.manifest()
        if manifest is not None:
            _refuse_changed(mirror.url, mirror.size, identity, manifest)
            shutil.rmtree(out, ignore_errors=True)
            return manifest
    manifest = finished_manifest(out)
    if manifest is None:
        return None
    _refuse_changed(str(out), partial(_size, out), identity, manifest)
    remove_leftovers(out)
    if mirror is not None:
        mirror.finish(out, manifest)
        shutil.rmtree(out, ignore_errors=True)
    return manifest


def _size(folder: Path, path: str) -> int | None:
    file = folder / path
    return file.stat().st_size if file.is_file() else None


def _refuse_changed(
    out: str,
    size: Callable[[str], int | None],
    identity: Mapping[str, Any],
    manifest: Mapping[str, Any],
) -> None:
    # A finished folder stays finished when a library moves on.
    compared = ("recipe", "tokenizer", "transitions", "statement_banks", "prompts")
    refuse_another(
        out,
        {name: identity.get(name) for name in compared},
        {name: manifest.get(name) for name in compared},
    )
    for path, facts in manifest["files"].items():
        if size(path) != facts["bytes"]:
            raise FolderError(
                f"{out}/{path} is not what this run wrote; --overwrite builds it again"
            )
    _refuse_changed_sources(out, manifest)


def _refuse_changed_sources(out: str, manifest: Mapping[str, Any]) -> None:
    """Raises a FolderError where a source that is still there holds something else now."""
    # What is on the Hub was read at a commit, which does not change.
    here = [one for one in manifest["sources"] if not one.get("revision")]
    built = {one["file"]: one["sha256"] for one in here}
    changed = [
        file
        for file, sha256 in built.items()
        if file != SAMPLE and Path(file).is_file() and file_digest(Path(file)) != sha256
    ]
    recipe = manifest["recipe"]
    given = [one for one in recipe["source"] if not is_remote(one)]
    limits = [one.get("limit") for one in (recipe, *recipe.get("sources", ()))]
    if not changed and all(limit is None for limit in limits):
        read = {one["file"] for one in here if one["source"] in given}
        try:
            there = {one.shown for source in find_sources(given) for one in source.files}
        except SourceError:
            there = read  # gone: what was built of it stays built
        changed = sorted(there ^ read)
    if changed:
        raise FolderError(
            f"{changed[0]} has changed since {out} was built; "
            "choose another --out, or --overwrite it"
        )
