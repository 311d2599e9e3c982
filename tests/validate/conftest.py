"""Builds that the tests of the validator start from: clean ones, made once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Built = Callable[[str, str], Path]


OF_ONE = "uninterrupted=1,generation_termination=1"
OF_GROUPS = "topic_interweaving=1,regeneration=1,dialogue_reset=1"
ALL = f"{OF_ONE},{OF_GROUPS},back_on_topic=1"


@pytest.fixture(scope="session")
def clean_build(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A run's folder by format and source, with a validation split; each is built once."""
    return _builder(tmp_path_factory, OF_ONE)


@pytest.fixture(scope="session")
def clean_groups(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same, of the types that join dialogues, and of answers given anew."""
    return _builder(tmp_path_factory, OF_GROUPS)


@pytest.fixture(scope="session")
def clean_statements(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same, of all types, with statements."""
    return _builder(tmp_path_factory, ALL, "0.7")


def _builder(tmp_path_factory: pytest.TempPathFactory, rates: str, statements: str = "0") -> Built:
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
                    *("--rates", rates, "--statements", statements),
                ],
                check=True,
                capture_output=True,
            )
            made[key] = out
        return made[key]

    return build
