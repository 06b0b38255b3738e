"""The monitor of many pens."""
