"""A push, from a run's folder to a commit on the Hub."""

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..errors import PublishError
from ..export.card import card, card_data, is_written_here, without_seal
from ..export.licence import is_never_known, licence_of, why_unknown
from ..report.stats_record import RECORD as STATS
from ..report.stats_record import record_of
from ..screen import Screen
from ..validate.record import RECORD
from .contents import CARD, Contents, contents_of
from .hub import Hub, MovedError, Target, There
from .measured import ensure_measured
from .repository_card import RunCard, licence_there, repository_card, run_card
from .validated import ensure_validated
from .viewer import check_viewer

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_CONFIG = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_TRIES = 4
"""Times that the card is merged anew because somebody else wrote to the repository."""


def push(
    folder: Path,
    target: Target,
    *,
    config: str | None = None,
    licence: str | None = None,
    dry_run: bool = False,
    workers: int = 1,
    screen: Screen,
) -> str | None:
    """Publishes a finished run; says before what is sent, and sends nothing that is not proved.

    Args:
        folder: of the run.
        target: where it goes.
        config: its configuration there; None or `default` is the one at the repository's root.
        licence: in place of what the sources say.
        dry_run: check all, write the card, and send nothing.
        workers: processes that measure.
        screen: where to say how it goes.

    Returns:
        The address of the repository or of the pull request; None of a dry run.

    Raises:
        InputError: the folder, the names or the licence are wrong.
        HubError: the Hub refused or failed, or could not be reached.
    """
    config = None if config == "default" else config
    _check_names(target, config, licence)
    contents = contents_of(folder)
    granted = _licence(contents, target, licence)
    check_viewer(folder, [one.path for one in contents.shards])
    ensure_validated(contents, screen)
    written = _changed_card(folder)
    if written is None:
        measured = ensure_measured(contents, workers, screen)
        written = card(
            folder,
            contents.manifest,
            repository=target.repository,
            config=config,
            licence=licence,
            measured=measured,
        )
    ours = run_card(
        without_seal(written),
        str(folder / CARD),
        card_data(contents.manifest, config=config, licence=granted),
        rows=contents.rows,
    )
    for line in _announced(contents, target, config, granted):
        screen.say(line)
    if dry_run:
        _write_card(folder, written)
        screen.say(f"dry run: nothing is sent; the card is in {folder / CARD}")
        return None
    hub = Hub(target, screen)
    hub.prepare()
    for last in (False,) * (_TRIES - 1) + (True,):
        try:
            url = _commit(hub, contents, ours, any_licence=licence is not None)
        except MovedError:
            if last:
                raise
        else:
            screen.say("all of it is there already" if url is None else "pushed")
            return url or hub.url
    raise AssertionError  # the last try returns or raises


def check_repository(name: str) -> None:
    """Raises a PublishError where a name can be no repository's; the Hub is not asked."""
    if not _REPOSITORY.fullmatch(name):
        raise PublishError(f"{name!r} is no repository: give owner/name")


def check_sources(sources: Iterable[str], repository: str) -> None:
    """Raises a PublishError where a run of these could not be published without --license."""
    unknown = next(filter(is_never_known, sources), None)
    if unknown is not None:
        raise PublishError(
            f"--push: the licence of {unknown} is not known: build without --push, then name it: "
            f"duplexdata push FOLDER {repository} --license LICENCE"
        )


def _check_names(target: Target, config: str | None, licence: str | None) -> None:
    check_repository(target.repository)
    if config is not None and (not _CONFIG.fullmatch(config) or config == "data"):
        raise PublishError(
            f"--config-name {config}: letters, digits, . _ and - alone, and not `data`"
        )
    if licence is not None and not _LICENCE.fullmatch(licence):
        raise PublishError(
            f"--license {licence}: give it as the Hub writes it, such as mit or apache-2.0"
        )
    if target.create_pr and target.revision:
        raise PublishError(
            "--create-pr and --revision exclude each other: a pull request is against main"
        )


def _licence(contents: Contents, target: Target, given: str | None) -> str:
    """The licence to publish under.

    Raises:
        PublishError: none was given, and the sources name none.
    """
    sources = contents.manifest["sources"]
    known = licence_of(sources)
    if given is None and known is None:
        raise PublishError(
            f"{why_unknown(sources)}: find out what may be given on, and name it: duplexdata "
            f"{shlex.join(['push', str(contents.folder), target.repository])} --license LICENCE"
        )
    return given or str(known)


def _changed_card(folder: Path) -> str | None:
    """The run's card where it was changed by hand: it is kept as it is."""
    try:
        text = (folder / CARD).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if text.strip() and not is_written_here(text) else None


