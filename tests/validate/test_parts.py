"""Rows are checked part by part, in worker processes where there are some; nobody sees it."""

import copy
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.engine import ENGINES
from duplexdata.pipeline.engine.cores import available_cores
from duplexdata.pipeline.errors import FolderError, TokenizerError
from duplexdata.pipeline.row_workers import LARGE
from duplexdata.pipeline.validate import Report, validate
from duplexdata.pipeline.validate.between import split_of
from duplexdata.pipeline.validate.parts import PART_ROWS, cut_parts
from duplexdata.pipeline.validate.rows import open_rows
from duplexdata.pipeline.validate.sampled import SAMPLE

from .test_mutation import MUTATIONS, Mutation

Built = Callable[[str, str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]
Row = dict[str, Any]

BLOCK = 30
"""Rows of a file: several files of the sample's rows, as a build of many blocks has them."""


def by(workers: int, path: Path, **flags: Any) -> Report:
    """The report with so many workers."""
    return validate(path, workers=workers, engine=ENGINES["local"], **flags)


def same_by_all(path: Path, **flags: Any) -> Report:
    """The report, which is the same to the letter with one worker and with several."""
    alone = by(1, path, **flags)
    for workers in (2, 3):
        several = by(workers, path, **flags)
        assert several == alone
        assert several.lines() == alone.lines()
        for told in ("proved", "broken", "unproved"):  # as they are written down, in order
            assert list(getattr(several, told)) == list(getattr(alone, told))
    assert validate(path, **flags) == alone
    return alone


def cut_up(folder: Path, out: Path, change: Callable[[int, Row], Row]) -> Path:
    """A run's folder with its rows in files of `BLOCK`, each row changed."""
    shutil.copytree(folder, out)
    for file in sorted((folder / "data").iterdir()):
        table, said = pq.read_table(file), pq.read_metadata(file).metadata or {}
        (out / "data" / file.name).unlink()
        rows = table.to_pylist()
        for begin in range(0, len(rows), BLOCK):
            part = [change(begin + at, row) for at, row in enumerate(rows[begin : begin + BLOCK])]
            name = f"{split_of(file)}-{begin // BLOCK:05}.parquet"
            made = pa.Table.from_pylist(part, table.schema)
            of_rows = {key: held for key, held in said.items() if key.startswith(b"duplexdata.")}
            pq.write_table(made.replace_schema_metadata(of_rows), out / "data" / name)
    return out


def unchanged(_number: int, row: Row) -> Row:
    """The row as it is."""
    return row


def breaking(row_format: str) -> Callable[[int, Row], Row]:
    """Breaks every third row, in one way after the other."""
    chance = random.Random(row_format)  # noqa: S311  # it breaks rows, not codes
    ways: list[Mutation] = [mutate for mutate, _ in MUTATIONS[row_format].values()]

    def change(number: int, row: Row) -> Row:
        if number % 3:
            return row
        changed = copy.deepcopy(row)
        return changed if ways[number // 3 % len(ways)](changed, chance) else row

    return change


@pytest.mark.parametrize("source", [(), ("sample",)])
@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_clean_folder(
    clean_statements: Built, tmp_path: Path, row_format: str, source: Sequence[str]
) -> None:
    """Of a folder of many files as much is proved, with the source and without."""
    folder = cut_up(clean_statements(row_format, "sample"), tmp_path / "run", unchanged)
    report = same_by_all(folder, sources=source)
    assert report.files > 5
    assert report.proved["source"] == (report.rows if source else 0)
    assert report.breaches == report.broken["manifest"] > 0  # for it knows other files


@pytest.mark.parametrize("show", [0, 3, 1000])
@pytest.mark.parametrize("source", [(), ("sample",)])
@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_broken_folder(
    clean_statements: Built, tmp_path: Path, row_format: str, source: Sequence[str], show: int
) -> None:
    """The first breaches are those of the first rows, and all are counted."""
    change = breaking(row_format)
    folder = cut_up(clean_statements(row_format, "sample"), tmp_path / "run", change)
    report = same_by_all(folder, sources=source, show=show)
    assert report.rows_in_breach > 50
    of_rows = [one for one in report.first if one.row and one.check == "shape"]
    assert [(one.file, one.row) for one in of_rows] == sorted(
        (one.file, one.row or 0) for one in of_rows
    )
    kept = {check: min(show, count) for check, count in report.broken.items()}
    assert Counter(one.check for one in report.first) == Counter(kept)
    if show == 1000:
        assert len({one.file for one in of_rows}) > 5


def test_rows_that_cannot_be_rows_and_files_of_another_schema(
    clean_build: Built, tmp_path: Path
) -> None:
    """What is wrong with a file comes before its rows, and after those of the file before."""
    folder = cut_up(clean_build("tdm", "sample"), tmp_path / "run", unchanged)
    for number, file in enumerate(sorted((folder / "data").iterdir())):
        table = pq.read_table(file)
        if number % 2:
            table = table.drop_columns(["generator"])
        else:
            table = table.append_column("mine", pa.array([1] * table.num_rows))
        pq.write_table(table, file)
    report = same_by_all(folder, show=1000)
    assert report.broken["file"] > 1
    assert report.broken["shape"] == BLOCK * 3
    assert report.unproved["shape", "the column mine is not known to this version"] == 0
    files = [one.file for one in report.first if one.check in ("file", "shape")]
    assert files == sorted(files)


@pytest.mark.parametrize("layout", ["ours", "released"])
def test_lines_of_json(clean_build: Built, tmp_path: Path, layout: str) -> None:
    """Each file is a part, though nothing says how many rows it holds."""
    rows = pq.read_table(clean_build("tdm", "sample") / "data" / "train-00000.parquet").to_pylist()
    change = breaking("tdm")
    for number in range(4):
        broken = [change(at, row) for at, row in enumerate(rows[number::4])]
        held = broken if layout == "ours" else [{"output": row["output"]} for row in broken]
        text = "".join(json.dumps(one) + "\n" for one in held)
        (tmp_path / f"{number}.jsonl").write_text(text, encoding="utf-8")
    report = same_by_all(tmp_path, show=1000)
    assert report.files == 4
    assert report.rows == len(rows)
    assert (report.proved["schema"] > 0) is (layout == "ours")
    assert len({one.file for one in report.first}) == 4


def test_a_single_file_is_parted_by_its_row_groups(clean_build: Built, tmp_path: Path) -> None:
    """Every n-th row of all is held against the schema, wherever the parts end."""
    table = pq.read_table(clean_build("tdm", "sample") / "data" / "train-00000.parquet")
    rows = table.to_pylist()
    many = [{**rows[at % len(rows)], "generator": ""} for at in range(3 * PART_ROWS)]
    file = tmp_path / "many.parquet"
    pq.write_table(pa.Table.from_pylist(many, table.schema), file, row_group_size=500)
    parts = list(cut_parts([open_rows(file)], split_of))
    assert [one.before for one in parts] == [0, 2500, 5000]
    report = same_by_all(file, show=len(many))
    step = -(-len(many) // SAMPLE)
    sampled = [one.row for one in report.first if one.check == "schema"]
    assert sampled == list(range(1, len(many) + 1, step))
    assert report.broken["unique"] == len(many) - len(rows)


def test_a_file_without_rows_is_a_file(clean_build: Built, tmp_path: Path) -> None:
    """Its schema is proved; a folder of such alone is none."""
    table = pq.read_table(clean_build("duo", "sample") / "data" / "train-00000.parquet")
    pq.write_table(table.schema.empty_table(), tmp_path / "1.parquet")
    with pytest.raises(FolderError, match="holds no row"):
        by(2, tmp_path)
    pq.write_table(table, tmp_path / "2.parquet")
    assert same_by_all(tmp_path).proved["file"] == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_is_damaged_is_told_by_its_name(
    clean_build: Built, tmp_path: Path, workers: int
) -> None:
    """It is the first such file, in whatever process it is met."""
    folder = cut_up(clean_build("tdm", "sample"), tmp_path / "run", unchanged)
    for name in ("train-00002.parquet", "train-00003.parquet"):
        file = folder / "data" / name
        data = bytearray(file.read_bytes())
        data[200 : len(data) // 2] = bytes(len(data) // 2 - 200)
        file.write_bytes(data)
    with pytest.raises(FolderError, match=r"train-00002\.parquet cannot be read: .*is it whole\?"):
        by(workers, folder)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_tokenizer_that_is_another_is_refused(
    clean_build: Built, tmp_path: Path, workers: int
) -> None:
    """Where rows are checked it is loaded, and compared with that of the manifest."""
    folder = cut_up(clean_build("tdm", "sample"), tmp_path / "run", unchanged)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["tokenizer"]["fingerprint"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(TokenizerError, match="is not the one that made the rows"):
        by(workers, folder)


def large_run(folder: Path, out: Path) -> Path:
    """A run's folder with so many bytes of rows that workers are begun, one row broken in each."""

    def broken(number: int, row: Row) -> Row:
        return row if number else {**row, "generator": "nobody"}

    cut_up(folder, out, broken)
    (out / "validation.json").unlink(missing_ok=True)
    for file in (out / "data").iterdir():
        table = pq.read_table(file)
        pq.write_table(pa.concat_tables([table] * 20), file, compression=None, use_dictionary=False)
    assert sum(one.stat().st_size for one in (out / "data").iterdir()) > LARGE
    return out


def test_the_command_says_the_same_with_any_number_of_workers(
    clean_build: Built, tmp_path: Path, duplexdata: Run
) -> None:
    """On the screen, in the record beside the manifest, and by its exit code."""
    folder = large_run(clean_build("tdm", "sample"), tmp_path / "run")
    said = {}
    for workers in ("1", "2"):
        ended = duplexdata("validate", folder, "--workers", workers)
        assert ended.stderr == ""
        record = (folder / "validation.json").read_bytes()
        said[workers] = (ended.returncode, ended.stdout, record)
    assert said["1"] == said["2"]
    assert said["1"][0] == 1


BEGUN = """
import json
from multiprocessing import forkserver
from duplexdata.pipeline.at_once import begin_workers_of
if __name__ == "__main__":
    begin_workers_of({words!r})
    print(json.dumps(forkserver._forkserver._forkserver_pid is not None))
"""


@pytest.mark.skipif(
    sys.platform == "win32" or available_cores() < 2, reason="no server that forks, or one core"
)
def test_only_large_rows_begin_workers(clean_build: Built, tmp_path: Path) -> None:
    """A small folder is checked in the one process that there is."""
    small = str(clean_build("tdm", "sample"))
    large = str(large_run(Path(small), tmp_path / "run"))
    file = str(max((tmp_path / "run" / "data").iterdir(), key=lambda one: one.stat().st_size))
    lines = str(tmp_path / "lines.jsonl")
    Path(lines).write_bytes(b" " * (LARGE + 1))  # one file is one part
    for words, begins in [
        (["validate", large], True),
        (["validate", large, "--source", "sample", "--workers=3"], True),
        (["validate", large, "--workers", "1"], False),
        (["validate", large, "--tokenizer", "o200k_base"], False),
        (["validate", file], Path(file).stat().st_size > LARGE),
        (["validate", lines], False),
        (["validate", small], False),
        (["validate", "no/such/folder"], False),
        (["validate"], False),
        (["show", large], False),
    ]:
        ended = subprocess.run(
            [sys.executable, "-c", BEGUN.format(words=words)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(ended.stdout) is begins, words


@contextmanager
def waiting_for_a_tokenizer(folder: Path, nowhere: Path) -> Iterator[subprocess.Popen[str]]:
    """A validation, a worker of which waits for an answer of a network that swallows all."""
    command = (sys.executable, "-m", "duplexdata", "validate", str(folder))
    with socket.create_server(("127.0.0.1", 0)) as hole:
        hole.settimeout(60)
        environment = {
            **{key: held for key, held in os.environ.items() if not key.lower().endswith("_proxy")},
            "HTTPS_PROXY": f"http://127.0.0.1:{hole.getsockname()[1]}",
            "TIKTOKEN_CACHE_DIR": str(nowhere),
        }
        proving = subprocess.Popen(
            [*command, "--tokenizer", "o200k_base", "--workers", "2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        with proving, hole.accept()[0]:
            yield proving


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise")
def test_ctrl_c_ends_every_worker(clean_build: Built, tmp_path: Path) -> None:
    """Also those that wait for a tokenizer, and nothing is written."""
    folder = large_run(clean_build("tdm", "sample"), tmp_path / "run")
    with waiting_for_a_tokenizer(folder, tmp_path / "none") as proving:
        proving.send_signal(signal.SIGINT)
        # Who still runs would hold this end of the pipe open.
        said = proving.communicate(timeout=30)[1]
    assert proving.returncode == 1
    assert said == "stopped; nothing was written\n"


def children(process: int) -> list[int]:
    """The processes that one has started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(one) for task in tasks for one in task.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are looked up in /proc")
def test_a_worker_that_is_killed_is_told(clean_build: Built, tmp_path: Path) -> None:
    """No report is better than one over some of the rows."""
    folder = large_run(clean_build("tdm", "sample"), tmp_path / "run")
    with waiting_for_a_tokenizer(folder, tmp_path / "none") as proving:
        of_server = [own for one in children(proving.pid) for own in children(one)]
        os.kill(of_server[0], signal.SIGKILL)
        out, said = proving.communicate(timeout=30)
    assert (proving.returncode, out) == (1, "")
    assert "a worker process died" in said
    assert "Traceback" not in said
    assert not (folder / "validation.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no server that forks")
def test_what_workers_need_is_loaded_once(clean_build: Built, tmp_path: Path) -> None:
    """The tokenizer by the server that forks them alone, and nothing of what makes rows."""
    folder = large_run(clean_build("tdm", "sample"), tmp_path / "run")
    ended = subprocess.run(
        [sys.executable, "-m", "duplexdata", "validate", str(folder), "--workers", "2"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
    )
    assert ended.returncode == 1  # for its rows are broken
    imported = [line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()]
    names = ("duplexdata.cli", "duplexdata.pipeline.warm_rows", "tiktoken", "jsonschema")
    assert [imported.count(name) for name in names] == [1, 1, 1, 2]
    assert "duplexdata.pipeline.block" not in imported
    assert "pandas.core" not in imported
