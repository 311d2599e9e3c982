"""Builds that the tests of the validator start from: clean ones, made once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Built = Callable[[str, str], Path]


@pytest.fixture(scope="session")
def clean_build(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A run's folder by format and source, with a validation split; each is built once."""
    made: dict[tuple[str, str], Path] = {}

    def build(row_format: str, source: str) -> Path:
        key = (row_format, source)
        if key not in made:
            out = tmp_path_factory.mktemp("clean") / "run"
            subprocess.run(
                [
                    *(sys.executable, "-m", "duplexdata", "build", "--format", row_format),
                    *("--source", source, "--samples", "0", "--validation", "0.2"),
                    *("--workers", "1", "--out", str(out)),
                ],
                check=True,
                capture_output=True,
            )
            made[key] = out
        return made[key]

    return build