def _announced(
    contents: Contents, target: Target, config: str | None, licence: str
) -> Iterator[str]:
    """What will be sent, in lines."""
    where = f"dataset {target.repository}"
    if target.revision:
        where += f", revision {target.revision}"
    if target.create_pr:
        where += ", as a pull request"
    yield f"to: {where}, configuration {config or 'default'}, licence {licence}"
    sizes = _sizes(contents)
    for name, (files, rows, size) in sizes.items():
        many = f"{files:,} files, " if files > 1 else ""
        held = f"{rows:,} rows, " if name.endswith(".parquet") else ""
        yield f"  {name}: {many}{held}{size:,} bytes"
    total = sum(size for _, _, size in sizes.values())
    count = len(_sent(contents))
    yield f"in all: {count:,} files, {contents.rows:,} rows, {total:,} bytes, and the card"


def _sizes(contents: Contents) -> dict[str, tuple[int, int, int]]:
    """Files, rows and bytes of what is sent; the shards of a split are one line."""
    rows = {one.path: one.rows for one in contents.files}
    sizes: dict[str, tuple[int, int, int]] = {}
    for path in _sent(contents):
        shard = path.startswith("data/")
        name = re.sub(r"-\d+\.parquet$", "-*.parquet", path) if shard else path
        files, held, size = sizes.get(name, (0, 0, 0))
        more = (contents.folder / path).stat().st_size
        sizes[name] = (files + 1, held + rows.get(path, 0), size + more)
    return sizes


def _sent(contents: Contents) -> list[str]:
    """The files that are sent as they are; the card is written for the repository."""
    beside = [RECORD] if (contents.folder / RECORD).is_file() else []
    # Figures of other rows, which an older run left, are not sent.
    beside += [STATS] if record_of(contents.folder, contents.manifest) else []
    return [*contents.hashes, *beside]


def _write_card(folder: Path, text: str) -> None:
    unfinished = folder / f".{CARD}.{os.getpid()}.tmp"
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(folder / CARD)
    except OSError as error:
        raise PublishError(f"the card cannot be written: {error}") from None


def _commit(hub: Hub, contents: Contents, ours: RunCard, *, any_licence: bool) -> str | None:
    """Reads what is there, and commits the run beside it."""
    prefix = "" if ours.config == "default" else f"{ours.config}/"
    there = hub.read(prefix)
    stale = _stale(there, contents, prefix, hub.target.repository)
    if STATS not in _sent(contents):
        stale.append(f"{prefix}{STATS}")  # of other rows, if one is there
    before, licence = licence_there(there.card), ours.head["license"]
    if not any_licence and before is not None and before != licence:
        raise PublishError(
            f"{hub.target.repository} is under {before}, this run under {licence}: "
            "name the licence of both with --license"
        )
    message = (
        f"{ours.config}: {contents.rows} {contents.manifest['format']} rows, "
        f"recipe {contents.manifest['recipe_sha256'][:12]}"
    )
    text = repository_card(there.card, ours)
    with _laid_out(contents, prefix, text) as folder:
        return hub.send(folder, there, stale, message)


def _stale(there: There, contents: Contents, prefix: str, name: str) -> list[str]:
    """The shards of the run that this one replaces.

    Raises:
        PublishError: there are shards that no run wrote.
    """
    ours = {f"{prefix}{one.path}": one.sha256 for one in contents.shards}
    named = there.manifest.get("files") if there.manifest else None
    theirs = {f"{prefix}{path}" for path in named} if isinstance(named, Mapping) else set()
    stale = []
    for path, sha256 in there.shards.items():
        if path in ours and sha256 == ours[path]:
            continue
        if path not in theirs:
            raise PublishError(
                f"{name} holds {path}, which is of no run of this configuration: "
                "name another repository, or a --config-name"
            )
        if path not in ours:
            stale.append(path)
    return stale


@contextmanager
def _laid_out(contents: Contents, prefix: str, text: str) -> Iterator[Path]:
    """A folder that stands as the repository is to stand, made of links."""
    with tempfile.TemporaryDirectory(prefix="duplexdata-push-") as made:
        folder = Path(made)
        for path in _sent(contents):
            place = folder / prefix / path
            place.parent.mkdir(parents=True, exist_ok=True)
            _link((contents.folder / path).resolve(), place)
        (folder / CARD).write_text(text, encoding="utf-8", newline="\n")
        yield folder


def _link(file: Path, place: Path) -> None:
    """The file at another place, without copying it where the system can."""
    for link in (os.symlink, os.link):
        try:
            link(file, place)
        except OSError:
            continue
        return
    shutil.copyfile(file, place)
