"""That these very files passed `validate`: by its record, or by validating them here."""

from ..errors import PublishError
from ..screen import Screen
from ..validate import leave_record, proves, validate
from .contents import Contents


def ensure_validated(contents: Contents, screen: Screen) -> None:
    """Says by what the files are known to keep the rules; validates them where nothing says so.

    Raises:
        PublishError: they break a rule.
    """
    record = proves(contents.folder, contents.hashes)
    if record is not None:
        screen.say(f"validated: {record['rows']:,} rows, no breach (validation.json)")
        return
    screen.say("validating: no validation.json is about these very files")
    report = validate(contents.folder)
    leave_record(contents.folder, report)
    if report.breaches:
        raise PublishError(
            f"{contents.folder} breaks the rules, first: {report.first[0]}\n"
            f"see all: duplexdata validate {contents.folder}"
        )
    screen.say(f"validated: {report.rows:,} rows, no breach")
