"""What ``make bench`` measures: one module per row of the table, everything interleaved with its reference."""
