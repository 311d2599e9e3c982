"""The store of replies as a whole, and the part of it that a run is made of."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from .block_asks import live_writer
from .block_work import BlockTask, begin
from .dialogue import Ask
from .engine import ENGINES
from .errors import RecipeError
from .generate.cache import export_replies, import_replies, prune, sizes
from .generate.live import LeaveOut, Tried
from .rehearsal import recipe_of, rehearsed

ACTIONS = ("show", "prune", "export", "import")
_DAY = 86_400


def keys_task(task: BlockTask) -> list[str]:
    """The keys of the stored replies that the rows of a block are made of, refused ones too."""
    work = begin(task)
    keys: dict[str, None] = {}

    def tell(_ask: Ask, tried: Tried) -> None:
        if tried.raw is not None:
            keys[tried.request.key] = None

    live = live_writer(task)
    live.tried = tell
    writer = work.writer_with(live.reply)
    for row in work.rows:
        try:
            work.script(row, writer)
        except LeaveOut:
            continue
    return list(keys)


def keys_of(run: Path, store: Path, *, workers: int, engine: str) -> set[str]:
    """The keys of the replies that a finished run is made of.

    Raises:
        InputError: it is no finished run, or its sources are gone.
    """
    keys: set[str] = set()
    with (
        rehearsed(recipe_of(run), store=store, workers=workers, engine=engine) as tasks,
        closing(ENGINES[engine](keys_task, iter(tasks), workers)) as found,
    ):
        for some in found:
            keys.update(some)
    return keys


def kept_replies(
    action: str,
    store: Path,
    *,
    file: Path | None,
    run: Path | None,
    model: str | None,
    older_than: float | None,
    workers: int,
    engine: str,
) -> Iterator[str]:
    """Does what the `cache` command says, and tells what was done.

    Args:
        action: one of `ACTIONS`.
        store: the file of replies.
        file: of an export or import.
        run: a finished run: only its replies are exported, or only they are kept by `prune`.
        model: prune its replies alone.
        older_than: prune those of more days alone.
        workers: processes.
        engine: where a run's rows are looked at.

    Raises:
        RecipeError: something is not said that has to be, or does not fit the action.
        StoreError: the store or the file cannot be read.
    """
    if action not in ACTIONS:
        raise RecipeError(f"cache {action}: it must be one of {', '.join(ACTIONS)}")
    if (file is None) == (action in {"export", "import"}):
        raise RecipeError(f"cache {action}: {'name a' if file is None else 'takes no'} FILE")
    if older_than is not None and not older_than >= 0:  # nan, too
        raise RecipeError(f"--older-than {older_than:g}: give a number of days, 0 or more")
    if action == "show":
        yield from _shown(store)
        return
    keys = keys_of(run, store, workers=workers, engine=engine) if run else None
    if action == "prune":
        before = None if older_than is None else time.time() - older_than * _DAY
        gone = prune(store, before=before, model=model, keep=keys)
        yield f"{gone:,} replies forgotten"
    elif action == "export":
        assert file is not None  # noqa: S101  # seen to above
        moved = export_replies(store, file, keys)
        yield f"{file}: {moved.rows:,} replies"
    else:
        assert file is not None  # noqa: S101  # the same
        moved = import_replies(store, file)
        yield f"{moved.rows:,} replies added, {moved.others:,} were there"


def _shown(store: Path) -> Iterator[str]:
    held = sizes(store) if store.exists() else []
    yield f"{store}: {sum(one.rows for one in held):,} replies"
    if not held:
        return
    yield f"{'model':<28} {'kind':<10}{'replies':>10}{'kB':>10}{'tokens in':>14}{'tokens out':>14}"
    for one in held:
        yield (
            f"{one.model:<28} {one.kind:<10}{one.rows:>10,}{one.size // 1000:>10,}"
            f"{one.tokens.prompt:>14,}{one.tokens.completion:>14,}"
        )
