"""What was built well validates, and the report says what that proves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from duplexdata.pipeline.validate import Report, validate

Built = Callable[[str, str], Path]

FILES = (
    "ultrachat_released.jsonl",
    "ultrachat_200k.jsonl",
    "ultrachat_200k.parquet",
    "ultrachat_messages_crlf.jsonl",
    "sharegpt_zh.jsonl",
    "sharegpt_gpt4.jsonl",
    "messages_with_empty_replies.jsonl",
    "oasst_trees.jsonl",
)
ROW_RULES = {
    "tdm": ("shape", "type", "rule 1", "rule 3", "rule 4", "rule 5", "rule 6"),
    "duo": ("shape", "type", "rule 1", "rule 4", "rule 5", "rule 6"),
}


def reasons(report: Report, check: str) -> list[str]:
    """Why a check is not proved."""
    return [why for name, why in report.unproved if name == check]


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_clean_build_proves_every_row_without_its_source(
    clean_build: Built, row_format: str
) -> None:
    """Without a source every rule of rows is proved, and the source is said not to be compared."""
    report = validate(clean_build(row_format, "sample"))
    assert report.breaches == 0, report.lines()
    assert report.rows == 180
    assert {report.proved[check] for check in ROW_RULES[row_format]} == {180}
    assert report.proved["rule 9"] == 180
    assert report.proved["manifest"] == 4
    assert report.proved["schema"] == 180
    assert reasons(report, "source") == ["no --source was given"]
    assert report.proved["source"] == 0


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_clean_build_proves_every_row_with_its_source(
    clean_build: Built, row_format: str
) -> None:
    """With its source every row is also proved to be its dialogue, and nothing to be lost."""
    report = validate(clean_build(row_format, "sample"), sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["source"] == 180
    assert report.proved["nothing lost"] == 90


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize("name", FILES)
def test_real_dialogues_validate(
    clean_build: Built, real_data: Path, row_format: str, name: str
) -> None:
    """Builds of real dialogues keep every rule, and hold every usable source row."""
    source = str(real_data / name)
    folder = clean_build(row_format, source)
    report = validate(folder, sources=[source])
    assert report.breaches == 0, report.lines()
    assert report.proved["source"] == report.rows > 0
    assert report.proved["nothing lost"] > 0
    assert validate(folder).breaches == 0


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_clean_build_of_groups_is_proved(clean_groups: Built, row_format: str) -> None:
    """Rows of several dialogues are proved, with their source and without."""
    folder = clean_groups(row_format, "sample")
    alone, compared = validate(folder), validate(folder, sources=["sample"])
    for report in (alone, compared):
        assert report.breaches == 0, report.lines()
        rows = {report.proved[check] for check in (*ROW_RULES[row_format], "language", "rule 9")}
        assert rows == {report.rows}
        assert report.rows > 120
        assert report.proved["groups"] == report.rows - 90
        assert report.proved["manifest"] == 4
    assert compared.proved["source"] == compared.rows
    assert compared.proved["nothing lost"] == 90


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize("name", FILES)
def test_groups_of_real_dialogues_validate(
    clean_groups: Built, real_data: Path, row_format: str, name: str
) -> None:
    """Groups of real dialogues keep every rule, and use every usable source row or name it."""
    source = str(real_data / name)
    folder = clean_groups(row_format, source)
    report = validate(folder, sources=[source])
    assert report.breaches == 0, report.lines()
    assert report.proved["source"] == report.rows > 0
    assert report.proved["nothing lost"] > 0
    assert validate(folder).breaches == 0


def test_chinese_words_are_proved_from_the_slices(clean_build: Built) -> None:
    """Words of Chinese text are made out without the source too, white space put where due."""
    report = validate(clean_build("tdm", "sample"))
    assert report.proved["rule 2"] == 180
    assert reasons(report, "rule 2") == []


def test_rules_that_a_folder_cannot_prove_are_named(clean_build: Built) -> None:
    """Rules 7 and 8 are never silently passed over."""
    lines = validate(clean_build("duo", "sample")).lines()
    unproved = lines[lines.index("not proved:") :]
    for check in ("rule 2", "rule 3", "rule 7", "rule 8"):
        assert any(line.strip().startswith(f"{check}:") for line in unproved), check
    assert lines[-1] == "no breach"


def test_a_file_is_read_with_the_manifest_of_its_folder(clean_build: Built) -> None:
    """A single data file takes its settings from the manifest, whose sums are not checked then."""
    folder = clean_build("tdm", "sample")
    report = validate(folder / "data" / "train-00000.parquet", sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["manifest"] == report.proved["nothing lost"] == 0
    assert "from manifest.json" in report.settings[0]


def test_flags_win_over_the_manifest(clean_build: Built) -> None:
    """Rows of 10 tokens a slice break rule 2 when they are read as rows of 7."""
    report = validate(clean_build("tdm", "sample"), slice_tokens=7)
    assert report.broken["rule 2"] > 100
    assert "7 tokens a slice" in report.settings[0]
    assert "--slice-tokens as given" in report.settings[0]
