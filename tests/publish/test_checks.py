"""What is looked at before a byte is sent, and refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.errors import PublishError
from duplexdata.pipeline.export.licence import licence_of, why_unknown
from duplexdata.pipeline.publish.viewer import MOST_BYTES, check_viewer

from ..conftest import manifest_of
from ..load.hub_files import dialogues, lines, put_dataset
from .conftest import MakeRun, Publisher

Run = Callable[..., subprocess.CompletedProcess[str]]
DRY = ("someone/talk", "--dry-run")


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the manifest of a run."""
    manifest = manifest_of(folder)
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def rewrite_shard(
    folder: Path,
    change: Callable[[pa.Table], pa.Table],
    path: str = "data/train-00000.parquet",
) -> str:
    """Changes a shard, and lets the manifest name its new hash."""
    pq.write_table(change(pq.read_table(folder / path)), folder / path)
    data = (folder / path).read_bytes()

    def name(manifest: dict[str, Any]) -> None:
        manifest["files"][path] |= {"sha256": sha256(data).hexdigest(), "bytes": len(data)}

    rewrite_manifest(folder, name)
    return path


def test_a_record_of_these_files_is_enough(duplexdata: Run, make_run: MakeRun) -> None:
    """Validate leaves validation.json; where it fits, push does not validate again."""
    folder = make_run("duo")
    record = json.loads((folder / "validation.json").read_text("utf-8"))
    assert record["breaches"] == 0
    assert record["files"] == {
        "manifest.json": sha256((folder / "manifest.json").read_bytes()).hexdigest(),
        **{path: facts["sha256"] for path, facts in manifest_of(folder)["files"].items()},
    }
    said = duplexdata("push", folder, *DRY).stderr
    assert "no breach (validation.json)" in said
    assert "validating" not in said


@pytest.mark.parametrize("there", ["none", "of other files", "with a breach", "no JSON"])
def test_without_a_record_that_fits_push_validates(
    duplexdata: Run, make_run: MakeRun, there: str
) -> None:
    """A record that is missing, of other files, or no record makes push validate, and leave one."""
    folder = make_run("duo")
    file = folder / "validation.json"
    record = json.loads(file.read_text("utf-8"))
    if there == "none":
        file.unlink()
    elif there == "no JSON":
        file.write_text("{", "utf-8")
    else:
        changed: dict[str, Any] = {"breaches": 1} if there == "with a breach" else {"files": {}}
        file.write_text(json.dumps(record | changed), "utf-8")
    done = duplexdata("push", folder, *DRY)
    assert done.returncode == 0, done.stderr
    assert "validating: no validation.json is about these very files" in done.stderr
    assert json.loads(file.read_text("utf-8")) == record


