"""`show`: every word of a row on the screen, in its place, whatever the width."""

import gzip
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len
from rich.console import Console

from duplexdata.pipeline.errors import InputError
from duplexdata.pipeline.report.joined import squeezed, transition_length
from duplexdata.pipeline.report.lanes import pairs_of
from duplexdata.pipeline.report.rows import RowFile, open_rows, read_batches, read_places
from duplexdata.pipeline.report.screen import ON_TERMINAL, PLAIN, STYLES, shortened, visible
from duplexdata.pipeline.report.show import row_lines, show

from ..conftest import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]
Row = Mapping[str, Any]

ALL_TYPES = (
    "uninterrupted=1,topic_interweaving=1,generation_termination=1,"
    "regeneration=1,dialogue_reset=1,back_on_topic=1"
)
IDLE = "<idle>"


def examples() -> list[str]:
    """The screens that docs/show.md shows."""
    page = (ROOT / "docs" / "show.md").read_text("utf-8")
    return re.findall(r"^```text\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def build(out: Path, row_format: str, *arguments: str | Path) -> Path:
    """A run's folder."""
    command = [sys.executable, "-m", "duplexdata", "build", "--format", row_format, "--workers=1"]
    subprocess.run([*command, "--out", out, *arguments], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of the sample in a format, with all types and statements; each is built once."""
    made: dict[str, Path] = {}

    def one(row_format: str) -> Path:
        if row_format not in made:
            made[row_format] = build(
                tmp_path_factory.mktemp("run") / "r",
                row_format,
                *("--source", "sample", "--samples", "0", "--statements", "1"),
                *("--rates", ALL_TYPES),
            )
        return made[row_format]

    return one


def rows_of(path: Path) -> tuple[RowFile, list[Row]]:
    """The file of a run, and all its rows as `show` reads them."""
    (file,) = open_rows(path)
    return file, [row for batch in read_batches(file) for row in batch.to_pylist()]


def lines_of(file: RowFile, row: Row, width: int, *, plain: bool = True) -> list[str]:
    """A row as it stands on a screen, without its colours."""
    console = Console(width=width)
    marks = PLAIN if plain else ON_TERMINAL
    return [line.plain for line in row_lines(row, file, frozenset(), marks, console)]


def shown_after(lines: Sequence[str], head: str) -> Sequence[str]:
    """The lines after the first that begins so."""
    return lines[next(n for n, line in enumerate(lines) if line.startswith(head)) + 1 :]


def lanes(lines: Sequence[str]) -> tuple[str, str]:
    """All that stands in each lane, without white space and without notes."""
    left, right = "", ""
    for line in shown_after(lines, "time"):
        bar = line.find("│")
        if bar < 0:
            continue
        left += line[7:bar]
        right += line[bar + 1 :]
    return squeezed(left), squeezed(right)


def test_a_cut_in_is_shown_in_time(tmp_path: Path, duplexdata: Run) -> None:
    """The README's dialogue stands on the screen as docs/show.md shows it."""
    page = (ROOT / "README.md").read_text("utf-8")
    (source,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "basil.jsonl").write_text(json.dumps(json.loads(source)) + "\n", encoding="utf-8")
    out = build(
        tmp_path / "out",
        "tdm",
        *("--source", tmp_path / "basil.jsonl", "--seed", "50", "--statements", "0"),
        *("--rates", "generation_termination=1"),
    )
    shown = duplexdata("show", out, env={**os.environ, "COLUMNS": "100"})
    assert shown.returncode == 0, shown.stderr
    head, legend, body = shown.stdout.partition("{transition}   ~~planned, not heard~~\n\n")
    assert legend
    assert "8 pairs, 0:16 min - generator offline\nof basil:7\n" in head
    assert body == examples()[0]


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_slice_is_lost(run_of: Callable[[str], Path], width: int) -> None:
    """In each lane stand all its slices in order, and no line is wider than the screen."""
    file, rows = rows_of(run_of("tdm"))
    assert len(rows) > 350
    for row in rows[width % 3 :: 3]:  # a third of them at each width
        lines = lines_of(file, row, width, plain=False)
        assert max(map(cell_len, lines)) <= width
        bars = {
            cell_len(line[: line.index("│")]) for line in shown_after(lines, "time") if "│" in line
        }
        assert len(bars) == 1
        texts = lanes(lines)
        for side in (0, 1):
            place = 0
            for pair in pairs_of(row["output"]):
                said = squeezed(visible(pair[side] or "", "⏎")) if pair[side] != IDLE else "·"
                if said:
                    place = texts[side].index(said, place) + len(said)


def test_no_turn_is_lost(run_of: Callable[[str], Path]) -> None:
    """Turns of duo hold every message whole, each after its role and state."""
    file, rows = rows_of(run_of("duo"))
    for row in rows[::2]:
        lines = [line for line in lines_of(file, row, 80, plain=False) if "│" in line]
        assert max(map(cell_len, lines)) <= 80
        labels = [line[: line.index("│")].split() for line in lines]
        wanted = [
            [one["role"], *([state] if state else [])]
            for one, state in zip(row["messages"], row["states"], strict=True)
        ]
        assert [label for label in labels if label] == wanted
        text = squeezed("".join(line[line.index("│") + 1 :] for line in lines))
        place = 0
        for one in row["messages"]:
            said = squeezed(visible(one["content"], "\n")) or "(silence)"
            place = text.index(said, place) + len(said)


def test_turns_are_shown_as_the_page_shows_them(run_of: Callable[[str], Path]) -> None:
    """The turns of docs/show.md are the first of a row of the sample."""
    file, rows = rows_of(run_of("duo"))
    again = [row for row in rows if row["type"] == "regeneration"]
    bodies = ["\n".join(shown_after(lines_of(file, row, 80), "{")) for row in again]
    assert sum(examples()[1] in f"{body}\n" for body in bodies) == 1


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_each_cut_and_statement_is_noted(run_of: Callable[[str], Path], row_format: str) -> None:
    """As many notes as there are cut-ins and statements, as many cuts as there is unheard text."""
    file, rows = rows_of(run_of(row_format))
    for row in rows:
        text = " ".join(" ".join(lines_of(file, row, 200)).split())
        spoken = row["utterances"]
        said = [one for one in spoken if one["state"] == "statement"]
        assert text.count("-- cuts in: ") == sum(
            one["over"] and one["state"] != "statement" for one in spoken
        )
        assert text.count("statement over the answer, let pass") == sum(one["over"] for one in said)
        assert text.count("statement in silence, let pass") == sum(not one["over"] for one in said)
        assert text.count("[cut]") == sum(bool(one["unheard"]) for one in spoken)


def test_every_transition_is_found(run_of: Callable[[str], Path]) -> None:
    """Of a message joined offline the shipped transition is marked, and nothing else is."""
    file, rows = rows_of(run_of("duo"))
    joined = 0
    for row in rows:
        shown = " ".join(lines_of(file, row, 110))
        for one in row["utterances"]:
            if one["kind"] in ("interjection", "repeat", "reset") and one["origin"] != "source":
                joined += 1
                assert "{transition}" in shown
                assert "message, joined" not in shown
    assert joined > 200


@pytest.mark.parametrize(
    ("text", "kind", "shipped", "earlier", "length"),
    [
        # The message stands in the row: whoever wrote the transition, it is what is before.
        ("So: what is it?", "repeat", None, ["What is it?"], 3),
        ("So: what is it?", "repeat", None, ["Which is it?"], None),
        ("What is it?", "repeat", None, ["What is it?"], None),
        ("Wait, what is it?", "interjection", "en", [], 5),
        ("Wait, what is it?", "interjection", None, [], None),
        ("Waiting is dull", "interjection", "en", [], None),
        ("Wait,", "interjection", "en", [], None),
        ("Wait, what is it?", "interjection", "xx", [], None),
    ],
)
def test_a_transition_is_told_only_where_it_is_certain(
    text: str, kind: str, shipped: str | None, earlier: list[str], length: int | None
) -> None:
    """By the message said twice, or by the shipped list."""
    said = [squeezed(one) for one in earlier]
    assert transition_length(squeezed(text), kind, shipped, said) == length


def test_an_unknown_join_is_shown_as_a_whole(run_of: Callable[[str], Path]) -> None:
    """With transitions of the user's own, or by a model, no place is made up."""
    file, rows = rows_of(run_of("duo"))
    row = next(one for one in rows if any(u["kind"] == "interjection" for u in one["utterances"]))
    spoken = [{**u, "origin": "a-model"} for u in row["utterances"] if u["role"] == "user"]
    shown = lines_of(file, {**row, "utterances": spoken}, 100)
    assert any("transition and message, joined" in line for line in shown)
    assert any("cuts in: interjection, by a-model" in line for line in shown)
    assert not any("{" in line for line in shown)


def slices(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Pairs as the column `output`."""
    return [
        {"role": role, "content": text}
        for pair in pairs
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


@pytest.fixture
def released(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows of the released layout."""

    def write(*rows: Any, name: str = "regeneration_eng.jsonl") -> Path:
        file = tmp_path / name
        lines = "".join(json.dumps({"output": row, "other": 1}) + "\n" for row in rows)
        data = lines.encode()
        file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
        return file

    return write


@pytest.mark.parametrize("name", ["regeneration_eng.jsonl", "regeneration_eng.jsonl.gz"])
def test_released_rows_are_shown(released: Callable[..., Path], duplexdata: Run, name: str) -> None:
    """Lanes alone; the file's name says type and language, an id says which row it is."""
    path = released(slices(("Why?", "Be")), slices(("No?", "It is."), (IDLE, "So.")), name=name)
    done = duplexdata("show", path, "regeneration_eng:#2")
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.partition("\n\n")
    assert head == (
        "regeneration_eng:#2\nregeneration - en - 2 pairs, 0:04 min - no column says who cuts in"
    )
    assert [line.split() for line in body.splitlines()[1:]] == [
        ["00:00", "No?", "|", "It", "is."],
        ["00:02", "_", "|", "So."],
    ]


def test_only_what_is_certain_is_noted_of_released_rows(
    released: Callable[..., Path], duplexdata: Run
) -> None:
    """A user who begins over a running answer; one who follows it may or may not have cut it."""
    rows = slices(("Why?", "Be"), (IDLE, "cause"), ("But", "of"), ("So", IDLE), (IDLE, IDLE))
    shown = duplexdata("show", released(rows)).stdout
    assert shown.count("speaks over the answer") == 1
    before, after = shown.split("-- speaks over the answer")
    assert "cause" in before
    assert after.split()[1:3] == ["00:04", "But"]


@pytest.mark.parametrize(("silent", "folded"), [(3, False), (4, True), (12, True)])
def test_long_silence_is_folded(
    released: Callable[..., Path], duplexdata: Run, silent: int, folded: bool
) -> None:
    """Only pairs that are idle on both sides, from four on, and time goes on after them."""
    pairs = [("Why?", "Be"), *[(IDLE, IDLE)] * silent, ("So", IDLE)]
    shown = duplexdata("show", released(slices(*pairs))).stdout
    assert (f"... {2 * silent} s of silence ..." in shown) == folded
    assert f"00:{2 * silent + 2:02}  So" in shown


def test_lanes_stay_where_they_are_beyond_100_minutes(
    released: Callable[..., Path], duplexdata: Run
) -> None:
    """A longer time takes its cell from the lanes, in all lines of the row."""
    shown = duplexdata("show", released(slices(("Why?", "Be"), *[(IDLE, "cause")] * 3000))).stdout
    assert {line.find("|") for line in shown_after(shown.splitlines(), "time")} == {33}
    assert "\n100:00  _" in shown


def test_rows_that_break_the_contract_are_shown(
    released: Callable[..., Path], run_of: Callable[[str], Path], duplexdata: Run
) -> None:
    """Odd roles, no content, numbers out of range: nothing raises, what is there is shown."""
    odd = [
        {"role": "user", "content": "one"},
        {"role": "user", "content": None},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "two"},
    ]
    done = duplexdata("show", released(odd, []))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(no slice)") == 3
    assert "(empty)" in done.stdout
    assert "0 pairs" in done.stdout
    file, rows = rows_of(run_of("tdm"))
    wild = {"start": 10**6, "slices": -3, "unheard": "gone"}
    spoken = [{**rows[0]["utterances"][1], **wild}, {**rows[0]["utterances"][0], "start": -5}]
    assert any("~~gone~~" in line for line in lines_of(file, {**rows[0], "utterances": spoken}, 80))


HOSTILE = (
    "\x1b[31mred \x1b]0;t\x07 \x9b2J \u202eright\u2066 \u2060 \x7f\u2028 [bold]b[/bold] :smile:"
)


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_no_text_reaches_the_terminal_as_control(
    run_of: Callable[[str], Path], row_format: str, tmp_path: Path, duplexdata: Run
) -> None:
    """Escapes, controls and overrides of direction are spelt out; markup is plain text."""
    file, rows = rows_of(run_of(row_format))
    column = "output" if row_format == "tdm" else "messages"
    row = dict(rows[0])
    row[column] = [{**one, "content": one["content"] + HOSTILE} for one in row[column]]
    row["utterances"] = [{**one, "unheard": HOSTILE} for one in row["utterances"]]
    row |= {"id": "x" + HOSTILE, "generator": HOSTILE, "source_ids": [HOSTILE]}
    held = {name: [row[name]] for name in file.columns}
    schema = pq.read_schema(file.path)
    pq.write_table(pa.table(held, schema=schema), tmp_path / "hostile.parquet")
    done = duplexdata("show", tmp_path / "hostile.parquet", env={**os.environ, "COLUMNS": "400"})
    assert done.returncode == 0, done.stderr
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2060-\u2069]", done.stdout)
    assert r"\x1b[31mred" in done.stdout
    assert r"\x9b2J \u202eright\u2066 \u2060 \x7f\u2028 [bold]b[/bold] :smile:" in done.stdout
    missing = duplexdata("show", tmp_path / "hostile.parquet", "x")
    assert "\x1b" not in missing.stderr


def test_emoji_and_their_joiners_stay() -> None:
    """What makes one emoji of several is no control."""
    assert visible("👩‍👩‍👧 ok", "⏎") == "👩‍👩‍👧 ok"


@pytest.mark.parametrize(("cells", "shown"), [(40, ("中" * 30, 0)), (10, ("中" * 5, 25))])
def test_unheard_text_is_shortened_by_cells(cells: int, shown: tuple[str, int]) -> None:
    """A text a few cells too long stays whole; of a longer one the rest is counted."""
    assert shortened("中" * 30, cells) == shown


def on_terminal(width: int, *arguments: str | Path, **env: str) -> str:
    """What `show` writes to a terminal of this width."""
    fcntl = pytest.importorskip("fcntl")
    termios = pytest.importorskip("termios")
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "CI")}
    process = subprocess.Popen(
        [sys.executable, "-m", "duplexdata", "show", *map(str, arguments)],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        env={**clean, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env},
    )
    os.close(theirs)
    data = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        data += part
    os.close(ours)
    assert process.wait() == 0, data.decode()
    return data.decode()


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize("columns", ["0", "00", "-1", "²", "abc"])
def test_columns_that_are_no_width_are_none(
    run_of: Callable[[str], Path], row_format: str, columns: str, duplexdata: Run
) -> None:
    """The screen is as wide as one that nothing is said of."""
    shown = duplexdata("show", run_of(row_format), env={**os.environ, "COLUMNS": columns})
    assert shown.returncode == 0, shown.stderr
    unsaid = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    assert shown.stdout == duplexdata("show", run_of(row_format), env=unsaid).stdout


