"""How fast and how flat: every figure as a ratio of two sides, measured in turn.

    python benchmarks/speed.py --data FOLDER [--dialogues 30000] [--large 300000] [--runs 5]

prints one Markdown table: figure, target, median, spread (the least and the most of the
runs), and whether the median reaches the target. What every side took, wall and CPU, goes
to standard error and, run by run, into `--json`.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from encoders import LIBRARIES
from figures import Figure, Times, markdown_table, times_table
from groups import GROUPS
from inputs import CHINESE, COPIES, ENGLISH, read_dialogues
from measure import memory_measure
from sides import Bench, say


def measure(bench: Bench, wanted: list[str]) -> list[Figure]:
    """The wanted figures, in their order."""
    once = dict.fromkeys(GROUPS[number] for number in GROUPS if number in wanted)
    found = [figure for group in once for figure in group(bench)]
    order = list(GROUPS)
    return sorted(
        (one for one in found if one.number in wanted), key=lambda one: order.index(one.number)
    )


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    libraries = ("pyarrow", "datasets", "tiktoken", "numpy")
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": cores,
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
        "memory": memory_measure(),
    }


def processor() -> str:
    """The name of its kind."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text("utf-8").splitlines() if listing.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def arguments() -> argparse.Namespace:
    """What was said on the command line."""
    parser = argparse.ArgumentParser(description="Every figure as a ratio, measured in turn.")
    parser.add_argument("--data", type=Path, help="a folder of published rows  [the sample]")
    parser.add_argument("--dialogues", type=int, default=30_000)
    parser.add_argument("--large", type=int, default=300_000, help="0 leaves these figures out")
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    parser.add_argument("--only", default=",".join(GROUPS), help="figures, as 1,2")
    parser.add_argument("--encoder", choices=[*LIBRARIES, "both"], default="tiktoken")
    parser.add_argument(
        "--copies",
        choices=COPIES,
        default="same",
        help="repeat dialogues as they are, or with every text told apart",
    )
    parser.add_argument("--json", type=Path, help="every run, as JSON")
    parser.add_argument("--smoke", action="store_true", help="tiny, one run: that it runs")
    given = parser.parse_args()
    if given.smoke:
        given.dialogues, given.large, given.runs = 20, 40, 1
    given.only = given.only.split(",")
    unknown = set(given.only) - set(GROUPS)
    if unknown:
        parser.error(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    missing = [
        name for name in (*ENGLISH, *CHINESE) if given.data and not (given.data / name).is_file()
    ]
    if missing:
        parser.error(f"{given.data} does not hold {', '.join(missing)}")
    return given


def main() -> None:
    """Prints the table."""
    given = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(
            scratch=Path(scratch),
            runs=given.runs,
            dialogues=given.dialogues,
            large=given.large,
            encoders=tuple(LIBRARIES) if given.encoder == "both" else (given.encoder,),
            distinct={name: read_dialogues(given.data, name) for name in ("en", "zh")},
            copies=given.copies,
        )
        figures = measure(bench, given.only)
    say(times_table(bench.times))
    if given.json:
        given.json.write_text(report(given, figures, bench.times), "utf-8")
    sys.stdout.write(markdown_table(figures))


def report(given: argparse.Namespace, figures: list[Figure], times: list[Times]) -> str:
    """Everything that was measured, as JSON."""
    said = {name: value for name, value in vars(given).items() if name not in {"data", "json"}}
    sides = [
        {name: getattr(one, name) for name in ("group", "side", "seconds", "user", "system")}
        | {"peaks": one.peaks, "pairs": one.pairs}
        for one in times
    ]
    values = {
        "machine": machine(),
        "arguments": said,
        "figures": [one.as_dict() for one in figures],
        "sides": sides,
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
