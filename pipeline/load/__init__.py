"""From sources to dialogues: files, row layouts, and what is rejected and why."""
