"""What the report counts and says."""

from duplexdata.pipeline.validate import Breach, Report
from duplexdata.pipeline.validate.report import Verdict


def test_a_row_proves_only_what_nothing_breaks_in_it() -> None:
    """A broken check and one that was left are not proved; the others are."""
    report, verdict = Report(), Verdict(("rule 1", "rule 2", "rule 3"))
    verdict.breach("rule 1", "a", "b")
    verdict.breach("rule 1", "an echo", "of it")
    verdict.leave("rule 2", "why")
    report.take(verdict, "file", 7, "id")
    assert dict(report.proved) == {"rule 3": 1}
    assert dict(report.unproved) == {("rule 2", "why"): 1}
    assert (report.breaches, report.rows_in_breach) == (1, 1)
    assert str(report.first[0]) == "file, row 7, id: rule 1: expected a; found b"


def test_the_first_breaches_of_each_check_are_shown_and_the_rest_counted() -> None:
    """The report keeps `show` breaches a check, however many there are."""
    report = Report(show=2)
    for number in range(1, 1001):
        report.breach(Breach("rule 1", "file", number, None, "a", "b"))
    report.breach(Breach("rule 3", "file", 1, None, "a", "b" * 500))
    lines = report.lines()
    assert report.breaches == 1001
    assert [one.row for one in report.first] == [1, 2, 1]
    assert "1,001 breaches between rows or of the folder: rule 1 1,000, rule 3 1" in lines
    assert lines[-1] == "  and 998 more"
    assert max(map(len, lines)) < 300


def test_the_report_says_where_breaches_lie() -> None:
    """Breaches of rows and of the set as a whole are counted apart, one is not many."""
    report, verdict = Report(rows=1, files=1), Verdict(("rule 1", "rule 2"))
    verdict.breach("rule 1", "a", "b")
    report.take(verdict, "file", 7, "id")
    assert {"1 row of 1 file", "1 breach in 1 row: rule 1 1"} <= set(report.lines())
    report.take(verdict, "file", 8, "id")
    report.breach(Breach("manifest", "manifest.json", None, None, "a", "b"))
    assert (
        "3 breaches, 2 in 2 rows, 1 between rows or of the folder: rule 1 2, manifest 1"
        in report.lines()
    )
