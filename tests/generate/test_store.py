"""Replies are kept once, whole, and safe from the end of the process."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from duplexdata.pipeline.errors import AskingError, StoreError
from duplexdata.pipeline.generate import database
from duplexdata.pipeline.generate.cache import sizes
from duplexdata.pipeline.generate.database import store_path
from duplexdata.pipeline.generate.request import Tokens
from duplexdata.pipeline.generate.store import COMMIT_ROWS, Replies, Store
from duplexdata.tests.generate.asked import reply, request

USED = Tokens(10, 5)

CHILD = """
import sys
from pathlib import Path
from duplexdata.pipeline.generate.request import Tokens
from duplexdata.pipeline.generate.store import Store
from duplexdata.tests.generate.asked import reply, request

path, who, first, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = Store(path)
kept = [store.put(request(n), reply(f"{who} {n}"), Tokens(1, 1)) for n in range(first, last)]
store.flush()
print(sum(one.result() == reply(f"{who} {n}") for n, one in enumerate(kept, first)), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a store."""
    return tmp_path / "replies.sqlite3"


def child(path: Path, who: str, first: int, last: int) -> subprocess.Popen[str]:
    """A process that keeps the replies of these numbers, says how many are its own, and stays."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, path, who, str(first), str(last)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> int:
    """What a child says."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_put_and_get(path: Path) -> None:
    """What is put is found under its key, by whoever opens the store, once it is committed."""
    store = Store(path)
    assert store.get(request().key) is None
    raw = '{"choices": [], "text": "为什么 \\ud83d \\u0000"}'
    assert store.put(request(), raw, USED).result() == raw
    with Replies(path) as others:
        assert others.get(request().key) == raw
        assert others.get(request(attempt=1).key) is None
        assert others.missing([request(1).key, request().key]) == [request(1).key]
    store.close()
    with Replies(path) as others:
        assert others.get(request().key) == raw


def test_no_store_yet(path: Path) -> None:
    """Where there is no file nothing is found, and none is made by looking."""
    with Replies(path) as replies:
        assert replies.get(request().key) is None
        assert not path.exists()
        store = Store(path)
        store.put(request(), reply(), USED).result()
        assert replies.get(request().key) == reply()
        store.close()


def test_many(path: Path) -> None:
    """More rows than a commit holds are all kept; `flush` and `close` wait for them."""
    store = Store(path)
    first = [store.put(request(n), reply(str(n)), USED) for n in range(2 * COMMIT_ROWS + 1)]
    store.flush()
    assert all(one.done() for one in first)
    last = store.put(request(-1), reply(), USED)
    store.close()
    assert last.result() == reply()
    with Replies(path) as replies:
        assert not replies.missing(request(n).key for n in range(-1, 2 * COMMIT_ROWS + 1))
    with pytest.raises(RuntimeError):
        store.put(request(), reply(), USED)


def test_first_reply_stays(path: Path) -> None:
    """Of two replies to one request both runs are given the one that was kept first."""
    one, other = Store(path), Store(path)
    assert one.put(request(), reply("first"), USED).result() == reply("first")
    assert other.put(request(), reply("second"), USED).result() == reply("first")
    twice = [other.put(request(1), reply(text), USED) for text in "ab"]
    assert [kept.result() for kept in twice] == [reply("a")] * 2
    one.close()
    other.close()


def copied(path: Path) -> Path:
    """The named file alone, elsewhere."""
    (path.parent / "copy").mkdir()
    return Path(shutil.copy(path, path.parent / "copy"))


def test_the_file_alone_holds_all(path: Path) -> None:
    """Once a store is closed a copy of its file has all replies, whoever has it open to read."""
    store = Store(path)
    with Replies(path) as others:
        kept = [store.put(request(n), reply(str(n)), USED) for n in range(50)]
        assert kept[-1].result() == store.get(request(49).key) == others.get(request(49).key)
        store.close()
        with Replies(copied(path)) as copy:
            assert not copy.missing(request(n).key for n in range(50))


def test_closed_while_another_process_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who closes does not wait for who reads: what is left in the log is folded in by the next."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 3600.0)  # a wait would not end here
    store = Store(path)
    store.put(request(0), reply(), USED).result()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM replies").fetchall()
    store.put(request(1), reply(), USED).result()
    ending = threading.Thread(target=store.close, daemon=True)
    ending.start()
    ending.join(60)
    assert not ending.is_alive()
    with Replies(path) as replies:
        assert replies.get(request(1).key) == reply()
    reader.execute("COMMIT")
    Store(path).close()
    with Replies(copied(path)) as copy:
        assert copy.get(request(1).key) == reply()
    reader.close()


def test_two_processes(path: Path) -> None:
    """Two runs write into one new store at once; each reply is of one of them, none is lost."""
    children = [child(path, who, 0, 2000) for who in "ab"]
    own = [said(process) for process in children]
    for process in children:
        process.communicate("")
    assert sum(own) == 2000
    with Replies(path) as replies:
        assert not replies.missing(request(n).key for n in range(2000))


def test_killed(path: Path) -> None:
    """What was flushed outlives SIGKILL, and the store can be written to afterwards."""
    with child(path, "a", 0, 700) as process:
        assert said(process) == 700
        process.kill()
    store = Store(path)
    assert not store.missing(request(n).key for n in range(700))
    assert store.put(request(700), reply(), USED).result() == reply()
    store.close()


def test_no_room(path: Path) -> None:
    """Where the disk takes no more, the reply's future says so in a line, and what is kept stays.

    A limit on the size of the child's files stands for the disk.
    """
    store = Store(path)
    store.put(request(), reply(), USED).result()
    store.close()
    program = f"""
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
from duplexdata.pipeline.errors import AskingError
from duplexdata.pipeline.generate.request import Tokens
from duplexdata.pipeline.generate.store import Store
from duplexdata.tests.generate.asked import reply, request
store = Store(Path({str(path)!r}))
try:
    store.put(request(1), reply("x" * 1_000_000), Tokens(1, 1)).result()
except AskingError as error:
    print(error)
print(store.put(request(2), reply("y"), Tokens(1, 1)).result())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    told, after = done.stdout.splitlines()
    assert str(path) in told
    assert "make room" in told
    assert after == reply("y")
    with Replies(path) as replies:
        assert replies.missing(request(n).key for n in range(3)) == [request(1).key]


def garbage(path: Path) -> None:
    """Bytes that are no database."""
    path.write_bytes(b"no database at all, but long enough to be read as one" * 100)


def foreign(path: Path) -> None:
    """A database of another program."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE cookies (name TEXT)")
    connection.close()


def newer(path: Path) -> None:
    """A store of a version to come."""
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("spoil", [garbage, foreign, newer])
def test_no_store(path: Path, spoil: object) -> None:
    """What is no store of ours is named, refused to writers and readers, and left as it is."""
    assert callable(spoil)
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"replies\.sqlite3.*--cache"):
        Store(path)
    with pytest.raises(StoreError, match=r"replies\.sqlite3.*--cache"), Replies(path) as replies:
        replies.get(request().key)
    assert path.read_bytes() == before


def test_damaged(path: Path) -> None:
    """A page that was overwritten is an error that names the file, not a missing reply."""
    store = Store(path)
    for number in range(300):
        store.put(request(number), reply("x" * 500), USED)
    store.close()
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[4096 * page : 4096 * page + 64] = b"\xa5" * 64
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"replies\.sqlite3: damaged"), Replies(path) as replies:
        replies.missing(request(number).key for number in range(300))


@pytest.mark.parametrize("raw", ["not json", "", "[]", "null", '{"choices": ['])
def test_no_reply(path: Path, raw: str) -> None:
    """A row that holds no reply is a store that is damaged, and is said to be one."""
    with closing(Store(path)) as store:
        store.put(request(), raw, USED).result()
        store.put(request(1), '{"choices": [], "x": NaN, "y": "\\ud83d"}', USED).result()
        with pytest.raises(StoreError, match=r"replies\.sqlite3: damaged.*--cache"):
            store.get(request().key)
        assert store.get(request(1).key) is not None


def test_a_folder(path: Path) -> None:
    """A folder where the file should be is said to be one, to who writes and who reads."""
    path.mkdir()
    for opens in (Store, lambda path: Replies(path).get(request().key)):
        with pytest.raises(StoreError, match=r"replies\.sqlite3: is a folder"):
            opens(path)


@pytest.mark.parametrize("tokens", [10**19, -1, 2**63 - 1])
def test_tokens_without_bound(path: Path, tokens: int) -> None:
    """What a server says of tokens, whatever it is, keeps no reply of the same commit out."""
    with closing(Store(path)) as store:
        kept = [store.put(request(n), reply(str(n)), Tokens(tokens, tokens)) for n in range(9)]
        kept.append(store.put(request(9), reply("9"), USED))
        assert [one.result() for one in kept] == [reply(str(n)) for n in range(10)]
    (size,) = sizes(path)
    assert 0 <= size.tokens.prompt < 2**63


def test_nowhere_to_be(tmp_path: Path) -> None:
    """A folder that cannot be made is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file.*--cache"):
        Store(tmp_path / "file" / "replies.sqlite3")


def test_busy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that another process holds too long is an error that says so."""
    monkeypatch.setattr("duplexdata.pipeline.generate.database.BUSY_SECONDS", 0.05)
    store = Store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(AskingError, match="another process"):
        store.put(request(), reply(), USED).result()
    other.execute("COMMIT")
    other.close()
    assert store.put(request(), reply(), USED).result() == reply()
    store.close()


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag wins over the variable, the variable over the user's cache."""
    monkeypatch.setenv("DUPLEXDATA_CACHE", str(tmp_path / "variable"))
    assert store_path(tmp_path) == tmp_path / "replies.sqlite3"
    assert store_path() == tmp_path / "variable" / "replies.sqlite3"
    monkeypatch.delenv("DUPLEXDATA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    if sys.platform == "linux":
        assert store_path() == tmp_path / "home" / "duplexdata" / "replies.sqlite3"


HOMELESS = """
import os
import platformdirs
from duplexdata.pipeline.errors import DuplexdataError
from duplexdata.pipeline.generate.database import store_path
from duplexdata.pipeline.mirror import staging_folder
for name in ("HOME", "DUPLEXDATA_CACHE", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
os.setuid(2_000_000)
for place in (store_path, lambda: staging_folder("s3://bucket/run")):
    try:
        place()
    except DuplexdataError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="root alone can be another")
def test_where_there_is_no_home() -> None:
    """A container may run by a number that no user has."""
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS], capture_output=True, text=True, check=True, timeout=60
    )
    cache, url = done.stdout.splitlines()
    assert "--cache" in cache
    assert "HOME" in url
