"""Writes the pages that are made from the code itself: python docs/generate.py.

docs/commands.md comes from the commands' own help, docs/examples.md from builds of the
embedded sample, the tables of docs/recipe.md from pipeline/knobs.py. A page is a function that
gives its text; CI checks that all are fresh.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import typer.main
from typer.testing import CliRunner

from duplexdata.cli import app
from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.export.lanes import code
from duplexdata.pipeline.knobs import KNOBS, NOT_HASHED, SOURCE_KNOBS
from duplexdata.pipeline.markers import STATE_TOKENS

DOCS = Path(__file__).parent
WIDTH = 96


def commands_page() -> str:
    """The command reference, a section a command."""
    parts = [
        "# Commands",
        "",
        "Written from the commands' own help by `python docs/generate.py`.",
        "",
        *_section("duplexdata", []),
    ]
    for name in sorted(typer.main.get_group(app).commands):
        parts += _section(f"duplexdata {name}", [name])
    return "\n".join(parts).rstrip() + "\n"


def _section(title: str, arguments: list[str]) -> list[str]:
    environment = {"TERMINAL_WIDTH": str(WIDTH), "COLUMNS": str(WIDTH)}
    help_text = CliRunner().invoke(
        app, [*arguments, "--help"], prog_name="duplexdata", env=environment, terminal_width=WIDTH
    )
    lines = [line.rstrip() for line in help_text.stdout.strip().splitlines()]
    return [f"## {title}", "", "```text", *lines, "```", ""]


def recipe_page() -> str:
    """docs/recipe.md, its tables made of the knobs; the rest is as it stands there."""
    text = (DOCS / "recipe.md").read_text("utf-8")
    for name, table in _recipe_tables().items():
        begin, end = f"<!-- generated: {name} -->\n", "<!-- end -->"
        before, _, after = text.partition(begin)
        text = before + begin + "\n".join(table) + "\n" + end + after.partition(end)[2]
    return text


def _recipe_tables() -> dict[str, list[str]]:
    knobs = ["| key | flag | default | meaning |", "|---|---|---|---|"]
    for one in KNOBS:
        flag = f"`{one.flag}`" if one.flag else ""
        knobs.append(f"| `{one.name}` | {flag} | {one.default} | {one.meaning} |")
    sources = ["| key of a source | default | meaning |", "|---|---|---|"]
    sources += [f"| `{one.name}` | {one.default} | {one.meaning} |" for one in SOURCE_KNOBS]
    left_out = ["| flag | why the bytes do not depend on it |", "|---|---|"]
    left_out += [f"| `{flag}` | {why} |" for flag, why in NOT_HASHED.items()]
    return {"knobs": knobs, "sources": sources, "not hashed": left_out}


EXAMPLES_HEAD = """\
# Examples

One conversation of each [type](types.md), and of [statements](statements.md), as a script
and in both [formats](formats.md): of the rows that fit in a build of the embedded sample
with seed 0, the one with the fewest utterances, of these the one with the fewest slice
pairs. Written by `python docs/generate.py`.

