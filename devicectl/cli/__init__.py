"""The command line: one file per command group, none of them imported before it is needed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from devicectl import _layout

    try:
        _layout.check()
    except _layout.LayoutError as error:
        print(f"devicectl: {error}", file=sys.stderr)
        sys.exit(1)
    from .app import run

    sys.exit(run(sys.argv[1:]))
