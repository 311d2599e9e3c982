"""Datasets on the Hugging Face Hub: which files a name means, at one commit, read where they lie.

Files are streamed, so that the first rows cost no more than themselves. What is in the
client's cache already (`hf download --repo-type dataset owner/name`) is read from there.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..errors import HubError, SourceError
from .raw_file import SUFFIXES, LocalFile, RawFile, RemoteFile, first_line, stem_of

_SCHEME = "hf://datasets/"
_NAME = re.compile(
    r"(?P<repository>[A-Za-z0-9][\w.-]*/[\w][\w.-]*)"
    r"(?:@(?P<revision>refs/(?:pr|convert)/[\w.-]+|[^/@]+))?"
    r"(?:/(?P<pattern>.+))?",
    re.ASCII,
)
_SECONDS = 10.0
"""How long the Hub may take for the first answer."""

_NO_ROWS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
"""Files that say something of a dataset and hold none of it."""

_NO_LICENCE = {"", "other", "unknown"}
"""What a card says in place of a licence."""

_WITHOUT = "name a local file or folder instead, or try --source sample"


@dataclass(frozen=True, slots=True)
class HubName:
    """What a source on the Hub names.

    Attributes:
        given: the source as it was given.
        repository: `owner/name`.
        revision: a branch, tag or commit; None is the default branch.
        patterns: the files, as paths or globs, each of which must be there; empty is those
            that the repository says.
    """

    given: str
    repository: str
    revision: str | None
    patterns: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a folder is called after it."""
        short = self.given.partition("@")[0]
        return short if short in _SHORT else self.repository.partition("/")[2]


_SHORT: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # The Hub's own Parquet of it holds half of the rows; and the files are named one by one,
    # so that none is missed.
    "ultrachat": ("openbmb/UltraChat", tuple(f"train_{n}.jsonl" for n in range(10))),
    "ultrachat_200k": ("HuggingFaceH4/ultrachat_200k", ("data/train_sft-*.parquet",)),
}


def hub_name(source: str) -> HubName | None:
    """What a source names on the Hub, or None if it cannot be a name there."""
    short, _, revision = source.partition("@")
    if short in _SHORT:
        repository, patterns = _SHORT[short]
        return HubName(source, repository, revision or None, patterns)
    found = _NAME.fullmatch(source.removeprefix(_SCHEME))
    if found is None or (found["pattern"] and not source.startswith(_SCHEME)):
        return None
    pattern = found["pattern"]
    return HubName(
        source, found["repository"], found["revision"], (pattern.rstrip("/"),) if pattern else ()
    )


def hub_source(
    name: HubName, pinned: str | None, say: Callable[[str], None]
) -> tuple[str, list[RawFile], str | None]:
    """The commit that is read, its files of rows in a fixed order, and its card's licence.

    Args:
        name: what is wanted.
        pinned: the commit, where an earlier try read one.
        say: tells the user a line.

    Raises:
        SourceError: the Hub cannot be reached, shows no such dataset or revision, or there is
            no file of rows in it.
    """
    try:
        commit, there = _listed(name, pinned)
    except _UnreachableError as error:
        found = _cached(name, pinned)
        if found is None:
            raise SourceError(
                f"cannot reach the Hugging Face Hub for the source {name.given} ({error}): "
                f"{_WITHOUT}"
            ) from error
        commit, there = found
        say(f"{name.given}: the Hub is not asked ({error}); its cache on this machine is read")
    # Of those with a short name files and licence are known: their cards are not asked for.
    short = name.given.partition("@")[0] in _SHORT
    readme = None if short else there.get("README.md")
    head = _head(readme) if readme else {}
    chosen = _chosen(name, there, head)
    files = [there[path] for path in chosen]
    size = sum(one.size for one in files if isinstance(one, RemoteFile))
    streamed = f", {size / 1e6:,.1f} MB of them streamed" if size else ""
    say(f"{name.given}: {len(files)} files of {name.repository} at {commit[:12]}{streamed}")
    return commit, files, _licence(head)


class _UnreachableError(Exception):
    """The Hub does not answer, or is not to be asked."""