def test_rows_that_break_a_rule_are_refused(duplexdata: Run, make_run: MakeRun) -> None:
    """Rows changed with their hash in the manifest pass no validation: exit 2, the first breach."""
    folder = make_run("duo")

    def lose_a_state(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        rows[0]["states"][0] = "statement"
        return pa.Table.from_pylist(rows, table.schema)

    rewrite_shard(folder, lose_a_state)
    done = duplexdata("push", folder, *DRY)
    assert done.returncode == 2
    assert "breaks the rules, first: train-00000.parquet, row 1" in done.stderr
    assert json.loads((folder / "validation.json").read_text("utf-8"))["breaches"] > 0
    assert duplexdata("push", folder, *DRY).returncode == 2


def test_validate_says_more_than_the_record_needs(duplexdata: Run, make_run: MakeRun) -> None:
    """With the source the record names it; with another slice length no record is left."""
    folder = make_run("duo")
    file = folder / "validation.json"
    assert duplexdata("validate", folder, "--source", "sample").returncode == 0
    assert json.loads(file.read_text("utf-8"))["sources"] == ["sample"]
    file.unlink()
    duplexdata("validate", folder, "--slice-tokens", "11")
    assert not file.exists()


def test_a_changed_file_is_refused(duplexdata: Run, make_run: MakeRun) -> None:
    """A shard that is not what the manifest says is no file of this run."""
    folder = make_run("duo")
    with (folder / "data" / "train-00000.parquet").open("ab") as stream:
        stream.write(b"\0")
    done = duplexdata("push", folder, *DRY)
    assert done.returncode == 2
    assert "train-00000.parquet is not what this run wrote" in done.stderr


def test_sums_that_do_not_add_up_are_refused(duplexdata: Run, make_run: MakeRun) -> None:
    """A count that fits no other is found before anything else is."""
    folder = make_run("duo")
    rewrite_manifest(folder, lambda one: one["counts"].update(kept=one["counts"]["kept"] + 1))
    done = duplexdata("push", folder, *DRY)
    assert done.returncode == 2
    assert "do not add up: source rows = kept + rejected: 90 != 91" in done.stderr


@pytest.mark.parametrize("what", ["nothing", "a file", "no manifest", "no run"])
def test_what_is_no_finished_run_is_refused(
    duplexdata: Run, make_run: MakeRun, tmp_path: Path, what: str
) -> None:
    """Exit 2, with what to give."""
    folder = tmp_path / "some"
    if what == "a file":
        folder.write_text("", "utf-8")
    elif what == "no manifest":
        shutil.copytree(make_run("duo"), folder)
        (folder / "manifest.json").unlink()
    elif what == "no run":
        folder.mkdir()
        (folder / "manifest.json").write_text('{"recipe": {}}', "utf-8")
    done = duplexdata("push", folder, *DRY)
    assert done.returncode == 2
    assert str(folder) in done.stderr
    assert "a bug" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("talk",), "give owner/name"),
        (("a/b/c",), "give owner/name"),
        (("a/b", "--config-name", "data"), "--config-name data"),
        (("a/b", "--config-name", "x/y"), "--config-name x/y"),
        (("a/b", "--license", "My Own"), "--license My Own"),
        (("a/b", "--create-pr", "--revision", "v1"), "exclude each other"),
    ],
)
def test_names_that_cannot_be(
    duplexdata: Run, make_run: MakeRun, arguments: tuple[str, ...], words: str
) -> None:
    """A wrong name is told before anything is read."""
    done = duplexdata("push", make_run("duo"), *arguments, "--dry-run")
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_licence_is_refused(
    duplexdata: Run, write_dialogues: Callable[..., Path], tmp_path: Path
) -> None:
    """Of a user's own file nobody knows it: --license is asked for, and taken; the card says so."""
    answer = "It is a long answer, and it goes on and on, so that it can be cut anywhere. " * 2
    file = write_dialogues([["How are you?", answer, "And now?", answer]])
    out = tmp_path / "out"
    built = duplexdata("build", "--format", "tdm", "--source", file, "--out", out)
    assert built.returncode == 0, built.stderr
    card = (out / "README.md").read_text("utf-8")
    assert "**Licence: not known.**" in card
    assert "\nlicense:" not in card
    done = duplexdata("push", out, *DRY)
    assert done.returncode == 2
    assert f"the licence of {file} is not known" in done.stderr
    assert "--license" in done.stderr
    done = duplexdata("push", out, *DRY, "--license", "cc-by-4.0")
    assert done.returncode == 0, done.stderr
    assert "\nlicense: cc-by-4.0\n" in (out / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("names", "licence"),
    [
        (["sample"], "apache-2.0"),
        (["ultrachat"], "mit"),
        (["hf://datasets/openbmb/UltraChat@0123abc"], "mit"),
        (["ultrachat", "ultrachat_200k"], "mit"),
        (["sample", "ultrachat"], "apache-2.0"),
        (["sample", "mine.jsonl"], None),
        (["mine/ultrachat"], None),
    ],
)
def test_the_licence_is_that_of_the_sources(names: list[str], licence: str | None) -> None:
    """Known sources have one; what is unknown among them makes all of it unknown."""
    sources = [{"source": name} for name in names]
    assert licence_of(sources) == licence
    if licence is None:
        assert f"the licence of {names[-1]} is not known" in why_unknown(sources)


def test_the_licence_of_a_source_on_the_hub_is_its_cards() -> None:
    """What the manifest holds of its card goes before what is known by its name."""
    name = {"source": "owner/name", "repository": "owner/name"}
    known = {"source": "ultrachat", "repository": "openbmb/UltraChat"}
    assert licence_of([{**name, "licence": "cc-by-4.0"}]) == "cc-by-4.0"
    assert licence_of([{**known, "licence": "cc-by-4.0"}]) == "cc-by-4.0"
    assert licence_of([known]) == "mit"
    mixed = [{**name, "licence": "cc-by-nc-4.0"}, known]
    assert licence_of(mixed) is None
    assert "owner/name (cc-by-nc-4.0), ultrachat (mit) are not known to go" in why_unknown(mixed)


