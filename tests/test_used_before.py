"""What a run used, kept over all processes that worked at it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from duplexdata.pipeline.generate.asking import Usage
from duplexdata.pipeline.generate.request import Tokens
from duplexdata.pipeline.run_folder import USED
from duplexdata.pipeline.used_before import UsedBefore, used_before

USAGE = Usage(5, 4, 3, Tokens(20, 10), 0.5, 0, 1, 0, 0, 16)


def test_kept_from_two_threads(tmp_path: Path) -> None:
    """The thread that waits for batch jobs tells what was used while the build's own does."""
    (tmp_path / USED).parent.mkdir(parents=True)
    used = UsedBefore(tmp_path)
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(used.keep, USAGE, now=True) for _ in range(300)]:
            done.result()
    again = used_before(tmp_path)
    assert (again.facts["requests"], again.cost) == (5, 0.5)
