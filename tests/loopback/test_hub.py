"""The loopback Hub does what the Hub does, as far as the real client can tell."""

import subprocess
import sys
from pathlib import Path

import pytest

from .hub import TOKEN, Hub, serve_hub
from .hub_store import Store

BEGIN = """
import json, sys, huggingface_hub as hub
from huggingface_hub import errors
api = hub.HfApi()
KIND = {"repo_id": "someone/things", "repo_type": "dataset"}
def put(path, data, **more):
    return api.upload_file(path_or_fileobj=data, path_in_repo=path, **KIND, **more)
def get(path, **more):
    return open(api.hf_hub_download(filename=path, **KIND, **more), "rb").read()
"""


def run(hub: Hub, home: Path, code: str, token: str | None = TOKEN) -> None:
    """Runs code with the real client, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code],
        capture_output=True,
        text=True,
        check=False,
        env=hub.environment(home, token),
    )
    assert done.returncode == 0, done.stderr


def test_history_pages_and_ranges(tmp_path: Path) -> None:
    """Old revisions keep their content, trees come in pages, files in parts."""
    with serve_hub(tmp_path / "hub", page_size=3) as hub:
        run(
            hub,
            tmp_path / "home",
            """
api.create_repo(**KIND)
old = put("a/one.txt", b"old").oid
for number in range(7):
    put(f"a/{number}.txt", b"x" * number)
put("a/one.txt", b"new")
assert get("a/one.txt") == b"new"
assert get("a/one.txt", revision=old) == get("a/one.txt", revision=old[:8]) == b"old"
names = [one.path for one in api.list_repo_tree(**KIND, recursive=True)]
assert names == sorted([".gitattributes", "a", "a/one.txt", *(f"a/{n}.txt" for n in range(7))])
assert len(api.list_repo_commits(**KIND)) == 10
found = api.get_paths_info(**KIND, paths=["a", "b", "a/3.txt"])
assert [one.path for one in found] == ["a", "a/3.txt"]
put("data/big.parquet", bytes(range(256)) * 1000)
with hub.HfFileSystem().open("datasets/someone/things/data/big.parquet", block_size=1000) as file:
    file.seek(100_000)
    assert file.read(10) == (bytes(range(256)) * 1000)[100_000:100_010]
for wrong in ({"filename": "no.txt"}, {"filename": "a/1.txt", "revision": "no"}):
    try:
        api.hf_hub_download(**KIND, **wrong)
    except (errors.RemoteEntryNotFoundError, errors.RevisionNotFoundError) as error:
        assert ("revision" in wrong) == isinstance(error, errors.RevisionNotFoundError)
    else:
        raise AssertionError(wrong)
""",
        )
        assert hub.stats()["requests"]["lfs_complete"] == 1


def test_branches_pull_requests_and_who_comes_first(tmp_path: Path) -> None:
    """A branch and a pull request leave main alone; a commit on an old parent is refused."""
    with serve_hub(tmp_path / "hub") as hub:
        run(
            hub,
            tmp_path / "home",
            """
api.create_repo(**KIND)
first = put("a.txt", b"1").oid
api.create_branch(**KIND, branch="side")
put("a.txt", b"2", revision="side")
made = put("a.txt", b"3", create_pr=True)
assert made.pr_revision == "refs/pr/1"
assert [get("a.txt", revision=one) for one in ("main", "side", "refs/pr/1")] == [b"1", b"2", b"3"]
refs = api.list_repo_refs(**KIND, include_pull_requests=True)
assert [one.name for one in refs.branches] == ["main", "side"]
assert [one.name for one in refs.pull_requests] == ["refs/pr/1"]
put("a.txt", b"4", parent_commit=first)
for fault, status in (({"parent_commit": first}, 412), ({"revision": "none"}, 404)):
    try:
        put("a.txt", b"5", **fault)
    except errors.HfHubHTTPError as error:
        assert error.response.status_code == status
    else:
        raise AssertionError(fault)
try:
    api.create_repo(**KIND)
except errors.HfHubHTTPError as error:
    assert error.response.status_code == 409
else:
    raise AssertionError
api.delete_file("a.txt", **KIND)
assert api.list_repo_files(**KIND) == [".gitattributes"]
""",
        )


def test_what_is_kept_outlives_the_server(tmp_path: Path) -> None:
    """Killed and served again from its folder, the Hub holds what it held."""
    with serve_hub(tmp_path / "hub") as hub:
        run(hub, tmp_path / "home", 'api.create_repo(**KIND)\nput("a.parquet", b"1" * 99_999)')
        hub.kill()
    with serve_hub(tmp_path / "hub") as hub:
        run(hub, tmp_path / "other", 'assert get("a.parquet") == b"1" * 99_999')


def test_a_download_that_breaks_off_is_taken_up(tmp_path: Path) -> None:
    """Cut after some bytes, the client asks for the rest of the file, and gets it."""
    with serve_hub(tmp_path / "hub") as hub:
        run(hub, tmp_path / "home", 'api.create_repo(**KIND)\nput("a.parquet", b"12" * 50_000)')
        fault = {"match": "GET /_cdn/", "drop": "response", "at": 30_000, "times": 1}
        hub.config(faults=[fault])
        run(hub, tmp_path / "other", 'assert get("a.parquet") == b"12" * 50_000')
        assert hub.stats()["requests"]["large_file"] == 2


def test_a_slow_hub_is_a_hub(tmp_path: Path) -> None:
    """A delay changes nothing but the time."""
    with serve_hub(tmp_path / "hub", faults=[{"match": "/api/", "delay": 0.05}]) as hub:
        run(
            hub,
            tmp_path / "home",
            'api.create_repo(**KIND)\nput("a", b"1")\nassert get("a") == b"1"',
        )


def test_objects_are_what_they_are_said_to_be(tmp_path: Path) -> None:
    """An upload that is not the object of its address is refused, and not kept."""
    with serve_hub(tmp_path / "hub") as hub:
        oid = "0" * 64
        run(
            hub,
            tmp_path / "home",
            f"""
answer = hub.utils.get_session().put("{hub.endpoint}/_lfs/{oid}/0", content=b"something")
assert answer.status_code == 400
""",
        )
        assert not Store(tmp_path / "hub").blob(oid).exists()


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("hf_of_nobody", 401)])
def test_nobody_writes(tmp_path: Path, token: str | None, status: int) -> None:
    """Without a token, or with one of nobody, no repository is made."""
    with serve_hub(tmp_path / "hub") as hub:
        run(
            hub,
            tmp_path / "home",
            f"""
try:
    api.create_repo(**KIND)
except errors.HfHubHTTPError as error:
    assert error.response.status_code == {status}
else:
    raise AssertionError
""",
            token,
        )
