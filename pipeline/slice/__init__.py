"""Cutting text into time slices, and laying slices out in time."""
