"""What is run for each figure, and how it is read off the sides."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from encoders import LIBRARIES
from figures import Figure, ratio, ratio_a_pair
from floor import prepare
from measure import memory_measure
from same_content import compare
from sides import HERE, RUN, UNINTERRUPTED, Bench, baseline, build, floor, python, say

GIGABYTE = 1e9
AGAINST_PLAIN = {"tiktoken": (1.8, 2.0), "fast": (2.5, 3.5)}
"""How many times as fast as the plain script, with an ordinary file and a large one."""


def speed_and_floor(bench: Bench) -> Iterator[Figure]:
    """Figures 1 and 2: `uninterrupted` against the plain script, and against the floor."""
    check_content(bench)
    for size, count in enumerate(bench.counts):
        source = bench.dialogues_file("en", count)
        tables = bench.scratch / "tables" / str(count)
        prepare(bench.built(source), tables)
        sides = [baseline(source), baseline(source, batched=True)]
        for encoder in bench.encoders:
            sides += [
                build(f"ours, {encoder}", source, *UNINTERRUPTED, encoder=encoder),
                floor(source, tables, encoder),
            ]
        plain, batched, *rest = bench.in_turn("1, 2", sides)
        for encoder, ours, least in zip(bench.encoders, rest[0::2], rest[1::2], strict=True):
            bound = AGAINST_PLAIN[encoder][size]
            name = f"tdm, {count:,} dialogues, {encoder}"
            yield ratio("1", f"times as fast as the plain script: {name}", plain, ours, bound)
            told = f"the same, its map batched: {name}"
            yield ratio("1", told, batched, ours, None)
            yield ratio("2", f"time over the floor's: {name}", ours, least, 1.5, least=False)
        for place in range(2, len(sides)):
            check_written(bench.built(source), bench.written(place))


def check_content(bench: Bench) -> None:
    """Raises where the plain script and our build do not say the same."""
    folder = bench.scratch / "content"
    source = bench.dialogues_file("en")
    for side, batched in (("plain", False), ("batched", True)):
        bench.once(baseline(source, batched=batched), folder / side)
        found = compare(bench.built(source), folder / side / "plain.parquet")
        say(
            f"the plain script, {side}, says the same in {found.rows:,} rows; "
            f"in {found.damaged:,} of them it cut a character in half"
        )


def check_written(run: Path, written: Path) -> None:
    """Raises where shards are not those of a run.

    Of a build they are the same to the byte; the floor's may differ in the footer, which
    spells the schema, and have the same rows and columns of the same size.
    """
    built = (written / RUN).is_dir()
    shards = (written / RUN if built else written) / "data"
    for shard in sorted((run / "data").iterdir()):
        other = shards / shard.name
        if built and shard.read_bytes() != other.read_bytes():
            raise AssertionError(f"{other} is not, to the byte, what the first build wrote")
        if column_sizes(shard) != column_sizes(other):
            raise AssertionError(f"{other} is not what the first build wrote")


def column_sizes(shard: Path) -> list[tuple[int, ...]]:
    """Of each row group the rows, and the bytes of each column."""
    import pyarrow.parquet as pq

    footer = pq.read_metadata(shard)
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    return [
        (
            group.num_rows,
            *(group.column(one).total_compressed_size for one in range(group.num_columns)),
        )
        for group in groups
    ]


def all_types(bench: Bench) -> Iterator[Figure]:
    """Figure 3: time a slice pair of all types, and of Chinese."""
    english = bench.dialogues_file("en", bench.dialogues)
    chinese = bench.dialogues_file("zh", bench.dialogues)
    one, six, zh_one, zh_six = bench.in_turn(
        "3",
        [
            build("uninterrupted, English", english, *UNINTERRUPTED),
            build("all types, English", english),
            build("uninterrupted, Chinese", chinese, *UNINTERRUPTED),
            build("all types, Chinese", chinese),
        ],
    )
    name = "time a slice pair over that of figure 1"
    yield ratio_a_pair("3", f"{name}: all six types", six, one, 1.3)
    yield ratio_a_pair("3", f"{name}: Chinese, `uninterrupted`", zh_one, one, 2)
    yield ratio_a_pair("3", f"{name}: Chinese, all six types", zh_six, one, 2)


def duo(bench: Bench) -> Iterator[Figure]:
    """Figure 4: duo against tdm."""
    source = bench.dialogues_file("en", bench.dialogues)
    silent = (*UNINTERRUPTED, "--statements", "0")
    tdm, alone, remarks = bench.in_turn(
        "4",
        [
            build("tdm", source, *UNINTERRUPTED),
            build("duo", source, *silent, row_format="duo"),
            build("duo with statements", source, *UNINTERRUPTED, row_format="duo"),
        ],
    )
    yield ratio("4", "time of duo over tdm's: no statements", alone, tdm, 1.3, least=False)
    yield ratio("4", "time of duo over tdm's: its default statements", remarks, tdm, None)


def memory(bench: Bench) -> Iterator[Figure]:
    """Figure 5: peak memory of all processes, its growth, and an empty build."""
    one = bench.scratch / "one.jsonl"
    one.write_bytes(bench.dialogues_file("en").read_bytes().splitlines(keepends=True)[0])
    empty, *peaks = bench.in_turn(
        "5",
        [
            build("a single dialogue", one),
            *(
                build(f"all types, {count:,}", bench.dialogues_file("en", count), watch_memory=True)
                for count in bench.counts
            ),
        ],
    )
    for count, side in zip(bench.counts, peaks, strict=True):
        values = tuple(peak / GIGABYTE for peak in side.peaks)
        name = f"peak memory ({memory_measure()}), all types, {count:,} dialogues"
        yield Figure("5", name, values, 1.5, least=False, unit="GB")
    if bench.large:
        small, large = peaks
        values = tuple(b / a for a, b in zip(small.peaks, large.peaks, strict=True))
        times = bench.large / bench.dialogues
        # No more: but for what a sum of samples varies by.
        yield Figure("5", f"peak memory at {times:g} times the input", values, 1.05, least=False)
    yield Figure("5", "an empty build", empty.seconds, 1.0, least=False, unit="s")


def workers(bench: Bench) -> Iterator[Figure]:
    """Figure 6: two workers against one, the start-up of each taken off."""
    two_rows = bench.scratch / "two.jsonl"
    lines = bench.dialogues_file("en").read_bytes().splitlines(keepends=True)
    # A block a dialogue: two workers are started, and have next to nothing to do. The blanks make
    # the file so long that they are started as they are for all the dialogues.
    two_rows.write_bytes(b"".join(lines[:2]) + b" " * 3_000_000 + b"\n")
    recipe = bench.scratch / "start-up.toml"
    recipe.write_text("block_rows = 1\n", "utf-8")
    source = bench.dialogues_file("en", bench.dialogues)
    start_up = (*UNINTERRUPTED, "--config", recipe)
    one, two, one_start, two_start = bench.in_turn(
        "6",
        [
            build("one worker", source, *UNINTERRUPTED, workers=1),
            build("two workers", source, *UNINTERRUPTED),
            build("start-up of one worker", two_rows, *start_up, workers=1),
            build("start-up of two workers", two_rows, *start_up),
        ],
    )
    values = tuple(
        (a - a_start) / (b - b_start)
        for a, b, a_start, b_start in zip(
            one.seconds, two.seconds, one_start.seconds, two_start.seconds, strict=True
        )
    )
    name = "times as fast with two workers as with one"
    yield Figure("6", f"{name}, start-up aside", values, 1.7)
    # What two workers take to start is not all waited for: sources are read meanwhile.
    yield ratio("6", f"{name}, start-up and all", one, two, None)


def parquet(bench: Bench) -> Iterator[Figure]:
    """Figure 7: Parquet against JSONL in the released layout, in size and in a pass."""
    distinct = bench.built(bench.dialogues_file("en"))
    jsonl = write_released(distinct, bench.scratch / "released-distinct.jsonl")
    size = sum(shard.stat().st_size for shard in (distinct / "data").iterdir())
    yield Figure("7", "bytes of JSONL over Parquet", (jsonl.stat().st_size / size,), 5.5)
    repeated = bench.built(bench.dialogues_file("en", bench.dialogues))
    jsonl = write_released(repeated, bench.scratch / "released.jsonl")
    shards = sorted((repeated / "data").iterdir())
    lines, rows, output = bench.in_turn(
        "7",
        [
            python("a pass over JSONL", HERE / "one_pass.py", jsonl),
            python("a pass over Parquet", HERE / "one_pass.py", *shards),
            python("the same, output alone", HERE / "one_pass.py", *shards, "--columns", "output"),
        ],
    )
    name = "times as fast a pass over Parquet as over JSONL"
    yield ratio("7", f"{name}: all columns", lines, rows, 1)
    yield ratio("7", f"{name}: `output` alone", lines, output, None)


def write_released(run: Path, file: Path) -> Path:
    """The rows of a run as JSON lines in the released layout: `output`, and no blanks."""
    import orjson
    import pyarrow.parquet as pq

    with file.open("wb") as stream:
        for shard in sorted((run / "data").iterdir()):
            for batch in pq.ParquetFile(shard).iter_batches(256, columns=["output"]):
                stream.writelines(orjson.dumps(row) + b"\n" for row in batch.to_pylist())
    return file


def validation(bench: Bench) -> Iterator[Figure]:
    """Figure 8: `validate` against `build`."""
    source = bench.dialogues_file("en", bench.dialogues)
    built, validated = bench.in_turn(
        "8",
        [
            build("build", source, *UNINTERRUPTED),
            python("validate", "-m", "duplexdata", "validate", bench.built(source)),
        ],
    )
    yield ratio("8", "speed of validate over build's", built, validated, 0.5)


def encoder_alone(bench: Bench) -> Iterator[Figure]:
    """Encoders by themselves, one process, distinct text: for information."""
    source = bench.dialogues_file("en")
    speeds: dict[str, list[float]] = {}
    for _ in range(bench.runs):
        for encoder in bench.encoders:
            folder = bench.scratch / "encoder"
            side = python(
                encoder, HERE / "encoders.py", source, "--encoder", encoder, encoder=encoder
            )
            said = json.loads(bench.once(side, folder).output)
            folder.rmdir()
            speeds.setdefault(encoder, []).append(said["bytes"] / said["seconds"] / 1e6)
    for encoder, values in speeds.items():
        name = f"{LIBRARIES[encoder]} by itself, a second of CPU, distinct answers"
        yield Figure("encoder", name, tuple(values), unit="MB/s")


GROUPS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "1": speed_and_floor,
    "2": speed_and_floor,
    "3": all_types,
    "4": duo,
    "5": memory,
    "6": workers,
    "7": parquet,
    "8": validation,
    "encoder": encoder_alone,
}
"""Each figure's function; one that gives several figures runs once for all."""
