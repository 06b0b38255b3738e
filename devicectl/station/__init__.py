"""The station: the process that owns the pens and the writing database connection, and the messages to it."""
