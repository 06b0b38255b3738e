"""The dashboard's screens. Row 0 is the title, row 1 the alarms, the last rows are STOP, on every one of them."""
