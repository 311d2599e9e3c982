"""The independent proof that rows keep the contract.

It shares no code with what makes the rows: of the package it imports only the
tokenizers, the words of a message, the errors, and the JSON Schemas. What it
checks is written again from the contract's words.

    path ──parts──▶ Part ──rows──▶ Row ──tdm, duo, released──▶ Verdict ──▶ Report
    sources ──source, layouts, join, along──▶ SourceDialogue ──agree──▶ Verdict
    manifest ──settings, folder──▶ Report
    stage.json, scripts, slices ──stage, stage_rows──▶ Row
"""

from .either import validate
from .record import leave_record, proves
from .report import CHECKS, Breach, Report

__all__ = ["CHECKS", "Breach", "Report", "leave_record", "proves", "validate"]