class HubFile(RemoteFile):
    """A file of a dataset's repository at a commit."""

    trouble = HubError

    def __init__(self, repository: str, revision: str, path: str, entry: Any) -> None:
        """Names a file.

        Args:
            repository: `owner/name`.
            revision: a commit.
            path: in the repository.
            entry: what the Hub lists of it.
        """
        sha256 = entry.lfs.sha256 if entry.lfs else None
        shown = address(repository, revision, path)
        super().__init__(shown, entry.size, sha256, None if sha256 else entry.blob_id)
        self.repository, self.revision = repository, revision

    def stream(self, seekable: bool) -> Any:
        """One answer read as it comes and taken up again where it breaks off; or ranges."""
        from huggingface_hub import HfFileSystem

        return HfFileSystem().open(self.shown, "rb", **({} if seekable else {"block_size": 0}))


def address(repository: str, revision: str, path: str) -> str:
    """What a file on the Hub is called."""
    return f"{_SCHEME}{repository}@{revision}/{path}"


def _listed(name: HubName, pinned: str | None) -> tuple[str, dict[str, RawFile]]:
    """The commit, and every file of it by path, as the Hub says."""
    from huggingface_hub import HfApi, RepoFile, try_to_load_from_cache

    api = HfApi(library_name="duplexdata")
    repository = name.repository
    with _told(name):
        revision = pinned or name.revision
        commit = api.dataset_info(repository, revision=revision, timeout=_SECONDS).sha
        if commit is None:
            raise SourceError(f"{repository} on the Hub has no commit")
        listed = api.list_repo_tree(
            repository, repo_type="dataset", revision=commit, recursive=True
        )
        files: dict[str, RawFile] = {}
        for one in listed:
            if not isinstance(one, RepoFile):
                continue
            held = try_to_load_from_cache(
                repository, one.path, repo_type="dataset", revision=commit
            )
            files[one.path] = (
                _copy(repository, commit, one.path, Path(held))
                if isinstance(held, str)
                else HubFile(repository, commit, one.path, one)
            )
        return commit, files


def _copy(repository: str, commit: str, path: str, held: Path) -> LocalFile:
    return LocalFile(held, address(repository, commit, path), repository, commit)


