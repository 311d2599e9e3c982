"""Whose a run's folder is: finished, unfinished, another's (the contract)."""

import json
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from duplexdata.pipeline.run_folder import open_folder

from .conftest import LONG, TDM_SAMPLE, manifest_of

Run = Callable[..., subprocess.CompletedProcess[str]]
WriteDialogues = Callable[..., Path]


def test_finished_run_says_so(duplexdata: Run, tmp_path: Path) -> None:
    """The same command on a finished folder changes nothing and is exit 0."""
    arguments = ("build", *TDM_SAMPLE, "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    before = (tmp_path / "out" / "run.json").read_bytes()
    done = duplexdata(*arguments)
    assert done.returncode == 0
    assert "already finished" in done.stderr
    assert (tmp_path / "out" / "run.json").read_bytes() == before


def test_folder_of_another_recipe_is_refused_with_the_difference(
    duplexdata: Run, tmp_path: Path
) -> None:
    """Exit 2 with the knob that differs; --overwrite builds anew."""
    arguments = ("build", "--format", "tdm", "--source", "sample", "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    refused = duplexdata(*arguments, "--seed", "7")
    assert refused.returncode == 2
    assert "recipe.seed: 7, there 0" in refused.stderr
    assert manifest_of(tmp_path / "out")["recipe"]["seed"] == 0
    assert duplexdata(*arguments, "--seed", "7", "--overwrite").returncode == 0
    assert manifest_of(tmp_path / "out")["recipe"]["seed"] == 7


def test_changed_source_of_a_finished_run_is_said(
    duplexdata: Run, write_dialogues: WriteDialogues, tmp_path: Path
) -> None:
    """A finished folder whose source has changed since is not called finished."""
    source = write_dialogues([["a?", LONG, "b?", LONG]])
    arguments = ("build", "--format", "tdm", "--source", source, "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    write_dialogues([["a?", LONG, "c?", LONG]])
    done = duplexdata(*arguments)
    assert done.returncode == 2
    assert "has changed" in done.stderr


def test_foreign_folder_is_left_alone(duplexdata: Run, tmp_path: Path) -> None:
    """A folder with other files is refused, also with --overwrite, and keeps them."""
    (tmp_path / "thesis.txt").write_text("years of work")
    for more in ((), ("--overwrite",)):
        done = duplexdata(
            "build", "--format", "tdm", "--source", "sample", "--out", tmp_path, *more
        )
        assert done.returncode == 2
        assert "thesis.txt" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_default_folder(duplexdata: Run, write_dialogues: WriteDialogues, tmp_path: Path) -> None:
    """Without --out a run goes to outputs/<format>-<stem of the first source>-<seed>."""
    write_dialogues([["a?", LONG, "b?", LONG]], "talks.v2.jsonl")
    done = duplexdata(
        *("build", "--format", "duo", "--source", "talks.v2.jsonl", "--seed", "3"), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "outputs" / "duo-talks.v2-3" / "manifest.json").is_file()


def test_two_builds_at_once_are_refused(duplexdata: Run, tmp_path: Path) -> None:
    """A folder that another process is building is left to it."""
    (tmp_path / "out" / ".work").mkdir(parents=True)
    (tmp_path / "out" / ".work" / "spool").write_text("of the other build")
    with FileLock(tmp_path / "out" / ".work" / "lock"):
        done = duplexdata(
            "build", "--format", "tdm", "--source", "sample", "--out", tmp_path / "out"
        )
        assert done.returncode == 2
        assert "another build" in done.stderr
        assert (tmp_path / "out" / ".work" / "lock").exists()
        assert (tmp_path / "out" / ".work" / "spool").exists()


def test_unfinished_folder_of_another_recipe_is_refused(duplexdata: Run, tmp_path: Path) -> None:
    """Finished blocks of another recipe are no start for this one."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("block_rows = 40\n")
    arguments = ("build", *TDM_SAMPLE, "--config", recipe, "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    work = tmp_path / "out" / ".work"
    (work / "blocks").mkdir(parents=True)
    (work / "blocks" / "00000.json").write_text("{}")
    identity = {"recipe": {**manifest_of(tmp_path / "out")["recipe"], "seed": 5}}
    (work / "identity.json").write_text(json.dumps(identity))
    (tmp_path / "out" / "manifest.json").unlink()
    refused = duplexdata(*arguments)
    assert refused.returncode == 2
    assert "there 5" in refused.stderr


def test_of_a_difference_what_was_chosen_is_said_first(duplexdata: Run, tmp_path: Path) -> None:
    """Who asks a model has other prompts, too; their hashes tell a reader nothing."""
    arguments = ("build", *TDM_SAMPLE, "--limit", "5", "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    refused = duplexdata(*arguments, "--llm", "fake")
    assert refused.returncode == 2
    assert 'llm: "fake", there "offline"' in refused.stderr


def test_edited_transitions_of_a_finished_folder_are_said(duplexdata: Run, tmp_path: Path) -> None:
    """A folder that was built with other sentences is not called finished."""
    own, recipe = tmp_path / "own.toml", tmp_path / "recipe.toml"
    own.write_text('[generation_termination]\nstop = ["Cut!"]\n')
    recipe.write_text(f'[transitions]\nen = "{own}"\n')
    arguments = ("build", *TDM_SAMPLE, "--config", recipe, "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    own.write_text('[generation_termination]\nstop = ["Cut it!"]\n')
    refused = duplexdata(*arguments)
    assert refused.returncode == 2
    assert "transitions.en" in refused.stderr


def test_a_finished_folder_that_lost_a_file_is_said(duplexdata: Run, tmp_path: Path) -> None:
    """A folder whose shards are gone is not called finished."""
    arguments = ("build", *TDM_SAMPLE, "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    (tmp_path / "out" / "data" / "train-00000.parquet").unlink()
    refused = duplexdata(*arguments)
    assert refused.returncode == 2
    assert "train-00000.parquet" in refused.stderr
    assert duplexdata(*arguments, "--overwrite").returncode == 0


def test_a_broken_manifest_can_be_overwritten(duplexdata: Run, tmp_path: Path) -> None:
    """A manifest that is no JSON is said; --overwrite starts anew, as the message tells."""
    arguments = ("build", *TDM_SAMPLE, "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    (tmp_path / "out" / "manifest.json").write_text("{")
    assert "--overwrite" in duplexdata(*arguments).stderr
    assert duplexdata(*arguments, "--overwrite").returncode == 0


def test_a_new_file_in_a_source_folder_is_said(
    duplexdata: Run, write_dialogues: WriteDialogues, tmp_path: Path
) -> None:
    """A finished folder whose source has a file more is not called finished."""
    (tmp_path / "in").mkdir()
    write_dialogues([["a?", LONG, "b?", LONG]], "in/one.jsonl")
    arguments = ("build", "--format", "tdm", "--source", tmp_path / "in", "--out", tmp_path / "out")
    assert duplexdata(*arguments).returncode == 0
    write_dialogues([["c?", LONG, "d?", LONG]], "in/two.jsonl")
    done = duplexdata(*arguments)
    assert done.returncode == 2
    assert "two.jsonl" in done.stderr


def test_a_users_files_in_data_are_left_alone(duplexdata: Run, tmp_path: Path) -> None:
    """A folder with a data/ and README.md of the user's own is refused and keeps them."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("years of work")
    (tmp_path / "README.md").write_text("mine")
    done = duplexdata("build", *TDM_SAMPLE, "--out", tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "data" / "thesis.txt").read_text() == "years of work"
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_shard_of_an_earlier_try_does_not_stay(duplexdata: Run, tmp_path: Path) -> None:
    """One that this build does not write: the sources may hold fewer rows now."""
    out = tmp_path / "out"
    for name in (".work/identity.json", "data/train-00099.parquet", "data/notes.txt"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("{}")
    done = duplexdata("build", *TDM_SAMPLE, "--out", out)
    assert done.returncode == 0, done.stderr
    assert {one.name for one in (out / "data").iterdir()} == {"train-00000.parquet", "notes.txt"}


def test_a_finished_run_begun_again_is_finished_only_if_it_is_whole(tmp_path: Path) -> None:
    """Else it stays as what can go on: nothing of it is removed."""
    shard = tmp_path / "data" / "train-00000.parquet"
    shard.parent.mkdir()
    shard.write_bytes(b"rows")
    told = {"sha256": sha256(b"rows").hexdigest(), "bytes": 4}
    manifest = {"recipe": {}, "files": {"data/train-00000.parquet": told}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for replaced in (False, True):
        with open_folder(tmp_path, {}, overwrite=False) as folder:
            folder.begin_again()
            if replaced:
                shard.write_bytes(b"others")
        assert (tmp_path / "manifest.json").exists() is not replaced
        assert (tmp_path / ".work").exists() is replaced
        assert shard.exists()
    with open_folder(tmp_path, {}, overwrite=False):
        shard.write_bytes(b"rows")
    assert (tmp_path / "manifest.json").exists()
