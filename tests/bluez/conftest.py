"""The fixtures of these tests, which need what only Linux has."""

import sys

if sys.platform == "linux":
    from support.bluez.stage import bus, stage

    __all__ = ["bus", "stage"]
else:
    collect_ignore_glob = ["test_*.py"]
