"""Alarm conditions: what is wrong, how urgent, whether somebody has seen it. Knows nothing of pens or screens."""
