"""The Hub, through its own client: what a repository holds, and a folder as a commit to it."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import PublishError
from ..run_folder import MANIFEST
from ..screen import Screen
from .contents import CARD
from .trouble import MovedError, told

DATASET = "dataset"
MAIN = "main"


@dataclass(frozen=True, slots=True)
class There:
    """What a repository holds where a run is to go.

    Attributes:
        commit: at the head of the revision.
        card: its README.md, if it has one.
        manifest: of the run that stands in this configuration, if one does.
        shards: sha256 by path of the files in the configuration's folder of rows; None
            where a file is not LFS.
    """

    commit: str
    card: str | None
    manifest: Mapping[str, Any] | None
    shards: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run goes.

    Attributes:
        repository: `owner/name`.
        revision: a branch; None is the default one.
        private: whether a new repository is private.
        create_pr: open a pull request instead of writing to the branch.
    """

    repository: str
    revision: str | None = None
    private: bool = False
    create_pr: bool = False

    @property
    def branch(self) -> str:
        """The branch that is read and written to."""
        return self.revision or MAIN


def check_client() -> None:
    """Raises a PublishError where there is no token, or no network is wanted; asks nobody."""
    from huggingface_hub import constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise PublishError("HF_HUB_OFFLINE is set, so nothing can be sent to the Hub: unset it")
    if get_token() is None:
        raise PublishError(
            "there is no token for the Hub: log in with `hf auth login`, or set HF_TOKEN"
        )


class Hub:
    """A session with the Hub about one repository; every trouble is told in one line."""

    def __init__(self, target: Target, screen: Screen) -> None:
        """Opens a session; nothing is asked yet.

        Raises:
            PublishError: there is no token.
        """
        from huggingface_hub import HfApi

        check_client()
        self.target = target
        self.screen = screen
        self.api = HfApi(library_name="duplexdata")

    @property
    def url(self) -> str:
        """The address of the repository, at the revision."""
        base = f"{self.api.endpoint}/datasets/{self.target.repository}"
        revision = self.target.revision
        return f"{base}/tree/{quote(revision, safe='')}" if revision else base

    def prepare(self) -> None:
        """Makes the repository and the branch where they are not there."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        name = self.target.repository
        with self._session():
            try:
                private = self.api.repo_info(name, repo_type=DATASET).private
            except RepositoryNotFoundError as error:
                if error.response.status_code != 404:
                    raise
                self.api.create_repo(name, repo_type=DATASET, private=self.target.private)
                self.screen.say(f"made: {name}")
            else:
                if self.target.private and not private:
                    raise PublishError(
                        f"{name} is there and public; --private is for a new repository"
                    )
            if self.target.revision:
                try:
                    self.api.repo_info(name, repo_type=DATASET, revision=self.target.revision)
                except RevisionNotFoundError:
                    self.api.create_branch(name, repo_type=DATASET, branch=self.target.revision)

    def read(self, prefix: str) -> There:
        """What stands at the head of the branch.

        Args:
            prefix: of the configuration, empty or ending in a slash.
        """
        with self._session():
            name, branch = self.target.repository, self.target.branch
            commit = self.api.repo_info(name, repo_type=DATASET, revision=branch).sha
            if commit is None:
                raise PublishError(f"{name} has no commit at {branch}")
            card = self._file(CARD, commit)
            manifest = _json(self._file(f"{prefix}{MANIFEST}", commit) or b"")
            return There(
                commit,
                None if card is None else card.decode("utf-8-sig", errors="replace"),
                manifest if isinstance(manifest, dict) else None,
                self._shards(f"{prefix}data", commit),
            )

    def send(self, folder: Path, there: There, stale: Sequence[str], message: str) -> str | None:
        """Commits a folder; what is there already is not sent again.

        Args:
            folder: laid out as the repository is to be.
            there: what was read of it; nothing is written if it has changed since.
            stale: paths that the commit removes.
            message: of the commit.

        Returns:
            The address of what was made, or None where all was there.

        Raises:
            MovedError: somebody else wrote to the branch meanwhile.
        """
        with self._session():
            done = self.api.upload_folder(
                folder_path=folder,
                repo_id=self.target.repository,
                repo_type=DATASET,
                revision=self.target.revision,
                commit_message=message,
                create_pr=self.target.create_pr,
                parent_commit=None if self.target.create_pr else there.commit,
                delete_patterns=list(stale) or None,
            )
        if done.oid == there.commit:
            return None
        return done.pr_url or self.url

    def _file(self, path: str, commit: str) -> bytes | None:
        from huggingface_hub.errors import EntryNotFoundError

        try:
            found = self.api.hf_hub_download(
                self.target.repository, path, repo_type=DATASET, revision=commit
            )
        except EntryNotFoundError:
            return None
        return Path(found).read_bytes()

    def _shards(self, folder: str, commit: str) -> dict[str, str | None]:
        from huggingface_hub import RepoFile
        from huggingface_hub.errors import EntryNotFoundError

        try:
            listed = list(
                self.api.list_repo_tree(
                    self.target.repository,
                    folder,
                    repo_type=DATASET,
                    revision=commit,
                    recursive=True,
                )
            )
        except EntryNotFoundError:
            return {}
        files = [one for one in listed if isinstance(one, RepoFile)]
        return {one.path: one.lfs.sha256 if one.lfs else None for one in files}

    @contextmanager
    def _session(self) -> Iterator[None]:
        """The client's talk as lines on our screen, and its troubles as ours."""
        with quiet_client(self.screen):
            try:
                yield
            except Exception as error:
                ours = told(error, self.target.repository)
                if ours is error:
                    raise
                raise ours from error


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


@contextmanager
def quiet_client(screen: Screen) -> Iterator[None]:
    """Lets the client say that it waits, and show its bars on a terminal alone."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    logger = logging.getLogger("huggingface_hub")
    handlers, shown = logger.handlers[:], not are_progress_bars_disabled()
    logger.handlers[:] = [_Waits(screen.say)]
    if shown and not screen.stream.isatty():
        disable_progress_bars()
    try:
        yield
    finally:
        logger.handlers[:] = handlers
        if shown and not screen.stream.isatty():
            enable_progress_bars()


class _Waits(logging.Handler):
    """Of what the client logs, that it tries again and how long it waits before."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self.say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Says a line."""
        text = record.getMessage()
        if text.startswith(("Retrying in", "Rate limited")):
            self.say(f"the Hub: {text.splitlines()[0]}")


__all__ = ["Hub", "MovedError", "Target", "There"]
