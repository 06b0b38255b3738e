"""Pictures of the screens for the documentation: ``python -m tui.pictures OUTDIR [NAME-WIDTHxHEIGHT ...]``."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tui import calibration_scenes as calibrations
from tui import scenes
from tui import treatment_scenes as treatments
from tui.gallery import Scene, gallery
from tui.painter import paint_app
from tui.palettes import COLOURLESS, CONTRAST, DARK, LIGHT
from tui.theme import Look

SIZES: Final = ((80, 24), (120, 40), (200, 60))

SCENES: Final = (
    Scene("needling", scenes.needling()),
    Scene("idle", scenes.IDLE),
    Scene("alarm", scenes.alarmed()),
    Scene("not-still", scenes.not_still()),
    Scene("stopped", scenes.stopped()),
    Scene("stale", scenes.needling(), age_s=0.4),
    Scene("silent", scenes.needling(), age_s=2.4),
    Scene("watching", scenes.watching()),
    Scene("start", scenes.IDLE, ("g",)),
    Scene("refused", scenes.IDLE, ("g",), sheet=scenes.start_sheet(ok=False)),
    Scene("reason", scenes.IDLE, ("g", "o", *"runs", "underscore", *"from"), sheet=scenes.start_sheet(ok=False)),
    Scene("overridden", scenes.IDLE, ("g",), sheet=scenes.overridden_sheet()),
    Scene("pens", scenes.no_session(), ("p",)),
    Scene("air", scenes.no_session(), ("p",), air=True),
    Scene("on-air", scenes.on_air()),
    Scene("passkey", scenes.no_session(), ("p", "1", "s", "b", *"1234"), air=True),
    Scene("session", scenes.no_session(), ("s", "t")),
    Scene("values", scenes.IDLE, ("i", "1", "full_stop", "2", "5")),
    Scene("log", scenes.needling(), ("l",)),
    Scene("alarms", scenes.not_still(), ("A",)),
    Scene("help", scenes.IDLE, ("question_mark",)),
    Scene("arriving", treatments.arriving(), ("w",)),
    Scene("sign-in", treatments.arriving(), ("w", "enter")),
    Scene("locked", treatments.locked()),
    Scene("clients", treatments.at_work(), ("w", "enter")),
    Scene("file", treatments.at_work(), ("w", "enter", "tab")),
    Scene("record", treatments.at_work(), ("w", "enter", "tab", "down", "enter")),
    Scene("amendment", treatments.at_work(), ("w", "enter", "tab", "down", "enter", *["down"] * 10, "enter")),
    Scene("event-state", treatments.at_work(), ("w", "enter", "tab", *["down"] * 5, "enter", "2")),
    Scene("moved", treatments.at_work(), ("w", "enter", "tab", *["down"] * 7, "f7")),
    Scene("patches", treatments.patched(), ("z",)),
    Scene("patched", treatments.patched()),
    Scene("protocols", treatments.at_work(), ("w", "enter", "down", "down", "enter")),
    Scene("steps", treatments.charted(), ("w",)),
    Scene("checklist", treatments.charted(), ("w", "enter", "3", "1", "2")),
    Scene("form", treatments.charted(), ("w", "down", "down", "enter", "f2")),
    Scene("plan", treatments.charted()),
    Scene("plan-needling", treatments.charted(scenes.needling())),
    Scene("plan-alarm", treatments.charted(scenes.alarmed())),
    Scene("plan-colourless", treatments.charted(scenes.alarmed()), look=Look(COLOURLESS)),
    Scene("numbing", treatments.numbing()),
    Scene("direction", treatments.charted(), ("u",)),
    Scene("result", treatments.charted(), ("k", "enter", "enter", "2", "1", "1")),
    Scene("sign", treatments.whole(), ("w", "enter")),
    Scene("steps-alarm", treatments.charted(scenes.alarmed()), ("w",)),
    Scene("steps-stale", treatments.charted(), ("w",), age_s=0.4),
    Scene("calibrations", calibrations.at_bench(), ("C",), calibration="none"),
    Scene("calibrate-refused", calibrations.at_bench(calibrations.PRACTITIONER), ("C",)),
    Scene("calibration-plan", calibrations.at_bench(), ("C", "down", "enter", "down"), calibration="none"),
    Scene("measure", calibrations.at_bench(), ("C", "Y", *"1.0"), calibration="measuring"),
    Scene("due", calibrations.at_bench(), ("C", *["down"] * 3, "enter"), calibration="none"),
    Scene("chart", calibrations.at_bench(), ("C", *["down"] * 4, "enter"), calibration="none"),
    Scene("judged", calibrations.at_bench(), ("C",), calibration="judged"),
    Scene("judged-plot", calibrations.at_bench(), ("C", "tab"), calibration="judged"),
    Scene("budget", calibrations.at_bench(), ("C", "tab", "tab"), calibration="judged"),
    Scene("found-bad", calibrations.at_bench(), ("C",), calibration="found-bad"),
    Scene("adjust", calibrations.at_bench(), ("C", "l"), calibration="found-bad"),
    Scene("as-left", calibrations.at_bench(), ("C",), calibration="as-left"),
    Scene("theme", scenes.IDLE, ("t",), look=Look(LIGHT)),
    Scene("light", scenes.alarmed(), look=Look(LIGHT)),
    Scene("contrast", scenes.alarmed(), look=Look(CONTRAST)),
    Scene("ascii", scenes.alarmed(), look=Look(DARK, ascii=True)),
    Scene("colourless", scenes.alarmed(), look=Look(COLOURLESS)),
    Scene("plainest", scenes.IDLE, ("g",), look=Look(COLOURLESS, ascii=True)),
)


def by_look(wanted: Iterable[Scene]) -> list[tuple[Look, list[Scene]]]:
    """Scenes that one application can show: those of one palette and one set of characters."""
    found: dict[tuple[str, bool], list[Scene]] = {}
    for scene in wanted:
        found.setdefault((scene.look.palette.name, scene.look.ascii), []).append(scene)
    return [(group[0].look, group) for group in found.values()]


async def main(folder: Path, names: tuple[str, ...] = ()) -> None:
    """Paint every scene at each size into an existing folder; with ``names`` only those."""
    for size, (look, group) in itertools.product(SIZES, by_look(SCENES)):
        wanted = {f"{scene.name}-{size[0]}x{size[1]}": scene for scene in group}
        wanted = {name: scene for name, scene in wanted.items() if not names or name in names}
        if wanted:
            async with gallery(size, look) as shown:
                for name, scene in wanted.items():
                    await shown.enter(scene)
                    paint_app(shown.app, folder / f"{name}.png")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tui.pictures OUTDIR [NAME-WIDTHxHEIGHT ...]")
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(out, tuple(sys.argv[2:])))
