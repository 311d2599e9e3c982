"""The sums of a manifest."""

from typing import Any

import pytest

from duplexdata.pipeline.export.manifest import wrong_sums
from duplexdata.pipeline.export.shards import WrittenFile

SHARDS = [WrittenFile("data/train-00000.parquet", 7, 1, "")]


def counted(**changed: Any) -> dict[str, Any]:
    """Counts that add up, but for what is changed."""
    return {
        "source_rows": 10,
        "kept": 8,
        "rejected": {"duplicate": 2},
        "drawn": {"uninterrupted": 8},
        "in_rows": {"uninterrupted": 7},
        "left_out": {"no_cuttable_answer": {"uninterrupted": 1}},
        "planned": {"uninterrupted": 7},
        "written": {"uninterrupted": 7},
        "unbuilt": {},
        "splits": {"train": 7},
        "languages": {"en": 7},
        "generators": {"source": 7},
        **changed,
    }


def test_sums_that_add_up_pass() -> None:
    """Nothing is said of sums that add up."""
    assert wrong_sums(counted(), SHARDS, 0) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"source_rows": 11}, "source rows"),
        ({"rejected": {"duplicate": 1}}, "source rows"),
        ({"in_rows": {"uninterrupted": 6}}, "uninterrupted"),
        ({"left_out": {}}, "uninterrupted"),
        ({"planned": {"uninterrupted": 8}}, "to be written"),
        ({"written": {"uninterrupted": 6}}, "shards"),
        ({"splits": {"train": 6}}, "splits"),
        ({"languages": {"en": 6}}, "languages"),
        ({"generators": {"source": 8}}, "generators"),
    ],
)
def test_a_row_too_few_or_too_many_is_an_error(changed: dict[str, Any], named: str) -> None:
    """Whatever is lost or made up, the sum that tells of it is named."""
    found = wrong_sums(counted(**changed), SHARDS, 0)
    assert found
    assert any(named in one for one in found)


def test_samples_bound_the_rows() -> None:
    """With --samples N rows are written, or all if there are fewer."""
    assert wrong_sums(counted(planned={"uninterrupted": 9}), SHARDS, 7) == []
    assert len(wrong_sums(counted(), SHARDS, 6)) == 1


def test_rows_that_could_not_be_built_are_taken_off_the_sample() -> None:
    """Of N sampled rows those that were refused or removed are fewer, and no more than those."""
    changed = {"planned": {"uninterrupted": 9}, "unbuilt": {"uninterrupted": 2}}
    assert wrong_sums(counted(**changed), SHARDS, 9) == []
    assert wrong_sums(counted(**changed), SHARDS, 10, removed=1) == []
    assert len(wrong_sums(counted(**changed), SHARDS, 10)) == 1