def _cached(name: HubName, pinned: str | None) -> tuple[str, dict[str, RawFile]] | None:
    """The commit and the files that the client's cache holds of it, if it holds any of rows."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(
                name.repository,
                repo_type="dataset",
                revision=pinned or name.revision,
                local_files_only=True,
            )
        )
    except Exception:  # whatever it is, nothing is there
        return None
    commit = folder.name
    held = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    if not any(_holds_rows(path) for path in held):
        return None
    files: dict[str, RawFile] = {
        path: _copy(name.repository, commit, path, place) for path, place in held.items()
    }
    return commit, files


def _chosen(name: HubName, there: Mapping[str, RawFile], head: Mapping[str, Any]) -> list[str]:
    """The paths of the files that a name means, by the head of the card if it names none."""
    rows = sorted(path for path in there if _holds_rows(path))
    if name.patterns:
        chosen = []
        for pattern in name.patterns:
            found = [path for path in rows if _fits(path, pattern)]
            if not found:
                raise SourceError(
                    f"no file of rows {pattern} in {name.repository} "
                    f"({name.revision or 'its default branch'}): {_WITHOUT}"
                )
            chosen += found
        return list(dict.fromkeys(chosen))
    patterns = _default_configuration(head)
    chosen = [path for pattern in patterns for path in rows if _fits(path, pattern)]
    if not chosen:
        chosen = rows
    if not chosen:
        raise SourceError(
            f"{name.repository} on the Hub holds no file that ends in {', '.join(SUFFIXES)}: "
            f"{_WITHOUT}"
        )
    return list(dict.fromkeys(chosen))


def _holds_rows(path: str) -> bool:
    parts = path.split("/")
    hidden = any(part.startswith(".") for part in parts)
    return stem_of(parts[-1]) is not None and parts[-1] not in _NO_ROWS and not hidden


def _fits(path: str, pattern: str) -> bool:
    """Whether a path is one of a pattern: itself, in that folder, or matched by it."""
    pattern = pattern.removeprefix("./")
    if path == pattern or path.startswith(f"{pattern}/"):
        return True
    ours, theirs = path.split("/"), pattern.split("/")
    if "**" in theirs:
        return fnmatchcase(path, pattern.replace("**/", "*"))
    return len(ours) == len(theirs) and all(map(fnmatchcase, ours, theirs))


def _head(readme: RawFile) -> dict[str, Any]:
    """The YAML of a card; empty where there is none, or it cannot be read."""
    import yaml

    with readme.open(seekable=False) as stream:
        text = stream.read().decode("utf-8-sig", "replace")
    found = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    try:
        data = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        return {}  # the Hub shows such a card as text, too
    return data if isinstance(data, dict) else {}


def _licence(head: Mapping[str, Any]) -> str | None:
    """The one licence that a card names, as the Hub writes licences."""
    named = head.get("license")
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    return named if isinstance(named, str) and named not in _NO_LICENCE else None


def _default_configuration(head: Mapping[str, Any]) -> list[str]:
    """The patterns of files that a card names for what is loaded when nothing else is said."""
    configs = head.get("configs")
    named = [
        {**one, "data_files": one.get("data_files") or one["data_dir"]}
        for one in configs or ()
        if isinstance(one, dict) and (one.get("data_files") or one.get("data_dir"))
    ]
    chosen = [one for one in named if one.get("default") is True]
    chosen = chosen or [one for one in named if one.get("config_name", "default") == "default"]
    if not chosen and len(named) == 1:
        chosen = named
    return [pattern for one in chosen for pattern in _patterns(one["data_files"])]


def _patterns(named: Any) -> Iterator[str]:
    """The patterns of `data_files`: a text, a list of them, or splits with their paths."""
    if isinstance(named, str):
        yield named
    elif isinstance(named, Mapping):
        yield from _patterns(named["path"] if "path" in named else list(named.values()))
    elif isinstance(named, Sequence):
        for one in named:
            yield from _patterns(one)


@contextmanager
def _told(name: HubName) -> Iterator[None]:
    """What the client raises, as ours."""
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise _UnreachableError("HF_HUB_OFFLINE is set") from error
    except RevisionNotFoundError as error:
        raise SourceError(
            f"{name.repository} on the Hub has no revision {name.revision or 'main'}"
        ) from error
    except RepositoryNotFoundError as error:
        raise SourceError(
            f"no source {name.given}: there is no such file here, and the Hub shows no dataset "
            f"{name.repository}; log in with `hf auth login` or set HF_TOKEN if it is private or "
            "gated, or try --source sample"
        ) from error
    except HFValidationError as error:
        raise SourceError(f"no source {name.given}: {first_line(error)}") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        said = error.server_message or first_line(error)
        raise _UnreachableError(f"it answers {status}: {said}") from error
    except OSError as error:
        raise _UnreachableError(f"{type(error).__name__}: {first_line(error)}") from error
    except Exception as error:
        # Its HTTP library is no dependency of ours, and changes name with its major.
        if type(error).__module__.partition(".")[0].startswith(("httpx", "httpcore")):
            raise _UnreachableError(f"{type(error).__name__}: {first_line(error)}") from error
        raise


def pinned_name(source: str, entries: Iterable[Mapping[str, Any]]) -> str:
    """A source with the commit that a manifest's entries say was read of it.

    Args:
        source: as a recipe names it.
        entries: `sources` of the manifest.
    """
    name = hub_name(source)
    commits = {one.get("revision") for one in entries if one["source"] == source}
    commit = commits.pop() if len(commits) == 1 else None
    if name is None or not commit:
        return source
    if name.revision:
        return source.replace(f"@{name.revision}", f"@{commit}", 1)
    begin = source.partition("@")[0]
    if begin in _SHORT:
        return f"{begin}@{commit}"
    return source.replace(name.repository, f"{name.repository}@{commit}", 1)
