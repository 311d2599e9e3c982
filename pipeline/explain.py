"""From a row back to all that made it: dialogues, chance, asks, script, slices."""

import json
from collections.abc import Iterator
from pathlib import Path

from .block_asks import live_writer
from .block_work import BlockTask, Work, begin
from .dialogue import Ask, Reply, Script
from .errors import InputError, SourceError
from .generate import WRITERS
from .generate.live import LeaveOut, Tried
from .generate.means import Means
from .generate.parsing import content_of
from .load.block import read_block
from .plan import PlannedRow
from .rehearsal import recipe_of, rehearsed
from .report.pick import row_by_id
from .report.rows import open_rows
from .report.screen import visible
from .slice.schedule import slice_script
from .slice.slicer import Slices


def explain(folder: Path, row_id: str, means: Means, *, workers: int, engine: str) -> Iterator[str]:
    """Tells how a row of a finished run came to be, in lines.

    Args:
        folder: of the run.
        row_id: of the row.
        means: where the store of replies is.
        workers: processes.
        engine: where blocks are planned.

    Raises:
        InputError: there is no such run or row, or its sources are not what they were.
    """
    recipe = recipe_of(folder)
    wanted, missing = set[str](), None
    try:
        wanted = set(row_by_id(open_rows(folder), folder, row_id)["source_ids"])
    except InputError as error:
        missing = error  # it may have been left out: every block is planned
    with rehearsed(recipe, store=means.store(recipe), workers=workers, engine=engine) as tasks:
        for task in tasks:
            # Reading is quick beside planning.
            block = read_block(task.number, Path(task.file))
            if wanted <= set(block.source_ids()):
                work = begin(task)
                for planned in work.plan.rows:
                    if planned.id == row_id:
                        yield from (visible(line, "\n") for line in _told(task, work, planned))
                        return
    raise missing or SourceError(
        f"{row_id}: the sources of {folder} are gone, or have changed since"
    )


def _told(task: BlockTask, work: Work, row: PlannedRow) -> Iterator[str]:
    recipe = task.recipe
    yield f"{row.id}: {row.type}, of block {task.number}"
    if work.dialogues_of(row):
        keys = ", ".join(one.key for one in work.dialogues_of(row))
        yield f"chance: seed {recipe.seed}, {_drawn(row, work)}, keys {keys}"
    else:
        yield "a conversation that the source holds: nothing was drawn"
    if row.rounds:
        yield f"shortened to max_tokens {recipe.max_tokens}: rounds {row.rounds[0]}-{row.rounds[1]}"
    for dialogue in work.dialogues_of(row):
        yield ""
        yield f"dialogue {dialogue.source_id} ({dialogue.language}, {dialogue.split})"
        for turn in dialogue.turns:
            yield from _indented(f"{turn.role}: {turn.text}")
    told: list[str] = []
    number = 0

    def tell(ask: Ask, tried: Tried) -> None:
        told.extend(_of_a_try(ask, tried))

    live = live_writer(task)
    live.tried = tell

    def reply(ask: Ask) -> Reply:
        nonlocal number
        number += 1
        told.extend(("", f"ask {number}: {ask.kind} ({ask.language})"))
        made = live.reply(ask) if WRITERS[recipe.llm].asks else work.writer.reply(ask)
        told.extend(line for text in made.texts for line in _indented(f"{made.origin}: {text}"))
        return made

    try:
        script = work.script(row, work.writer_with(reply))
    except LeaveOut as why:
        yield from told
        yield f"left out: {why.reason}"
        return
    yield from told
    yield from _of_the_script(script, work)


def _drawn(row: PlannedRow, work: Work) -> str:
    """By what the first dialogue of a row was drawn for its type."""
    recipe, dialogues = work.writer.recipe, work.dialogues_of(row)
    if work.writer.ordinary(dialogues):
        return "stays ordinary chat"
    per_dialogue = recipe.options(dialogues[0].source).per_dialogue or recipe.per_dialogue
    return f"rate {recipe.rates[row.type]:g} ({per_dialogue})"


def _of_a_try(ask: Ask, tried: Tried) -> Iterator[str]:
    request = tried.request
    what = "" if request.kind == ask.kind else f"{request.kind}, "
    yield f"  {what}try {request.attempt + 1}: {request.model} at {request.base_url}"
    yield f"    key {request.key}"
    for message in request.body["messages"]:
        yield from _indented(f"{message['role']}: {message['content']}", 4)
    rest = {name: value for name, value in request.body.items() if name != "messages"}
    yield f"    with: {json.dumps(rest, ensure_ascii=False)}"
    if tried.raw is None:
        yield "    no reply is stored"
        return
    content, _fault = content_of(tried.raw)
    yield f"    raw reply: {tried.raw}"
    yield from _indented(f"text: {content}", 4)
    if tried.fault:
        yield f"    refused: {tried.fault}" + (f" ({tried.detail})" if tried.detail else "")
    else:
        yield "    used"


def _of_the_script(script: Script, work: Work) -> Iterator[str]:
    recipe = work.writer.recipe
    sliced = slice_script(script, work.slicer, recipe.seed, recipe.tail_idle)
    yield ""
    yield f"script: {len(script.utterances)} utterances, {sliced.pairs} slice pairs"
    for place, one in enumerate(script.utterances):
        over = f", over the other side after {one.at} code points" if one.at >= 0 else ""
        cut = f", cut after {one.heard} of {len(one.text)} code points" if one.cut else ""
        state = f" {one.state}" if one.state else ""
        yield f"  {place}: {one.role} {one.kind}{state} ({one.origin}){over}{cut}"
        yield f"     pair {sliced.starts[place]}: {' | '.join(_texts(sliced.slices[place]))}"


def _texts(slices: Slices) -> Iterator[str]:
    for begin_at, end in zip(slices.begins, slices.ends, strict=True):
        yield slices.data[begin_at:end].decode().replace("\n", "⏎")


def _indented(text: str, by: int = 2) -> Iterator[str]:
    for line in text.replace("\r\n", "\n").split("\n"):
        yield " " * by + line
