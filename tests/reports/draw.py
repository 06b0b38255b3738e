"""Draws the picture of docs/calibration-report.md: the report of the worked example, its pages side by side.

python tests/reports/draw.py docs/pictures/calibration-report.png
"""

import io
import sys
from pathlib import Path

from PIL import Image

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from support import reports  # noqa: E402

from devicectl.reports.calibration import report_pictures  # noqa: E402

GAP = 8


def draw(path: Path) -> None:
    """Write the picture to ``path``."""
    pages = [Image.open(io.BytesIO(page)).convert("L") for page in report_pictures(reports.golden(), ppi=80)]
    width = sum(page.width for page in pages) + GAP * (len(pages) + 1)
    sheet = Image.new("L", (width, pages[0].height + 2 * GAP), 150)
    left = GAP
    for page in pages:
        sheet.paste(page, (left, GAP))
        left += page.width + GAP
    sheet.quantize(16).save(path, optimize=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
