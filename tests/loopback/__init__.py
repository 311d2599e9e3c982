"""An OpenAI-compatible server on this machine, in a process of its own, with faults on demand."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from duplexdata.tests.loopback.knobs import flags_of

MODULE = "duplexdata.tests.loopback.openai_server"


@dataclass(frozen=True)
class Loopback:
    """A server that runs.

    Attributes:
        process: the server's.
        port: where it listens on 127.0.0.1.
    """

    process: subprocess.Popen[str]
    port: int

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> dict[str, Any]:
        """What the server has counted; the keys are told in `state.State.told`."""
        return self._get("_stats")

    def wait(
        self, name: str, least: int, running: subprocess.Popen[Any] | None = None, later: float = 0
    ) -> None:
        """Returns once a count of `stats` is as high, or a process has ended.

        Args:
            name: of the count.
            least: that it must be.
            running: the process, where it may end before.
            later: so many seconds after that.
        """
        whose = str(running.pid if running else 0)
        if running is not None:
            threading.Thread(target=self._let_go, args=(running, whose), daemon=True).start()
        asked = f"_wait?whose={whose}&name={name}&least={least}&later={later}"
        self._get(asked, timeout=600)

    def _let_go(self, running: subprocess.Popen[Any], whose: str) -> None:
        """Ends a wait with the process that it is for."""
        running.wait()
        with suppress(OSError):  # the server has ended too
            self._get(f"_let_go?whose={whose}", b"{}")

    def config(self, **knobs: Any) -> dict[str, Any]:
        """Changes knobs (`knobs.Knobs`) while the server runs, and gives all of them.

        Raises:
            ValueError: no such knob, or a value that it cannot have.
        """
        return self._get("_config", json.dumps(knobs).encode())

    def reset(self) -> None:
        """Forgets all counts, tries, files and batches; the knobs stay."""
        self._get("_reset", b"{}")

    def kill(self) -> None:
        """Kills the server; a dead one stays dead."""
        self.process.kill()
        self.process.wait()

    def _get(self, path: str, data: bytes | None = None, timeout: float = 60) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/{path}", data, timeout=timeout
            ) as reply:
                told: dict[str, Any] = json.load(reply)
        except urllib.error.HTTPError as wrong:
            with wrong:
                raise ValueError(json.load(wrong)["error"]["message"]) from None
        return told


@contextmanager
def serve(**knobs: Any) -> Iterator[Loopback]:
    """Starts a server, waits until it listens, and kills it at the end.

    Args:
        knobs: those of `knobs.Knobs`, for instance `latency=0.2, faults=0.3`.
    """
    # The server ends with its standard input, so that none outlives a killed test.
    command = [sys.executable, "-m", MODULE, "--until-stdin-closes", *flags_of(knobs)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline().split()
            if told[:1] != ["PORT"]:
                raise RuntimeError(f"the loopback server did not start: {' '.join(command)}")
            yield Loopback(process, int(told[1]))
        finally:
            process.kill()
