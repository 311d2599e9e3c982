"""A store as a whole: its size, what is pruned, and replies that travel as Parquet."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.errors import RecipeError, StoreError
from duplexdata.pipeline.generate.cache import export_replies, import_replies, prune, sizes
from duplexdata.pipeline.generate.database import open_to_write
from duplexdata.pipeline.generate.request import Tokens
from duplexdata.pipeline.generate.store import Replies, Store
from duplexdata.tests.generate.asked import reply, request


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a store with 20 replies of one model and 5 of another, which are older."""
    path = tmp_path / "replies.sqlite3"
    store = Store(path)
    for number in range(20):
        store.put(request(number), reply(f"为什么 {number}"), Tokens(10, number))
    for number in range(5):
        store.put(request(number, model="strong"), reply("strong"), Tokens(7, 1))
    store.close()
    connection = open_to_write(path)
    connection.execute("UPDATE replies SET created = 1000 WHERE model = 'strong'")
    connection.close()
    return path


def test_sizes(path: Path, tmp_path: Path) -> None:
    """Rows, bytes and tokens, by model and kind."""
    small, strong = sizes(path)
    assert (small.model, small.kind, small.rows, small.tokens) == (
        "fake-small",
        "fuse",
        20,
        Tokens(200, 190),
    )
    assert (strong.model, strong.rows, strong.tokens) == ("strong", 5, Tokens(35, 5))
    assert strong.size > 5 * len(reply("strong"))
    assert sizes(tmp_path / "nothing.sqlite3") == []


def test_prune(path: Path, tmp_path: Path) -> None:
    """Each condition forgets what it names; together they forget what all of them name."""
    keep = [request(number).key for number in range(3)]
    assert prune(path, before=1000) == 0
    assert prune(path, before=1001, model="fake-small") == 0
    assert prune(path, keep=keep, model="fake-small") == 17
    before = path.stat().st_size
    assert prune(path, before=1001) == 5
    assert path.stat().st_size <= before
    with Replies(path) as replies:
        assert not replies.missing(keep)
    assert prune(path, keep=[]) == 3
    assert prune(tmp_path / "nothing.sqlite3", keep=[]) == 0
    with pytest.raises(RecipeError, match="prune"):
        prune(path)


def test_travel(path: Path, tmp_path: Path) -> None:
    """An export, imported, is the same store; importing again adds nothing."""
    out, other = tmp_path / "all.parquet", tmp_path / "other" / "replies.sqlite3"
    assert export_replies(path, out) == (25, 0)
    assert import_replies(other, out) == (25, 0)
    assert import_replies(other, out) == (0, 25)
    assert sizes(other) == sizes(path)
    again = tmp_path / "again.parquet"
    export_replies(other, again)
    assert again.read_bytes() == out.read_bytes()
    assert [file.name for file in tmp_path.glob(".*")] == []
    rows = pq.read_table(out).to_pylist()
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
    assert {row["raw"] for row in rows} > {reply("为什么 7"), reply("strong")}


def test_some_travel(path: Path, tmp_path: Path) -> None:
    """The replies of a run can be exported alone; what is not there is counted."""
    out, other = tmp_path / "some.parquet", tmp_path / "other.sqlite3"
    wanted = [request(number).key for number in (3, 3, 5, 99)]
    assert export_replies(path, out, wanted) == (2, 1)
    import_replies(other, out)
    with Replies(other) as replies:
        assert replies.get(request(3).key) == reply("为什么 3")
        assert replies.missing(wanted) == [request(99).key]


def test_first_reply_stays(path: Path, tmp_path: Path) -> None:
    """An import replaces nothing."""
    out, other = tmp_path / "all.parquet", tmp_path / "other.sqlite3"
    export_replies(path, out)
    store = Store(other)
    store.put(request(1), reply("mine"), Tokens(1, 1))
    store.close()
    assert import_replies(other, out) == (24, 1)
    with Replies(other) as replies:
        assert replies.get(request(1).key) == reply("mine")


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("key", request(77).key, "the key is not that of the request"),
        ("base_url", "http://elsewhere/v1", "the key is not that of the request"),
        ("attempt", 1, "the key is not that of the request"),
        ("request", "{", "not a request"),
        ("raw", None, "holds no reply"),
        ("raw", "not json", "holds no reply"),
        ("tokens_in", None, "a number is not there"),
    ],
)
def test_wrong_row(path: Path, tmp_path: Path, column: str, value: object, told: str) -> None:
    """A row that was tampered with is named, and none of its batch is added."""
    out, other = tmp_path / "all.parquet", tmp_path / "other.sqlite3"
    export_replies(path, out)
    table = pq.read_table(out)
    rows = table.to_pylist()
    rows[6][column] = value
    pq.write_table(pa.Table.from_pylist(rows, table.schema), out)
    with pytest.raises(StoreError, match=rf"all\.parquet, row 7: .*{told}"):
        import_replies(other, out)
    assert sizes(other) == []


def test_damaged(path: Path, tmp_path: Path) -> None:
    """A request that cannot be unpacked is a store that is damaged."""
    with closing(open_to_write(path)) as connection:
        connection.execute("UPDATE replies SET request = x'00ff00' WHERE model = 'strong'")
    with pytest.raises(StoreError, match=r"replies\.sqlite3: damaged"):
        export_replies(path, tmp_path / "all.parquet")
    assert not list(tmp_path.glob("*all.parquet*"))


def test_a_folder(tmp_path: Path) -> None:
    """A folder where the store should be is said to be one."""
    with pytest.raises(StoreError, match="is a folder"):
        sizes(tmp_path)
    with pytest.raises(StoreError, match="is a folder"):
        export_replies(tmp_path, tmp_path / "all.parquet")


@pytest.fixture
def unwritable(path: Path) -> Iterator[Path]:
    """The store in a folder that may not be written to; root, who may all, is someone else."""
    if not hasattr(os, "seteuid"):
        pytest.skip("no users here")
    user = os.geteuid()
    with TemporaryDirectory() as folder:
        store = Path(shutil.copy(path, folder))
        store.chmod(0o444)
        Path(folder).chmod(0o555)
        if user == 0:
            os.seteuid(65534)
        try:
            yield store
        finally:
            os.seteuid(user)
            Path(folder).chmod(0o755)


def test_reading_writes_nothing(unwritable: Path) -> None:
    """What only reads a store needs to write nothing beside it."""
    assert sum(one.rows for one in sizes(unwritable)) == 25
    with Replies(unwritable) as replies:
        assert replies.get(request(3).key) == reply("为什么 3")
    with TemporaryDirectory() as folder:
        assert export_replies(unwritable, Path(folder) / "all.parquet").rows == 25
    with pytest.raises(StoreError, match="name another --cache"):
        Store(unwritable)


def test_no_export(path: Path, tmp_path: Path) -> None:
    """A file that is no export, and a store that is not there, are named."""
    file = tmp_path / "rows.parquet"
    file.write_text("text")
    with pytest.raises(StoreError, match=r"rows\.parquet: cannot be read"):
        import_replies(path, file)
    pq.write_table(pa.table({"key": ["a"]}), file)
    with pytest.raises(StoreError, match="column kind is not there"):
        import_replies(path, file)
    with pytest.raises(StoreError, match=r"missing\.parquet"):
        import_replies(path, tmp_path / "missing.parquet")
    with pytest.raises(StoreError, match="no store of replies is there"):
        export_replies(tmp_path / "nothing.sqlite3", file)
    with pytest.raises(StoreError, match="nowhere"):
        export_replies(path, tmp_path / "nowhere" / "out.parquet")