`⏎` is a line break, … between two pieces a long text shortened here, ~~`struck through`~~
what was planned and is not heard, (empty) a message without content. The column *over*
names the utterance that the user begins over. Of the pairs, those about the first cut,
statement or change of topic are shown."""


class Row(NamedTuple):
    """A conversation in both formats."""

    tdm: Mapping[str, Any]
    duo: Mapping[str, Any]


class Example(NamedTuple):
    """What a section shows: of the rows that fit, the shortest."""

    title: str
    type: str
    language: str = "en"
    kind: str | None = None  # of an utterance that it must hold
    over: bool | None = None  # where its one statement is said; None: it has none

    def fits(self, row: Row) -> bool:
        """Whether the row can be this example."""
        utterances = row.tdm["utterances"]
        wanted = [] if self.over is None else [self.over]
        said = [one["over"] for one in utterances if one["kind"] == "statement"]
        return (
            (row.tdm["type"], row.tdm["language"]) == (self.type, self.language)
            and said == wanted
            and (self.kind is None or any(one["kind"] == self.kind for one in utterances))
        )


EXAMPLES = (
    Example("uninterrupted", "uninterrupted"),
    Example("topic_interweaving", "topic_interweaving"),
    Example("generation_termination", "generation_termination", kind="interjection"),
    Example(
        "generation_termination by a stop, in Chinese", "generation_termination", "zh", kind="stop"
    ),
    Example("regeneration", "regeneration"),
    Example("dialogue_reset", "dialogue_reset"),
    Example("back_on_topic", "back_on_topic"),
    Example("A statement over an answer", "uninterrupted", over=True),
    Example("A statement in silence", "uninterrupted", over=False),
)


def examples_page() -> str:
    """A row of each type as a script, as slice pairs, and as DUO turns."""
    rows = [*_sample_rows(statements=0.0), *_sample_rows(statements=0.5)]
    lines = EXAMPLES_HEAD.splitlines()
    for example in EXAMPLES:
        row = min(filter(example.fits, rows), key=_length)
        lines += ["", f"## {example.title}", "", *_script_table(row)]
        lines += ["", *_pairs_table(row.tdm), "", *_turns_table(row.duo)]
    return "\n".join(lines) + "\n"


def _sample_rows(statements: float) -> list[Row]:
    """The rows of the embedded sample, built in both formats with one seed."""
    built: dict[str, dict[str, Mapping[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("tdm", "duo"):
            flags = {"format": name, "source": ["sample"], "samples": 0, "statements": statements}
            out = Path(folder) / name
            run_build(flags, config=None, out=out, workers=1, engine="local", overwrite=False)
            tables = [pq.read_table(file) for file in sorted((out / "data").iterdir())]
            built[name] = {row["id"]: row for table in tables for row in table.to_pylist()}
    return [Row(row, built["duo"][name]) for name, row in built["tdm"].items()]


def _length(row: Row) -> tuple[int, int, str]:
    return len(row.tdm["utterances"]), len(row.tdm["output"]), row.tdm["id"]


def _script_table(row: Row) -> Iterator[str]:
    """The utterances in order; texts are taken from the DUO row, which holds them whole."""
    yield f"| | who | kind | state | origin | over | script of `{row.tdm['id']}` |"
    yield "|---:|---|---|---|---|---:|---|"
    for number, one in enumerate(row.duo["utterances"], start=1):
        text = code(_heard(row.duo, number - 1))
        if one["unheard"]:
            text += f" ~~{code(one['unheard'])}~~"
        over = number - 1 if one["over"] else ""
        cells = (number, one["role"], one["kind"], one["state"] or "", one["origin"], over, text)
        yield "| " + " | ".join(map(str, cells)) + " |"


def _heard(row: Mapping[str, Any], index: int) -> str:
    """What is heard of an utterance; an answer with a statement over it has two parts."""
    one, place = row["utterances"][index], row["utterances"][index]["start"]
    content: str = row["messages"][place]["content"]
    if one["state"]:
        return content.removesuffix(STATE_TOKENS[one["state"]])
    after = row["utterances"][index + 1 : index + 2]
    if any(other["state"] == "statement" and other["over"] for other in after):
        content += row["messages"][place + 2]["content"]
    return content


def _pairs_table(row: Mapping[str, Any]) -> Iterator[str]:
    """Slice pairs; what is between those that are shown is counted."""
    contents = [part["content"] for part in row["output"]]
    pairs = list(zip(contents[0::2], contents[1::2], strict=True))
    yield f"| tdm, {len(pairs)} pairs: user | assistant |"
    yield "|---|---|"
    before = -1
    for place in _shown_pairs(row["utterances"], len(pairs)):
        if place - before > 2:
            yield f"| … {place - before - 1} more pairs | |"
        elif place - before == 2:
            yield _line(pairs[place - 1])
        yield _line(pairs[place])
        before = place


def _shown_pairs(utterances: Sequence[Mapping[str, Any]], pairs: int) -> list[int]:
    """The first, the last, and the begin and end of the utterances that matter."""
    matter = (
        place for place, one in enumerate(utterances) if one["over"] or one["kind"] == "statement"
    )
    middle = next(matter, 2)
    shown = {0, pairs - 1}
    for one in utterances[max(0, middle - 1) : middle + 2]:
        shown |= {one["start"], one["start"] + one["slices"] - 1}
    return sorted(shown)


def _turns_table(row: Mapping[str, Any]) -> Iterator[str]:
    """DUO messages, an answer beside the message before it."""
    yield f"| duo, {len(row['messages'])} messages: user | assistant |"
    yield "|---|---|"
    contents = [(part["role"], part["content"]) for part in row["messages"]]
    for place, (role, content) in enumerate(contents):
        if role == "user":
            after = contents[place + 1 : place + 2]
            answer = [text for other, text in after if other == "assistant"]
            yield _line([content, *answer]) if answer else f"| {code(content)} | |"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(code, cells)) + " |"


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "examples.md": examples_page,
    "recipe.md": recipe_page,
}


def write_pages(names: Sequence[str] = tuple(PAGES)) -> None:
    """Writes the pages beside this script."""
    for name in names:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_pages()
