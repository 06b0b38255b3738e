"""Row e: ``devicectl --help`` against a bare click program with as many commands; whole processes, in turn."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from .lab import BenchError, Lab
from .measure import Line, figures, interleaved, ratios

OURS: Final = "import sys\nfrom devicectl.cli import main\nsys.exit(main())\n"
"""What an installed console script does."""
BARE: Final = "import sys\nfrom bare_click import main\nsys.exit(main({}))\n"


def measure(lab: Lab) -> list[Line]:
    """Both programs started from scripts of the same shape, so that only what they import and print differs."""
    from devicectl.cli.app import COMMANDS

    folder = lab.disk / "scripts"
    folder.mkdir(exist_ok=True)
    here = Path(__file__).parent
    (folder / "bare_click.py").write_text((here / "bare_click.py").read_text())
    ours, bare = folder / "ours.py", folder / "bare.py"
    ours.write_text(OURS)
    bare.write_text(BARE.format(len(COMMANDS)))
    for script, words in ((ours, "Exit codes"), (bare, f"command-{len(COMMANDS) - 1}")):
        if words not in _run(script)[1]:
            raise BenchError(f"{script.name} --help does not print its help")
    found = interleaved(5 if lab.quick else 60, lambda: _run(ours)[0], lambda: _run(bare)[0])
    a, b = (figures(values) for values in found)
    what = f"devicectl --help, against a bare click program ({len(COMMANDS)} commands)"
    return [Line("e", what, "ms", a, b, ratios(a, b, 1.3))]


def _run(script: Path) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True, check=False)
    took = (time.perf_counter() - began) * 1e3
    if done.returncode:
        raise BenchError(f"{script.name} --help failed: {done.stderr[-300:]}")
    return took, done.stdout