@pytest.mark.parametrize("width", [80, 140])
def test_a_terminal_gets_colours_and_its_width(run_of: Callable[[str], Path], width: int) -> None:
    """Tones in colour, unheard text struck through, no line beyond the edge."""
    shown = on_terminal(width, run_of("tdm"), "--type", "back_on_topic", "-n", "2")
    bare = re.sub("\x1b\\[[0-9;]*m", "", shown)
    assert max(cell_len(line) for line in bare.splitlines()) <= width
    assert max(cell_len(line) for line in bare.splitlines()) > width * 0.8
    assert "\x1b[38;2;0;135;175m" in shown
    assert re.search("\x1b\\[9;38;2;128;128;128m[^\x1b]+", shown)
    assert "✂" in bare
    assert "~~" not in bare
    assert "cuts in: aside" in bare


def test_no_color_is_honoured(run_of: Callable[[str], Path]) -> None:
    """With NO_COLOR there is none, and a transition is told by braces."""
    shown = on_terminal(100, run_of("tdm"), "--type", "regeneration", "-n", "1", NO_COLOR="1")
    assert "\x1b[" in shown
    assert not re.search("\x1b\\[[0-9;]*(38|3[0-7]);?", shown)
    assert "{" in shown
    assert "✂" in shown


def test_a_dumb_terminal_gets_plain_text(run_of: Callable[[str], Path]) -> None:
    """A terminal that knows no escapes gets none."""
    shown = on_terminal(100, run_of("tdm"), "--type", "regeneration", "-n", "1", TERM="dumb")
    assert "\x1b" not in shown
    assert "[cut]" in shown


