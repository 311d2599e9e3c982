"""Datasets on the Hub as sources, read by the real client from a Hub on this machine."""

import gzip
import io
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.load.hub import HubName, hub_name, pinned_name
from duplexdata.pipeline.load.sources import default_name, is_remote

from ..conftest import manifest_of, rows_of
from ..loopback.hub import TOKEN, Hub, serve_hub
from .hub_files import ULTRACHAT, dialogues, lines, put_dataset, ultrachat

READ = """
import json, sys
from duplexdata.pipeline.errors import DuplexdataError
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.recipe import Recipe

found = []
for case in json.loads(sys.argv[1]):
    reading = Reading(Recipe(format="tdm", **case), lambda line: None)
    try:
        ids = [one.source_id for block in reading.blocks() for one in block.dialogues]
    except DuplexdataError as error:
        found.append({"error": str(error), "exit": error.exit_code})
    else:
        files = [one.as_dict() for one in reading.files]
        found.append({"ids": ids, "files": files, "rejected": len(reading.rejected)})
print(json.dumps(found))
"""
"""Reads each of the cases, a recipe's knobs, in one process."""


@dataclass(frozen=True)
class Client:
    """Processes that read from a Hub, with a home of their own."""

    hub: Hub
    home: Path

    def put(self, name: str, files: dict[str, bytes], **more: Any) -> str:
        """Commits files to a dataset; gives the commit."""
        return put_dataset(self.hub.folder, name, files, **more)

    def read(
        self, *cases: dict[str, Any], token: str | None = None, **variables: str
    ) -> list[dict[str, Any]]:
        """What pass one makes of each case: ids and files, or an error."""
        done = subprocess.run(
            [sys.executable, "-c", READ, json.dumps(cases)],
            capture_output=True,
            text=True,
            check=False,
            env={**self.hub.environment(self.home, token), **variables},
        )
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def build(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Builds with one worker."""
        return self.run("build", "--workers", "1", *arguments)

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a command."""
        return subprocess.run(
            [sys.executable, "-m", "duplexdata", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.hub.folder.parent,
            env=self.hub.environment(self.home, None),
        )


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A Hub, and who reads from it."""
    with serve_hub(tmp_path / "hub") as hub:
        yield Client(hub, tmp_path / "home")


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """Rows as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def case(*sources: str, **knobs: Any) -> dict[str, Any]:
    """A recipe's knobs."""
    return {"source": sources, **knobs}


def test_the_default_source_is_ultrachat(client: Client, tmp_path: Path) -> None:
    """A bare build reads the ten files, no other, and names the commit and their sha256."""
    commit = client.put(ULTRACHAT, ultrachat())
    done = client.build("--format", "tdm")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "outputs/tdm-ultrachat-0"
    folder = tmp_path / done.stdout.strip()
    manifest = manifest_of(folder)
    assert [one["file"] for one in manifest["sources"]] == [
        f"hf://datasets/{ULTRACHAT}@{commit}/train_{n}.jsonl" for n in range(10)
    ]
    for one in manifest["sources"]:
        held = client.hub.folder / "objects" / one["sha256"]
        assert held.stat().st_size == one["bytes"]
        assert (one["source"], one["repository"], one["revision"], one["rows"]) == (
            *("ultrachat", ULTRACHAT, commit),
            4,
        )
    ids = {each for row in rows_of(folder) for each in row["source_ids"]}
    assert ids == {f"{ULTRACHAT}:{n}" for n in range(40)}
    assert f'source = ["ultrachat@{commit}"]' in (folder / "README.md").read_text("utf-8")
    for source in ("ultrachat", f"ultrachat@{commit}"):
        proved = client.run("validate", folder, "--source", source)
        assert proved.returncode == 0, proved.stdout + proved.stderr
        assert "nothing lost: 40 source rows" in proved.stdout
    other = client.run("validate", folder, "--source", "owner/name")
    assert other.returncode == 2
    assert "--source owner/name" in other.stderr


def test_a_limit_reads_no_further(client: Client) -> None:
    """The rest is not asked for; all that is known of the first file is known still."""
    client.put(ULTRACHAT, ultrachat())
    [found] = client.read(case("ultrachat", limit=3))
    assert found["ids"] == [f"{ULTRACHAT}:{n}" for n in range(3)]
    [file] = found["files"]
    assert file["sha256"]
    read = [line for line in client.hub.stats()["log"] if "/resolve/" in line]
    assert read
    assert all("train_0.jsonl" in line for line in read)


def test_kinds_of_files(client: Client) -> None:
    """What a folder here would be read for is read there, in the order of its paths."""
    rows = dialogues(0, 12)
    client.put(
        "owner/kinds",
        {
            "a/rows.jsonl": lines(rows[:2]),
            "b.json": json.dumps(rows[2:4]).encode(),
            "c.parquet": parquet(rows[4:6]),
            "d.jsonl.gz": gzip.compress(lines(rows[6:8])),
            "e.jsonl.zst": pa.compress(lines(rows[8:10]), codec="zstd", asbytes=True),
            "f.parquet.gz": gzip.compress(parquet(rows[10:])),
            "dataset_infos.json": b'{"default": {}}',
            ".hidden/rows.jsonl": lines(dialogues(90, 1)),
            "notes.txt": b"x",
        },
    )
    [found] = client.read(case("owner/kinds"))
    assert found["ids"] == [f"owner/kinds:{n}" for n in range(12)]
    assert [one["rows"] for one in found["files"]] == [2] * 6


def test_which_files_a_repository_says(client: Client) -> None:
    """The default configuration of its card, in the card's order; else all; else those named."""
    card = """---
configs:
- config_name: other
  data_files: other/*.jsonl
- config_name: default
  data_files:
  - split: train
    path: [data/train-*.jsonl, "more"]
  - split: test
    path: data/test.jsonl
---
"""
    names = ["data/test", "data/train-0", "data/train-1", "more/x", "other/y"]
    files = {f"{name}.jsonl": lines(dialogues(n, 1)) for n, name in enumerate(names)}
    client.put("owner/card", {**files, "README.md": card.encode()})
    client.put("owner/plain", {**files, "README.md": b"# Words alone\n"})
    client.put("owner/single", {**files, "README.md": card.replace("default", "x").encode()})
    there = "hf://datasets/owner/card"
    cases = ("owner/card", "owner/plain", "owner/single", there, f"{there}@main/data/train-*")
    named = (f"{there}/other/y.jsonl", f"{there}/data", f"{there}/none/*")
    *found, none = client.read(*map(case, (*cases, *named)))
    assert [[each.partition(":")[2] for each in one["ids"]] for one in found] == [
        *(["1", "2", "3", "0"], ["0", "1", "2", "3", "4"], ["0", "1", "2", "3", "4"]),
        *(["1", "2", "3", "0"], ["1", "2"], ["4"], ["0", "1", "2"]),
    ]
    assert "none/*" in none["error"]
    assert none["exit"] == 2


def test_rows_without_an_id(client: Client) -> None:
    """Their number counts on over the files of a repository, so that no two are called alike."""
    rows = [{"data": one["data"]} for one in dialogues(0, 4)]
    client.put("owner/name", {"a.jsonl": lines(rows[:2]), "b.jsonl": lines(["x", *rows[2:]])})
    [found] = client.read(case("owner/name", "owner/name", duplicates="keep"))
    assert found["ids"][:4] == [f"owner/name:#{n}" for n in (1, 2, 4, 5)]
    assert found["ids"][4:] == [f"owner/name~2:#{n}" for n in (1, 2, 4, 5)]


def test_a_run_of_rows_without_ids_is_proved(client: Client, tmp_path: Path) -> None:
    """Validate numbers them as the build does, and finds what was rejected in a later file."""
    rows = [{"data": one["data"]} for one in dialogues(0, 6)]
    client.put("owner/name", {"a.jsonl": lines(rows[:3]), "b.jsonl": lines(["x", *rows[3:]])})
    done = client.build("--format", "duo", "--source", "owner/name", "--out", "out")
    assert done.returncode == 0, done.stderr
    proved = client.run("validate", tmp_path / "out", "--source", "owner/name")
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert "nothing lost: 7 source rows" in proved.stdout


def test_revisions(client: Client) -> None:
    """A branch, a commit and the default branch; one that is not there is told."""
    first = client.put("owner/name", {"a.jsonl": lines(dialogues(0, 1))})
    client.put("owner/name", {"a.jsonl": lines(dialogues(1, 1))})
    client.put("owner/name", {"a.jsonl": lines(dialogues(2, 1))}, ref="old")
    names = ("owner/name", "owner/name@old", f"owner/name@{first}", "owner/name@none")
    *found, none = client.read(*map(case, names))
    assert [one["ids"] for one in found] == [[f"owner/name:{n}"] for n in (1, 2, 0)]
    assert "no revision none" in none["error"]


def test_private_and_missing(client: Client) -> None:
    """A token opens what is private; without it, and of what is not there, one line tells."""
    client.put("someone/mine", {"a.jsonl": lines(dialogues(0, 1))}, private=True)
    [found] = client.read(case("someone/mine"), token=TOKEN)
    assert found["ids"] == ["someone/mine:0"]
    for one in client.read(case("someone/mine"), case("no/where")):
        assert one["exit"] == 2
        assert "HF_TOKEN" in one["error"]
        assert "--source sample" in one["error"]
        assert "\n" not in one["error"]


def test_small_files_are_hashed_as_they_are_read(client: Client) -> None:
    """Git's own files have no sha256 on the Hub: it is known if all was read, else git's id is."""
    data = lines(dialogues(0, 10_000))  # more than is read ahead
    client.put("owner/name", {"a.jsonl": data}, plain=[".jsonl"])
    whole, part = client.read(case("owner/name"), case("owner/name", limit=2))
    [read], [begun] = whole["files"], part["files"]
    assert len(read["sha256"]) == 64
    assert begun["sha256"] is None
    assert len(begun["etag"]) == 40


def test_a_line_that_breaks_is_taken_up_again(client: Client) -> None:
    """The rest is asked for, and no row is lost or read twice."""
    data = lines(dialogues(0, 300))
    client.put("owner/name", {"a.jsonl": data, "b.parquet": parquet(dialogues(300, 50))})
    client.hub.config(
        [
            {"match": "GET /_cdn/", "drop": "response", "at": 30_000, "times": 1, "after": 1},
            {"match": "GET /_cdn/", "status": 503, "times": 1, "after": 3},
        ]
    )
    [found] = client.read(case("owner/name"))
    assert found["ids"] == [f"owner/name:{n}" for n in range(350)]
    asked = f"GET /_cdn/{sha256(data).hexdigest()}"
    # For the layout, for the rows, and for the rest of the rows.
    assert sum(line.startswith(asked) for line in client.hub.stats()["log"]) == 3


def test_a_run_that_goes_on_reads_the_same_commit(client: Client, tmp_path: Path) -> None:
    """Whatever was committed since; the files are those of a run that was never stopped."""
    files = ultrachat()
    commit = client.put(ULTRACHAT, files)
    sixth = sha256(files["train_5.jsonl"]).hexdigest()
    client.hub.config([{"match": f"GET /_cdn/{sixth}", "drop": "response", "at": 100}])
    (tmp_path / "blocks.toml").write_text("block_rows = 8\n")
    out, again = tmp_path / "out", ("--format", "tdm", "--config", "blocks.toml")
    done = client.build(*again, "--out", out)
    assert done.returncode == 1
    assert "train_5.jsonl" in done.stderr
    assert "go on with: duplexdata build" in done.stderr
    assert list((out / "data").iterdir())
    client.hub.config([])
    client.put(ULTRACHAT, {f"train_{n}.jsonl": lines(dialogues(500 + n, 4)) for n in range(10)})

    # A folder that is started anew is not held to it.
    shutil.copytree(out, tmp_path / "copy")
    done = client.build(*again, "--out", "copy", "--overwrite")
    assert done.returncode == 0, done.stderr
    assert {one["revision"] for one in manifest_of(tmp_path / "copy")["sources"]} != {commit}

    done = client.build(*again, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "blocks were finished before" in done.stderr
    assert {one["revision"] for one in manifest_of(out)["sources"]} == {commit}
    anew = client.build(*again, "--source", f"ultrachat@{commit}", "--out", "anew")
    assert anew.returncode == 0, anew.stderr
    for shard in (out / "data").iterdir():
        assert (tmp_path / "anew" / "data" / shard.name).read_bytes() == shard.read_bytes()

    # What is finished asks nobody.
    client.hub.kill()
    done = client.build(*again, "--out", out)
    assert done.returncode == 0
    assert "already finished" in done.stderr


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network(offline: bool, tmp_path: Path) -> None:
    """One line that names a way out, without a second try."""
    client = Client(nobody(tmp_path), tmp_path / "home")
    names = ("ultrachat", "ultrachat_200k", "owner/name@v1", "hf://datasets/owner/name/a.jsonl")
    variables = {"HF_HUB_OFFLINE": "1"} if offline else {}
    for source, found in zip(names, client.read(*map(case, names), **variables), strict=True):
        assert found["exit"] == 2
        assert found["error"].startswith("cannot reach the Hugging Face Hub")
        for wanted in (source, "--source sample", "local file or folder"):
            assert wanted in found["error"]
        assert "\n" not in found["error"]


def test_without_a_network_nothing_is_left(tmp_path: Path) -> None:
    """The default source on a closed network: exit 2 and no folder."""
    client = Client(nobody(tmp_path), tmp_path / "home")
    done = client.build("--format", "tdm", "--out", "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--source sample" in done.stderr.splitlines()[-1]
    assert "Retrying" not in done.stderr
    assert not (tmp_path / "out").exists()


def nobody(tmp_path: Path) -> Hub:
    """A Hub that is not there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    folder = tmp_path / "hub"
    return Hub(f"http://127.0.0.1:{port}", folder, None)  # type: ignore[arg-type]


def test_the_cache_of_the_client(client: Client) -> None:
    """Files that the client has are read from there, without a network too, and named alike."""
    commit = client.put(ULTRACHAT, ultrachat())
    [streamed] = client.read(case("ultrachat"))
    download = "import sys, huggingface_hub as hub; hub.snapshot_download(**eval(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", download, repr({"repo_id": ULTRACHAT, "repo_type": "dataset"})],
        check=True,
        capture_output=True,
        env=client.hub.environment(client.home, None),
    )
    before = len(client.hub.stats()["log"])
    [cached] = client.read(case("ultrachat"))
    assert not any("/resolve/" in line for line in client.hub.stats()["log"][before:])
    client.hub.kill()
    [gone, offline] = [
        *client.read(case("ultrachat")),
        *client.read(case(f"ultrachat@{commit}"), HF_HUB_OFFLINE="1"),
    ]
    for one in offline["files"]:
        one["source"] = "ultrachat"
    assert streamed == cached == gone == offline


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("owner/name", ("owner/name", None, ())),
        ("owner/na.me-1@v1.0", ("owner/na.me-1", "v1.0", ())),
        ("owner/name@refs/pr/3", ("owner/name", "refs/pr/3", ())),
        ("hf://datasets/owner/name", ("owner/name", None, ())),
        ("hf://datasets/owner/name@main/a/*.jsonl", ("owner/name", "main", ("a/*.jsonl",))),
        (
            "hf://datasets/owner/name@refs/convert/parquet/a.parquet",
            ("owner/name", "refs/convert/parquet", ("a.parquet",)),
        ),
    ],
)
def test_names(source: str, expected: tuple[str, str | None, tuple[str, ...]]) -> None:
    """What a source on the Hub names."""
    assert hub_name(source) == HubName(source, *expected)
    assert is_remote(source)


@pytest.mark.parametrize(
    "source",
    ["rows.jsonl", "a/b/c", "./name", "../name", "owner/name.jsonl", "owner/*", "/owner/name",
     "owner/", "sample", "hf://owner/name", "file:///owner/name", "here/name", "here"],
)  # fmt: skip
def test_what_is_no_name_on_the_hub(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths, and names whose folder is here, are looked for here alone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert not is_remote(source)


def test_what_is_here_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is called as a short name is that folder."""
    monkeypatch.chdir(tmp_path)
    assert is_remote("ultrachat")
    (tmp_path / "ultrachat").mkdir()
    assert not is_remote("ultrachat")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ultrachat", "ultrachat"),
        ("ultrachat_200k@main", "ultrachat_200k"),
        ("owner/name@main", "name"),
        ("hf://datasets/owner/name@main/data/*.jsonl", "name"),
        ("s3://bucket/folder/rows.jsonl.gz", "rows"),
        ("s3://bucket/folder/", "folder"),
    ],
)
def test_what_a_folder_is_called_after(source: str, expected: str) -> None:
    """The name, without revision."""
    assert default_name(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ultrachat", "ultrachat@abc"),
        ("ultrachat@main", "ultrachat@abc"),
        ("owner/name", "owner/name@abc"),
        ("hf://datasets/owner/name/a/*.jsonl", "hf://datasets/owner/name@abc/a/*.jsonl"),
        ("hf://datasets/owner/name@main/main/*", "hf://datasets/owner/name@abc/main/*"),
        ("rows.jsonl", "rows.jsonl"),
    ],
)
def test_a_name_with_its_commit(source: str, expected: str) -> None:
    """What builds the same rows again."""
    entries = [{"source": source, "revision": None if "rows" in source else "abc"}]
    assert pinned_name(source, entries) == expected
