"""Strips to PNG without a browser. Blocks and braille are drawn as geometry, so a picture has no hairlines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from rich.color import Color
from rich.style import Style
from textual._context import visible_screen_stack
from textual.strip import Strip

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:  # pragma: no cover
    raise ImportError("Pictures need Pillow, a development dependency: pip install pillow") from error

RGB = tuple[int, int, int]
FONT: Final = "DejaVuSansMono{}.ttf"
GROUND: Final[RGB] = (21, 24, 26)
_QUADRANTS: Final = {c: bits for bits, c in enumerate(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█")}
_BRAILLE: Final = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
_ARMS: Final = {  # up, right, down, left
    "─": "0101", "━": "0101", "│": "1010", "┌": "0110", "┐": "0011", "└": "1100", "┘": "1001",
    "╭": "0110", "╮": "0011", "╰": "1100", "╯": "1001",
}  # fmt: skip


def paint(strips: Iterable[Strip], path: Path | str, cell_height: int = 20) -> None:
    """Write ``strips`` to a PNG; a cell is half as wide as high.

    Raises:
        OSError: the font DejaVu Sans Mono is not installed, or the file cannot be written.
    """
    rows = [list(strip) for strip in strips]
    width, height = cell_height // 2, cell_height
    fonts = {
        bold: ImageFont.truetype(FONT.format("-Bold" if bold else ""), int(height * 0.8)) for bold in (False, True)
    }
    columns = max(sum(segment.cell_length for segment in row) for row in rows)
    image = Image.new("RGB", (columns * width, len(rows) * height), GROUND)
    draw = ImageDraw.Draw(image)
    for y, row in enumerate(rows):
        x = 0
        for segment in row:
            if segment.control:
                continue
            fg, bg = _colours(segment.style or Style.null())
            font = fonts[bool(segment.style and segment.style.bold)]
            for char in segment.text:
                box = (x * width, y * height, width, height)
                draw.rectangle((box[0], box[1], box[0] + width - 1, box[1] + height - 1), fill=bg)
                _glyph(draw, char, box, fg, font)
                x += 1
    image.save(path, optimize=True)


def app_strips(app: Any) -> list[Strip]:
    """What a running Textual application shows, all screens of its stack (a private call: Textual is pinned)."""
    visible_screen_stack.set(app._background_screens)
    strips: list[Strip] = app.screen._compositor.render_strips()
    return strips


def paint_app(app: Any, path: Path | str, cell_height: int = 20) -> None:
    """Picture of what a running application shows."""
    paint(app_strips(app), path, cell_height)


def _colours(style: Style) -> tuple[RGB, RGB]:
    def rgb(colour: Color | None, fallback: RGB) -> RGB:
        if colour is None or colour.is_default:
            return fallback
        red, green, blue = colour.get_truecolor()
        return red, green, blue

    fg, bg = rgb(style.color, (224, 224, 224)), rgb(style.bgcolor, GROUND)
    return (bg, fg) if style.reverse else (fg, bg)


def _glyph(draw: Any, char: str, box: tuple[int, int, int, int], fg: RGB, font: Any) -> None:
    left, top, w, h = box
    if char in " \u00a0\u2800":
        return
    if char in _QUADRANTS:
        for bit, (qx, qy) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
            if _QUADRANTS[char] >> bit & 1:
                x, y = left + qx * (w // 2), top + qy * (h // 2)
                draw.rectangle((x, y, x + w // 2 - 1, y + h // 2 - 1), fill=fg)
    elif 0x2800 < ord(char) <= 0x28FF:
        radius = max(1, w // 8)
        for bit, (dx, dy) in enumerate(_BRAILLE):
            if (ord(char) - 0x2800) >> bit & 1:
                x, y = left + (2 * dx + 1) * w // 4, top + (2 * dy + 1) * h // 8
                draw.rectangle((x - radius, y - radius, x + radius - 1, y + radius - 1), fill=fg)
    elif char in _ARMS:
        _lines(draw, char, box, fg)
    else:
        draw.text((left + w / 2, top + h * 0.74), char, font=font, fill=fg, anchor="ms")


def _lines(draw: Any, char: str, box: tuple[int, int, int, int], fg: RGB) -> None:
    left, top, w, h = box
    x, y, thick = left + w // 2, top + h // 2, 3 if char == "━" else 1
    ends = ((x, top), (left + w - 1, y), (x, top + h - 1), (left, y))
    for arm, end in zip(_ARMS[char], ends, strict=True):
        if arm == "1":
            draw.line((x, y, *end), fill=fg, width=thick)