@pytest.mark.parametrize(
    ("said", "more", "licence"),
    [
        ("license: cc-by-4.0", (), "cc-by-4.0"),
        ("license: [mit]", ("--source", "sample"), "apache-2.0"),
        ("license: cc-by-4.0", ("--source", "sample"), None),
        ("license: other", (), None),
        ("pretty_name: Chats", (), None),
    ],
)
def test_a_streamed_source_brings_its_licence(
    publisher: Publisher, tmp_path: Path, said: str, more: tuple[str, ...], licence: str | None
) -> None:
    """That of its card at the commit that was read; without one, build --push ends at exit 2."""
    chats = {"README.md": f"---\n{said}\n---\n".encode(), "train.jsonl": lines(dialogues(0, 6))}
    put_dataset(publisher.hub.folder, "someone/chats", chats)
    out = tmp_path / "out"
    flags = ("--format", "duo", "--source", "someone/chats", *more)
    done = publisher.run("build", *flags, "--out", out, "--push", "someone/talk")
    if licence:
        assert done.returncode == 0, done.stderr
        assert f"\nlicense: {licence}\n" in publisher.file("someone/talk", "README.md")
        return
    assert done.returncode == 2
    assert f"duplexdata push {out} someone/talk --license LICENCE" in done.stderr
    assert "someone/chats" in done.stderr
    assert not (publisher.hub.folder / "datasets" / "someone" / "talk").exists()
    publisher.push(out, "someone/talk", "--license", "cc-by-4.0")
    assert "\nlicense: cc-by-4.0\n" in publisher.file("someone/talk", "README.md")


def write(folder: Path, *tables: pa.Table) -> list[str]:
    """Tables as files of a folder."""
    (folder / "data").mkdir()
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"data/train-{number}.parquet")
    return [f"data/train-{number}.parquet" for number in range(len(tables))]


NESTED = pa.list_(pa.struct([("role", pa.string()), ("state", pa.null())]))


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([pa.table({"a": pa.nulls(2)})], "the column a is of type null"),
        ([pa.table({"a": pa.array([[], []], NESTED)})], "is of type null"),
        ([pa.table({"a": [1]}), pa.table({"a": ["1"]})], "has another schema"),
    ],
)
def test_what_the_viewer_would_not_show(tmp_path: Path, tables: list[pa.Table], words: str) -> None:
    """Null columns, at any depth, and shards of several schemas are refused."""
    paths = write(tmp_path, *tables)
    with pytest.raises(PublishError, match=words):
        check_viewer(tmp_path, paths)


def test_large_row_groups_are_refused(tmp_path: Path) -> None:
    """A row group at the bound is refused, one below it is not."""
    paths = write(tmp_path, pa.table({"a": [f"{number:09}" for number in range(1000)]}))
    size = pq.read_metadata(tmp_path / paths[0]).row_group(0).total_byte_size
    check_viewer(tmp_path, paths, most_bytes=size + 1)
    with pytest.raises(PublishError, match=r"row group 0 has [\d,]+ bytes.*smaller block_rows"):
        check_viewer(tmp_path, paths, most_bytes=size)


def _with_a_null_column(table: pa.Table) -> pa.Table:
    return table.append_column("note", pa.nulls(table.num_rows))


def _with_another_schema(table: pa.Table) -> pa.Table:
    return table.append_column("note", pa.array(["a"] * table.num_rows))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_with_a_null_column, "the column note is of type null"),
        (_with_another_schema, "has another schema than data/train-00000.parquet"),
    ],
)
def test_push_looks_at_the_shards_before_it_asks_the_hub(
    publisher: Publisher,
    make_run: MakeRun,
    change: Callable[[pa.Table], pa.Table],
    words: str,
) -> None:
    """Shards that the viewer would not show end a push at once: exit 2, and nothing is sent."""
    folder = make_run("tdm_blocks" if change is _with_another_schema else "duo")
    path = "data/train-00001.parquet" if change is _with_another_schema else None
    rewrite_shard(folder, change, *([path] if path else []))
    done = publisher.run("push", folder, "someone/talk")
    assert done.returncode == 2
    assert words in done.stderr
    assert publisher.hub.stats()["log"] == []


def test_push_refuses_a_large_row_group(publisher: Publisher, make_run: MakeRun) -> None:
    """A row group of 286 MiB, which compresses to little, is refused before anything is asked."""
    folder = make_run("duo")

    def grow(table: pa.Table) -> pa.Table:
        # One after the other, so that no dictionary holds the text once.
        size = MOST_BYTES // table.num_rows + 1
        texts = [chr(97 + row % 26) * size + str(row) for row in range(table.num_rows)]
        return table.set_column(table.schema.names.index("generator"), "generator", [texts])

    rewrite_shard(folder, grow)
    done = publisher.run("push", folder, "someone/talk")
    assert done.returncode == 2
    assert "row group 0 has" in done.stderr
    assert "build with a smaller block_rows" in done.stderr
    assert publisher.hub.stats()["log"] == []


def test_push_is_not_imported_for_help() -> None:
    """The Hub's client is not imported before a push speaks to it."""
    code = "import sys, duplexdata.cli\nsys.exit('huggingface_hub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
