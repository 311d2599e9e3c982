"""A Hugging Face Hub of one's own: a real HTTP server in a process of its own.

    with serve_hub(tmp_path / "hub") as hub:
        subprocess.run([...], env=hub.environment(tmp_path / "home"))

The real `huggingface_hub` and `datasets` talk to it where HF_ENDPOINT names it and
HF_HUB_DISABLE_XET is 1.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

TOKEN = "hf_of_someone"  # noqa: S105  # of nobody
READER = "hf_of_a_reader"
"""A token that may read, but write nowhere but under its own name."""

USERS = {TOKEN: "someone", READER: "reader"}


@dataclass(frozen=True, slots=True)
class Hub:
    """A running loopback Hub."""

    endpoint: str
    folder: Path
    process: subprocess.Popen[str]

    def environment(self, home: Path, token: str | None = TOKEN) -> dict[str, str]:
        """The environment of a client: this Hub, a home of its own, and a token."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        mine = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        return {**kept, **mine, **({"HF_TOKEN": token} if token else {})}

    def stats(self) -> dict[str, Any]:
        """What was asked for: `requests` by name, `received` bytes of LFS, `log` in order."""
        answer: dict[str, Any] = self._ask("/_loopback/stats")
        return answer

    def config(self, faults: Sequence[Mapping[str, Any]] = (), **settings: Any) -> None:
        """Takes these faults (see hub_faults.Fault) and settings in place of those before."""
        self._ask("/_loopback/config", {"faults": list(faults), **settings})

    def wait_until_held(self) -> None:
        """Returns once a fault holds a request."""
        self._ask("/_loopback/held")

    def kill(self) -> None:
        """Ends the server as a power cut would."""
        self.process.kill()
        self.process.wait()

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoint + path, data=data)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def serve_hub(
    folder: Path,
    *,
    faults: Sequence[Mapping[str, Any]] = (),
    port: int = 0,
    part_size: int = 50_000,
    page_size: int = 1000,
    users: Mapping[str, str] = USERS,
) -> Iterator[Hub]:
    """A Hub that keeps its repositories in a folder.

    Args:
        folder: a new one, or one that a Hub was served from before.
        faults: see hub_faults.Fault.
        port: 0 is any that is free.
        part_size: LFS objects above it are uploaded in parts of it, in bytes.
        page_size: entries a page of a tree.
        users: names by token.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"part_size": part_size, "page_size": page_size, "users": dict(users)}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.loopback.hub_server"),
            *(str(folder.resolve()), str(port), json.dumps({"faults": list(faults), **settings})),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline().split()
        if said[:1] != ["PORT"]:
            raise RuntimeError("the loopback Hub did not start")
        yield Hub(f"http://127.0.0.1:{said[1]}", folder, process)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
