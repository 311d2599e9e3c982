"""What was measured of rows, as the card tells it: lengths beside Table 1, what cues tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .table_1 import BASE, PAPER


@dataclass(frozen=True, slots=True)
class Cue:
    """What a cue tells.

    Attributes:
        name: of the cue.
        auc: over source dialogues that were not seen; None where there is none.
        new: over sentences that were not seen, if that was measured.
    """

    name: str
    auc: float | None
    new: float | None


@dataclass(frozen=True, slots=True)
class CueTask:
    """Something that cues may tell.

    Attributes:
        title: the question.
        examples: how many were looked at.
        yes: for how many of them the answer is yes.
        dialogues: source dialogues that they are of.
        cues: each of them, and all together.
        why_not: why nothing was measured, if nothing was.
    """

    title: str
    examples: int
    yes: int
    dialogues: int
    cues: tuple[Cue, ...]
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a run's rows.

    Attributes:
        tokens: mean tokens of a row, by type.
        counted: rows whose tokens were counted; those of the others are estimated.
        rows: of the run.
        tasks: what the probes gave; None if they were not run.
        shortcut: the AUC from which a cue is called a shortcut.
        leaning: the AUC from which the data are said to lean on a cue.
    """

    tokens: Mapping[str, float]
    counted: int
    rows: int
    tasks: tuple[CueTask, ...] | None
    shortcut: float
    leaning: float


def lengths(counted: Mapping[str, Any], measured: Measured | None) -> dict[str, Any]:
    """The template's values of the lengths; duo rows count as they would be sliced.

    Args:
        counted: `counts` of the manifest.
        measured: for the tokens.
    """
    pairs = {
        name: counted["pairs"][name] / count
        for name, count in counted["written"].items()
        if count and counted["pairs"].get(name)
    }
    theirs = {name: one.pairs for name, one in PAPER.items()}
    rows = {name: _beside(name, pairs, theirs) for name in pairs}
    head = rule = text = ""
    if measured:
        theirs = {name: one.tokens for name, one in PAPER.items()}
        rows = {name: [*rows[name], *_beside(name, measured.tokens, theirs)] for name in rows}
        head, rule = " mean tokens | ratio | the paper's mean | ratio |", "---:|" * 4
        text = "Tokens are those of what is said, by this run's tokenizer"
        if measured.counted < measured.rows:
            text += f"; counted in {measured.counted:,} of {measured.rows:,} rows"
            text += " and estimated by bytes in the others"
    return {
        "lengths": [f"| `{name}` | {' | '.join(cells)} |" for name, cells in rows.items()],
        "lengths_head": head,
        "lengths_rule": rule,
        "tokens_text": f"{text}." if text else "",
    }


def _beside(name: str, ours: Mapping[str, float], theirs: Mapping[str, float]) -> list[str]:
    """The mean of a type and its ratio to the base, and the same of the paper."""
    cells = []
    for means in (ours, theirs):
        mean, base = means.get(name), means.get(BASE)
        cells.append("" if mean is None else f"{mean:,.1f}")
        cells.append(f"{mean / base:.2f}" if mean is not None and base else "")
    return cells


def cue_lines(measured: Measured | None) -> Iterator[str]:
    """What the probes gave, in Markdown; nothing where they were not run."""
    for task in (measured.tasks if measured else None) or ():
        yield ""
        yield (
            f"**{task.title}** {task.examples:,} examples, {task.yes:,} of them yes, of "
            f"{task.dialogues:,} source dialogues."
        )
        yield ""
        if task.why_not or not measured:
            yield f"Not measured: {task.why_not}."
            continue
        two = any(one.new is not None for one in task.cues)
        yield "| cue | AUC |" + (" AUC on new sentences |" if two else "")
        yield "|---|---:|" + ("---:|" if two else "")
        for one in task.cues:
            cells = [one.auc, one.new] if two else [one.auc]
            yield f"| {one.name} | {' | '.join(map(_figure, cells))} |"
        yield ""
        yield _verdict({one.name: one.auc for one in task.cues}, measured)
        if two:
            new = _verdict({one.name: one.new for one in task.cues}, measured)
            yield f"On sentences not seen before: {new[0].lower()}{new[1:]}"


def _figure(auc: float | None) -> str:
    return "" if auc is None else f"{auc:.2f}"


def _verdict(cues: Mapping[str, float | None], measured: Measured) -> str:
    """Which cues are a shortcut, and which the data lean on."""
    known = {name: auc for name, auc in cues.items() if auc is not None}
    short = [name for name, auc in known.items() if auc >= measured.shortcut]
    lean = [name for name, auc in known.items() if measured.leaning <= auc < measured.shortcut]
    if not short and not lean:
        return f"No cue reaches {measured.leaning:.2f}."
    parts = []
    if short:
        parts.append(f"{_each(short)}: a shortcut ({measured.shortcut:.2f} or more)")
    if lean:
        parts.append(f"{_each(lean)}: the data lean on it ({measured.leaning:.2f} or more)")
    return "; ".join(parts) + "."


def _each(names: Sequence[str]) -> str:
    return ", ".join(f"*{one}*" for one in names)