def test_text_goes_through_a_pipe_that_knows_ascii_alone(
    run_of: Callable[[str], Path], duplexdata: Run
) -> None:
    """What an encoding lacks is escaped, and the marks are ASCII."""
    _, rows = rows_of(run_of("tdm"))
    row_id = next(row["id"] for row in rows if row["language"] == "zh")
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = duplexdata("show", run_of("tdm"), row_id, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert r"\u" in done.stdout


def test_a_reader_that_goes_away_is_no_error(run_of: Callable[[str], Path]) -> None:
    """`duplexdata show … | head -1` says nothing on standard error."""
    command = [sys.executable, "-m", "duplexdata", "show", str(run_of("tdm")), "-n", "400"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("background", ["#ffffff", "#1e1e1e", "#000000"])
def test_colours_can_be_read_on_dark_and_on_light(background: str) -> None:
    """Each colour stands out from either background."""
    colours = {style.split()[-1] for style in STYLES.values() if "#" in style}
    assert len(colours) == 5
    assert min(contrast(colour, background) for colour in colours) > 3.7


def ids_in(shown: str, rows: Sequence[Row]) -> list[str]:
    """The ids that stand on a line of their own, in order."""
    known = {row["id"] for row in rows}
    return [line for line in shown.splitlines() if line in known]


def test_rows_are_picked(run_of: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    """By id, by type, the first, and how many."""
    path = run_of("tdm")
    _, rows = rows_of(path)
    ids = [row["id"] for row in rows]
    resets = [row["id"] for row in rows if row["type"] == "dialogue_reset"]
    wanted: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({"row_id": ids[-1]}, ids[-1:]),
        ({}, ids[:3]),
        ({"count": 5}, ids[:5]),
        ({"row_type": "dialogue_reset"}, resets[:3]),
        ({"row_type": "dialogue_reset", "count": 1000}, resets),
    )
    for options, found in wanted:
        show(path, **options)
        assert ids_in(capsys.readouterr().out, rows) == found


def test_random_rows_are_those_of_their_seed(
    run_of: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A seed draws the same rows again, in the order of the file; another draws others."""
    path = run_of("duo")
    _, rows = rows_of(path)
    ids = [row["id"] for row in rows]

    def drawn(seed: int | None = None, row_type: str | None = None) -> list[str]:
        show(path, at_random=True, count=6, seed=seed, row_type=row_type)
        return ids_in(capsys.readouterr().out, rows)

    first = drawn()
    assert len(first) == 6
    assert first == sorted(first, key=ids.index)
    assert first == drawn(0) != drawn(1)
    typed = drawn(row_type="regeneration")
    assert len(typed) == 6
    assert all(one.startswith("regeneration-") for one in typed)


def test_flags_reach_the_rows(run_of: Callable[[str], Path], duplexdata: Run) -> None:
    """The command line hands on what it is given."""
    path = run_of("duo")
    _, rows = rows_of(path)
    last = rows[-1]["id"]
    assert ids_in(duplexdata("show", path, last).stdout, rows) == [last]
    flags = ("--type", "regeneration", "-n", "2", "--random", "--seed", "7")
    shown = ids_in(duplexdata("show", path, *flags).stdout, rows)
    assert len(shown) == 2
    assert all(one.startswith("regeneration-") for one in shown)


def test_rows_are_read_by_their_place_in_any_row_group(
    run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """Places lead to the rows, however a file is parted."""
    file, rows = rows_of(run_of("tdm"))
    path = tmp_path / "groups.parquet"
    pq.write_table(pq.read_table(file.path), path, row_group_size=7)
    (parted,) = open_rows(path)
    wanted = [0, 6, 7, 100, len(rows) - 1]
    assert [(place, row["id"]) for place, row in read_places(parted, reversed(wanted))] == [
        (place, rows[place]["id"]) for place in wanted
    ]


def test_our_rows_may_stand_in_jsonl(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    """A run written again as JSONL is shown as it was."""
    file, rows = rows_of(run_of("duo"))
    path = tmp_path / "ours.jsonl"
    path.write_text("\n\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    (again,) = open_rows(path)
    assert not again.released
    assert [row for batch in read_batches(again) for row in batch.to_pylist()] == rows
    assert [row for _, row in read_places(again, [5])] == [rows[5]]
    assert lines_of(replace(again, path=file.path), rows[5], 80) == lines_of(file, rows[5], 80)


def test_what_cannot_be_shown_is_said(
    run_of: Callable[[str], Path], released: Callable[..., Path], tmp_path: Path
) -> None:
    """One line: what, where, what to do."""
    path = run_of("tdm")
    _, rows = rows_of(path)
    row_id = rows[0]["id"]
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "note.txt").write_text("x")
    (tmp_path / "cut.parquet").write_bytes((path / "data/train-00000.parquet").read_bytes()[:900])
    broken = released(slices(("a", "b")), [], name="broken.jsonl")
    broken.write_text(broken.read_text("utf-8") + '\n{"output": [{"role": 3}]}\n', encoding="utf-8")
    faults: tuple[tuple[Path, dict[str, Any], str], ...] = (
        (path, {"row_id": row_id[:-1] + "~"}, f"near it are {row_id}"),
        (path, {"row_id": f"x-{row_id.rsplit('-', 1)[1]}"}, f"near it are {row_id}"),
        (path, {"row_id": "?"}, "no id is like it"),
        (path, {"row_type": "reset"}, "it holds back_on_topic, dialogue_reset, "),
        (path, {"row_id": row_id, "at_random": True}, "leave out --type, -n and --random"),
        (path, {"seed": 1}, "--seed is of --random"),
        (path / "rejected.parquet", {}, "no column output or messages"),
        (tmp_path / "nowhere", {}, "give a run's folder"),
        (tmp_path / "note.txt", {}, "is no file of rows"),
        (tmp_path / "empty.jsonl", {}, "holds no rows"),
        (tmp_path / "cut.parquet", {}, "is it whole?"),
        (broken, {"count": 3}, "broken.jsonl, line 4: JSON parse error"),
        (broken, {"row_type": "x"}, "rows that do not say their type"),
    )
    for where, options, said in faults:
        with pytest.raises(InputError, match=re.escape(said)) as raised:
            show(where, **options)
        assert "\n" not in str(raised.value)


def test_a_fault_is_one_line_and_exit_2(run_of: Callable[[str], Path], duplexdata: Run) -> None:
    """No traceback, nothing on standard output."""
    done = duplexdata("show", run_of("tdm"), "regeneration")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no row regeneration in ")
    assert len(done.stderr.splitlines()) == 1
