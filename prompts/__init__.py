"""Texts in the project's own words, one folder a language; a user may replace them."""
