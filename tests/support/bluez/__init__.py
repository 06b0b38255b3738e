"""BlueZ for the tests: stories that are played against the real one and against a stand-in, and that stand-in."""
