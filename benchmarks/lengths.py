"""Mean lengths of each interaction type beside the paper's Table 1.

    python benchmarks/lengths.py SOURCE ... [--out FILE]

Builds all types at the paper's rates from the sources and prints a Markdown table. The
lengths of source dialogues differ from corpus to corpus, so what compares is each type's
mean over that of `uninterrupted`. A type of which not every dialogue has a row may by chance
have the longer ones, so a third ratio is taken over the same dialogues.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.engine.cores import available_cores
from duplexdata.pipeline.slice.tokenizers import Tokenizer, load_tokenizer

TOKENIZER = "cl100k_base"
BASE = "uninterrupted"


class Means(NamedTuple):
    """Mean lengths of a row of a type."""

    pairs: float
    tokens: float


PAPER: Mapping[str, Means] = {
    "uninterrupted": Means(153.9, 2342.2),
    "topic_interweaving": Means(427.7, 6819.6),
    "generation_termination": Means(89.3, 1318.0),
    "regeneration": Means(171.2, 2590.4),
    "dialogue_reset": Means(194.7, 2906.5),
    "back_on_topic": Means(199.1, 2495.6),
}
"""Table 1 of arXiv 2406.15718."""


@dataclass(slots=True)
class Sums:
    """What the rows of a type add up to.

    Attributes:
        rows: of the type.
        pairs: slice pairs.
        tokens: of what both sides are heard to say; silence has none.
        dialogues: the source ids, of all rows.
        base_pairs: for each row the mean pairs of its dialogues as they are.
    """

    rows: int = 0
    pairs: int = 0
    tokens: int = 0
    dialogues: list[list[str]] = field(default_factory=list)
    base_pairs: float = 0.0

    @property
    def means(self) -> Means:
        """The same, a row."""
        return Means(self.pairs / self.rows, self.tokens / self.rows)


def measure(sources: Sequence[str]) -> dict[str, Sums]:
    """Builds the sources as tdm at the default rates, and sums up each type's rows."""
    tokenizer = load_tokenizer(TOKENIZER)
    sums = {name: Sums() for name in PAPER}
    whole: dict[str, int] = {}  # pairs of a dialogue as it is
    with tempfile.TemporaryDirectory() as folder:
        out = run_build(
            {"format": "tdm", "source": list(sources), "tokenizer": TOKENIZER},
            config=None,
            out=Path(folder) / "run",
            workers=available_cores(),
            engine="local",
            overwrite=False,
        )
        for row in _rows(Path(out)):
            of_type = sums[row["type"]]
            of_type.rows += 1
            of_type.pairs += len(row["output"]) // 2
            of_type.tokens += _tokens(row, tokenizer)
            of_type.dialogues.append(row["source_ids"])
            if row["type"] == BASE:
                whole[row["source_ids"][0]] = len(row["output"]) // 2
    for of_type in sums.values():
        of_type.base_pairs = sum(fmean(whole[one] for one in ids) for ids in of_type.dialogues)
    return {name: of_type for name, of_type in sums.items() if of_type.rows}


def _rows(run: Path) -> Iterator[dict[str, Any]]:
    columns = ["type", "output", "utterances", "source_ids"]
    for file in sorted((run / "data").iterdir()):
        for batch in pq.ParquetFile(file).iter_batches(256, columns=columns):
            yield from batch.to_pylist()


def _tokens(row: Mapping[str, Any], tokenizer: Tokenizer) -> int:
    contents = [part["content"] for part in row["output"]]
    total = 0
    for one in row["utterances"]:
        first = 2 * one["start"] + (one["role"] == "assistant")
        slices = contents[first : first + 2 * one["slices"] : 2]
        text = ("" if one["role"] == "assistant" else " ").join(slices)
        total += len(tokenizer.token_ends(text))
    return total


def table(sums: Mapping[str, Sums]) -> str:
    """The sums as a Markdown table, beside the paper's ratios."""
    return "\n".join(_table(sums)) + "\n"


def _table(sums: Mapping[str, Sums]) -> Iterable[str]:
    yield (
        "| type | rows | mean pairs | mean tokens | pairs, ratio | paper's "
        "| same dialogues | tokens, ratio | paper's |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for name, of_type in sums.items():
        ours, base = of_type.means, sums[BASE].means
        paper, paper_base = PAPER[name], PAPER[BASE]
        yield (
            f"| `{name}` | {of_type.rows:,} | {ours.pairs:,.1f} | {ours.tokens:,.1f} "
            f"| {ours.pairs / base.pairs:.2f} | {paper.pairs / paper_base.pairs:.2f} "
            f"| {of_type.pairs / of_type.base_pairs:.2f} "
            f"| {ours.tokens / base.tokens:.2f} | {paper.tokens / paper_base.tokens:.2f} |"
        )


def main() -> None:
    """Prints the table, or writes it to a file."""
    parser = argparse.ArgumentParser(description="Mean lengths of each type beside Table 1.")
    parser.add_argument("source", nargs="+", help="as of `duplexdata build --source`")
    parser.add_argument("--out", type=Path, help="write the table to this file")
    given = parser.parse_args()
    text = table(measure(given.source))
    if given.out:
        given.out.write_text(text, encoding="utf-8", newline="\n")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
