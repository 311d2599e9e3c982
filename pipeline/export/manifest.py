"""`manifest.json`: what was built, of what, and the sums that must add up.

It holds nothing that differs between two runs of one recipe: no time, no path
of the run's folder, no number of workers; those are in `run.json`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .shards import WrittenFile


def counts(
    reading: Mapping[str, Any],
    rejected: Iterable[str],
    blocks: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """All counts of a run.

    Args:
        reading: `source_rows`, `kept`, and what was dropped of kept rows.
        rejected: the reason of each rejected row.
        blocks: the block reports, as plain values.
    """
    summed = {
        name: sum_of(block[name] for block in blocks)
        for name in (
            "drawn",
            "in_rows",
            "planned",
            "written",
            "splits",
            "languages",
            "generators",
            "pairs",
            "replies",
            "refused",
            "unbuilt",
            "shortened",
        )
    }
    left_out: dict[str, Counter[str]] = {}
    for block in blocks:
        for *_place, type_name, reason in block["left_out"]:
            left_out.setdefault(reason, Counter())[type_name] += 1
    return {
        **reading,
        "rejected": dict(sorted(Counter(rejected).items())),
        "left_out": {reason: dict(sorted(by.items())) for reason, by in sorted(left_out.items())},
        **summed,
        "not_sampled": {
            name: summed["planned"][name] - summed["written"].get(name, 0)
            for name in summed["planned"]
        },
        "ordinary": sum(block["ordinary"] for block in blocks),
        "defused": sum(block["defused"] for block in blocks),
    }


def wrong_sums(
    counted: Mapping[str, Any], files: Sequence[WrittenFile], samples: int, removed: int = 0
) -> list[str]:
    """The sums that do not add up, where a row was lost or made up.

    Args:
        counted: what `counts` gave.
        files: the shards.
        samples: how many rows were to be kept; 0 is all.
        removed: how many of them a person removed, which are planned no more.
    """
    written = sum(counted["written"].values())
    planned = sum(counted["planned"].values())
    gone = removed + sum(counted["unbuilt"].values())
    expected = min(samples, planned + gone) - gone if samples else planned
    sums = {
        "source rows = kept + rejected": (
            counted["source_rows"],
            counted["kept"] + sum(counted["rejected"].values()),
        ),
        "rows written = rows to be written": (written, expected),
        "rows written = rows in shards": (written, sum(one.rows for one in files)),
        **{
            f"dialogues drawn for {name} = in rows + left out": (
                count,
                counted["in_rows"].get(name, 0)
                + sum(by.get(name, 0) for by in counted["left_out"].values()),
            )
            for name, count in counted["drawn"].items()
        },
        **{
            f"rows written = rows by {name}": (written, sum(counted[name].values()))
            for name in ("splits", "languages", "generators")
        },
    }
    return [f"{name}: {left} != {right}" for name, (left, right) in sums.items() if left != right]


def sum_of(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts added up, name by name."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))
