"""Two runs side by side: what made them, what they count, which rows differ.

A, B ──rows──▶ Rows, Shape ──compare──▶ Difference ──text──▶ lines, Markdown
"""
