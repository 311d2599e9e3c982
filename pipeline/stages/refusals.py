"""Rows that cannot be made with the replies of a model: left out as a build leaves them out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..block_report import BlockReport
from .plan_rows import Member, PlanRow


def with_refusals(
    report: BlockReport, plan: Sequence[PlanRow], new: Sequence[PlanRow], files: Sequence[str]
) -> BlockReport:
    """The report of a block, more of whose rows cannot be made.

    Args:
        report: in which those that an earlier stage could not make are left out already.
        plan: all rows, in order, those that cannot be made too.
        new: of these, what is left out by this stage.
        files: the sources' files, as they were read.
    """
    if not new:
        return report
    gone = [row for row in plan if row.refused]
    ours = {(*member, row.type) for row in gone for member in row.members}
    left_out = [
        *(one for one in report.left_out if tuple(one[:-1]) not in ours),
        *([*member, row.type, row.refused] for row in gone for member in row.members),
    ]
    rows = Counter(row.type for row in new)
    members = Counter(row.type for row in new for _member in row.members)
    return replace(
        report,
        planned=_less(report.planned, rows),
        in_rows=_less(report.in_rows, members),
        left_out=left_out,
        unused=_unused(plan, left_out, files),
        unbuilt=dict(sorted((Counter(report.unbuilt) + rows).items())),
    )


def _unused(
    plan: Sequence[PlanRow], left_out: Sequence[list[Any]], files: Sequence[str]
) -> list[list[Any]]:
    """The dialogues that are in no row, each with the first reason, in the sources' order."""
    used = {member for row in plan if not row.refused for member in row.members}
    reasons: dict[Member, str] = {}
    for *place, _type, reason in left_out:
        member = Member(*place)
        if member not in used:
            reasons.setdefault(member, reason)
    order = sorted(reasons, key=lambda member: (files.index(member.file), member.row))
    return [[*member, reasons[member]] for member in order]


def _less(counts: dict[str, int], fewer: Counter[str]) -> dict[str, int]:
    less = {name: count - fewer[name] for name, count in counts.items()}
    return {name: count for name, count in less.items() if count}
