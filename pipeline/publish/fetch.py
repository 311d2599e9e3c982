"""A run on the Hub as a folder here: downloaded once, read from the client's cache after."""

import re
from pathlib import Path

from ..errors import FolderError
from ..run_folder import MANIFEST
from ..screen import Screen
from .hub import quiet_client
from .trouble import told

_NAME = re.compile(
    r"(?:hf://datasets/)?(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^/]+))?"
    r"(?:/(?P<config>[A-Za-z0-9][\w.-]*))?",
    re.ASCII,
)


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
    found = _NAME.fullmatch(name)
    if not found:
        raise FolderError(
            f"there is no folder {name}, and it is no owner/name[@revision][/configuration]"
        )
    prefix = f"{found['config']}/" if found["config"] else ""
    folder = _snapshot(found["repository"], found["revision"], prefix) / prefix
    if not (folder / MANIFEST).is_file():
        raise FolderError(f"{name} on the Hub holds no {prefix}{MANIFEST}: it is no run")
    return folder


def _snapshot(repository: str, revision: str | None, prefix: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        with quiet_client(Screen()):
            return Path(
                snapshot_download(
                    repository,
                    repo_type="dataset",
                    revision=revision,
                    allow_patterns=[f"{prefix}{MANIFEST}", f"{prefix}data/*.parquet"],
                    library_name="duplexdata",
                )
            )
    except Exception as error:
        ours = told(error, repository)
        if ours is error:
            raise
        raise ours from error
