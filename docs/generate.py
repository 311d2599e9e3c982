"""Writes docs/commands.md from the commands' own help: python docs/generate.py."""

from pathlib import Path

import typer.main
from typer.testing import CliRunner

from duplexdata.cli import app

PAGE = Path(__file__).parent / "commands.md"
WIDTH = 96


def commands_page() -> str:
    """The command reference, a section a command."""
    parts = [
        "# Commands",
        "",
        "Written from the commands' own help by `python docs/generate.py`.",
        "",
        *_section("duplexdata", []),
    ]
    for name in sorted(typer.main.get_group(app).commands):
        parts += _section(f"duplexdata {name}", [name])
    return "\n".join(parts).rstrip() + "\n"


def _section(title: str, arguments: list[str]) -> list[str]:
    environment = {"TERMINAL_WIDTH": str(WIDTH), "COLUMNS": str(WIDTH)}
    help_text = CliRunner().invoke(
        app, [*arguments, "--help"], prog_name="duplexdata", env=environment, terminal_width=WIDTH
    )
    lines = [line.rstrip() for line in help_text.stdout.strip().splitlines()]
    return [f"## {title}", "", "```text", *lines, "```", ""]


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
