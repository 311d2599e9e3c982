"""A block under work: its dialogues, its plan, and all that its rows are made with."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from .dialogue import Ask, Dialogue, Reply, Script
from .errors import BuildError
from .generate import WRITERS
from .generate.offline import offline_reply
from .generate.prompts import Prompts, load_prompts
from .interrupt.cuts import cut_places
from .interrupt.interaction import Setting
from .load.block import AnyBlock, Block, read_block
from .load.dialogue_rows import read_dialogues
from .materials import MaterialFacts, load_materials
from .plan import Plan, PlannedRow, plan_any_block, sample_rank
from .recipe import Recipe
from .scriptwriter import Scriptwriter
from .slice.slicer import Slicer
from .slice.tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class BlockTask:
    """One block to plan or build: where it lies, and what of it is kept.

    Attributes:
        folder: the run's folder.
        number: of the block.
        digest: of the block.
        file: the block's dialogues, handed over by a build, or Parquet of the stage before.
        threshold: the highest sample rank that is kept; None keeps all.
        fingerprints: of the materials that the run began with.
        store: of replies, where a model is asked.
        failed: keys of requests that got no reply and will not in this run.
    """

    recipe: Recipe
    folder: str
    number: int
    digest: str
    file: str
    fingerprints: dict[str, Any]
    threshold: int | None = None
    store: str | None = None
    failed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Work:
    """A block, and all that its rows are made with.

    Attributes:
        writer: of scripts, offline.
        plan: of all rows to come.
        rows: of these, the ones that the sample keeps.
    """

    block: AnyBlock
    slicer: Slicer
    writer: Scriptwriter
    plan: Plan
    rows: Sequence[PlannedRow]

    def dialogues_of(self, row: PlannedRow) -> list[Dialogue]:
        """The dialogues that a row is made of; none of a script that a source holds."""
        if not isinstance(self.block, Block):
            return []
        return [self.block.dialogues[member] for member in row.members]

    def script(self, row: PlannedRow, writer: Scriptwriter) -> Script:
        """The script of a planned row."""
        if isinstance(self.block, Block):
            return writer.script(row.type, self.dialogues_of(row), row.rounds)
        script = writer.given(self.block.scripts[row.members[0]], row.rounds)
        if script is None:
            raise BuildError(f"the row {row.id} was planned, and cannot be cut")
        return script

    def writer_with(self, reply: Callable[[Ask], Reply]) -> Scriptwriter:
        """The writer of scripts, with replies of another."""
        return replace(self.writer, reply=reply)


def begin(task: BlockTask) -> Work:
    """Reads and plans a block.

    Raises:
        BuildError: what it is made with has changed since the run began.
    """
    writer = scriptwriter_of(task.recipe, task.fingerprints)
    file = Path(task.file)
    read = read_dialogues if file.suffix == ".parquet" else read_block
    block = read(task.number, file)
    plan = plan_any_block(block, writer)
    return Work(block, writer.slicer, writer, plan, _kept_rows(plan, task))


def scriptwriter_of(recipe: Recipe, expected: Mapping[str, Any]) -> Scriptwriter:
    """Who writes the scripts of a block, offline.

    Args:
        recipe: of the run.
        expected: fingerprints of the materials and prompts that the run began with.

    Raises:
        BuildError: they are others now.
    """
    materials = load_materials(recipe.tokenizer, recipe.transitions, recipe.statement_banks)
    if fingerprints(materials.facts(), prompts_of(recipe)) != expected:
        raise BuildError(
            "the tokenizer, transitions, statements or prompts changed while the run was going "
            "on; start it anew with --overwrite"
        )
    tokenizer = materials.tokenizer
    slicer = _slicer(_Cutting(tokenizer.fingerprint, recipe.slice_tokens, tokenizer))
    setting = Setting(
        cut_places=cut_places(slicer),
        transitions=materials.transitions,
        stop_share=recipe.stop_share,
        markers=recipe.markers,
        answers_anew=WRITERS[recipe.llm].answers_anew,
        bare_share=recipe.bare_share,
    )
    return Scriptwriter(setting, materials.banks, slicer, recipe, offline_reply)


@dataclass(frozen=True, slots=True)
class _Cutting:
    """What a slicer cuts by."""

    fingerprint: str
    slice_tokens: int
    tokenizer: Tokenizer = field(compare=False)


@lru_cache(maxsize=1)  # answers come again from block to block
def _slicer(cutting: _Cutting) -> Slicer:
    return Slicer(cutting.tokenizer, cutting.slice_tokens)


def begin_again(task: BlockTask) -> Work:
    """The same of a block that a process works on several times: the last few are kept."""
    return _begun(_Kept(task.folder, task.number, task.digest, task.threshold, task))


@dataclass(frozen=True, slots=True)
class _Kept:
    folder: str
    number: int
    digest: str
    threshold: int | None
    task: BlockTask = field(compare=False)


@lru_cache(maxsize=4)
def _begun(kept: _Kept) -> Work:
    return begin(kept.task)


def prompts_of(recipe: Recipe) -> dict[str, Prompts]:
    """The prompts of a recipe that asks a model."""
    return load_prompts(recipe.prompts) if WRITERS[recipe.llm].asks else {}


def fingerprints(materials: MaterialFacts, prompts: dict[str, Prompts]) -> dict[str, Any]:
    """A hash of each thing that a recipe names, as a manifest names them."""
    found = dict(materials.fingerprints)
    if prompts:
        found["prompts"] = {language: dict(one.fingerprints) for language, one in prompts.items()}
    return found


def _kept_rows(plan: Plan, task: BlockTask) -> Sequence[PlannedRow]:
    """The rows of a plan that the sample keeps."""
    if task.threshold is None:
        return plan.rows
    seed = task.recipe.seed
    return [row for row in plan.rows if sample_rank(row.id, seed) <= task.threshold]


def count_reply(counts: Counter[str], ask: Ask, reply: Reply) -> None:
    """Counts a reply by kind and origin; of statements each."""
    counts[f"{ask.kind}/{reply.origin}"] += len(reply.texts) if ask.kind == "statement" else 1
