"""The least that any build of these rows must do, on as many cores.

    python benchmarks/floor.py DIALOGUES.jsonl TABLES OUT [--workers 2] [--encoder tiktoken]

Reads the file, encodes every answer once, and writes the Parquet files that the build
wrote, by the same writer. The tables of these lie in TABLES ready made as Arrow files, a
record batch a row group (`python benchmarks/floor.py --prepare RUN TABLES`), so that
nothing but the writing of them is counted. `speed.py` checks what was written.

Without a network, TIKTOKEN_CACHE_DIR must name a folder with the ranks.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

import encoders
import orjson  # noqa: F401  # loaded before the fork
import pyarrow as pa
import pyarrow.parquet as pq

from duplexdata.pipeline.export.shards import WORK, write_parquet


def prepare(run: Path, tables: Path) -> None:
    """Unpacks the shards of a finished run into Arrow files."""
    tables.mkdir(parents=True)
    for shard in sorted((run / "data").glob("*.parquet")):
        held = pq.ParquetFile(shard)
        with pa.OSFile(str(tables / f"{shard.stem}.arrow"), "wb") as sink:
            schema = held.schema_arrow.remove_metadata()
            with pa.ipc.new_file(sink, schema) as writer:
                for number in range(held.num_row_groups):
                    group = held.read_row_group(number).combine_chunks()
                    writer.write_table(group.cast(schema))


def lines(file: Path, part: int, parts: int) -> Iterator[bytes]:
    """The lines that begin in one of several equal parts of a file."""
    size = file.stat().st_size
    begin, end = size * part // parts, size * (part + 1) // parts
    with file.open("rb") as stream:
        if begin:
            stream.seek(begin - 1)
            stream.readline()
        while stream.tell() < end:
            yield stream.readline()


def write(table_file: Path, out: Path) -> None:
    """Writes the shard of an Arrow file."""
    with pa.memory_map(str(table_file)) as source:
        reader = pa.ipc.open_file(source)
        groups = (
            pa.Table.from_batches([reader.get_batch(number)])
            for number in range(reader.num_record_batches)
        )
        write_parquet(groups, reader.schema, out, f"data/{table_file.stem}.parquet")


def work(dialogues: Path, tables: Path, out: Path, encoder: str, part: int, parts: int) -> None:
    """One process's share."""
    encode = encoders.load(encoder)
    for batch in encoders.answers(lines(dialogues, part, parts)):
        encode(batch)
    for table_file in sorted(tables.glob("*.arrow"))[part::parts]:
        write(table_file, out)


def main() -> None:
    """Shares the work out to processes."""
    parser = argparse.ArgumentParser(description="The floor under a build.")
    parser.add_argument("places", type=Path, nargs="+", metavar="DIALOGUES TABLES OUT")
    parser.add_argument("--prepare", action="store_true", help="RUN TABLES: make the tables")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--encoder", choices=encoders.LIBRARIES, default="tiktoken")
    given = parser.parse_args()
    if given.prepare:
        prepare(*given.places)
        return
    dialogues, tables, out = given.places
    for folder in (out / "data", out / WORK):
        folder.mkdir(parents=True)
    encoders.load(given.encoder)  # once, before the fork
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(
            target=work, args=(dialogues, tables, out, given.encoder, part, given.workers)
        )
        for part in range(given.workers)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(any(worker.exitcode for worker in workers))


if __name__ == "__main__":
    main()
