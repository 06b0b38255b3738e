"""``make bench``: measures every row in turn, prints one table, keeps it as JSON, fails when a bound is missed.

``run.py [--only a,d] [--json] [--quick] [--keep FILE]``. Everything is measured on the machine at hand, each row in turn
with its own reference; bounds are ratios, so a slow machine does not miss them for being slow.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Final

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
if str(HERE) in sys.path:
    sys.path.remove(str(HERE))
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.lab import Lab  # noqa: E402
from bench.measure import Line, table  # noqa: E402

ROWS: Final = ("e", "f", "c", "a", "i", "b", "j", "h", "k", "d", "g")
"""In this order: cheap ones first, and the long computation last, when nothing is left that it could disturb."""


def measure(rows: str, lab: Lab, say: Any = lambda text: None) -> list[Line]:
    """Every wanted row; one that breaks becomes a line that says so, and the others go on."""
    found: list[Line] = []
    for row in (r for r in ROWS if r in rows):
        began = time.perf_counter()
        say(f"row {row} …")
        try:
            found += importlib.import_module(f"bench.row_{row}").measure(lab)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            found.append(Line(row, "could not be measured", "", failure=f"{type(error).__name__}: {error}"))
        say(f"row {row}: {time.perf_counter() - began:.0f} s")
    return sorted(found, key=lambda line: line.row)


def machine() -> dict[str, Any]:
    """What it was measured on; nothing that names the machine."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def main(arguments: list[str]) -> int:
    """Run from the command line; 0 when every bound is met."""
    parser = argparse.ArgumentParser(prog="make bench", description="Times and loads, measured on this machine.")
    parser.add_argument("--only", default="abcdefghijk", metavar="ROWS", help="rows to measure, such as a,d")
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the table")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it runs, proves nothing")
    parser.add_argument("--keep", type=Path, default=ROOT / "build" / "bench.json", help="where the JSON goes")
    options = parser.parse_args(arguments)
    wanted = options.only.replace(",", "").replace(" ", "")
    if unknown := set(wanted) - set(ROWS):
        parser.error(f"there is no row {', '.join(sorted(unknown))}; rows are a to k")
    began, surroundings = time.perf_counter(), machine()
    with Lab(quick=options.quick) as lab:
        lines = measure(wanted, lab, lambda text: print(text, file=sys.stderr, flush=True))
    seconds = time.perf_counter() - began
    missed = sorted({line.row for line in lines if line.verdict in ("MISSED", "ERROR")})
    result = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": options.quick,
        "seconds": round(seconds, 1),
        "machine": surroundings,
        "missed": missed,
        "lines": [line.as_json() for line in lines],
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    options.keep.parent.mkdir(parents=True, exist_ok=True)
    options.keep.write_text(text + "\n", encoding="utf-8")
    if options.json:
        print(text)
    else:
        print(table(lines))
        load = f"load {surroundings['load']:.1f} before, {os.getloadavg()[0]:.1f} after"
        print(f"\n{seconds:.0f} s on {surroundings['cores']} cores, {load}; kept in {options.keep}")
        if missed:
            print(f"Missed or not measured: rows {', '.join(missed)}.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
