"""Every screen at three sizes as plain text: as it is, with alarms, with values that are old, and locked.

One file holds a screen at a size: first the whole of it, then the rows that an alarm or an old view change. A lock closes
whatever was open, so what it shows is the same for every screen of one view; that is compared, and kept once for each view.
``UPDATE_GOLDENS=1`` writes the files anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.gallery import Gallery, Scene, gallery
from tui.pictures import SCENES, SIZES, by_look

GOLDENS = Path(__file__).parent / "goldens"
COLOURED = ("light", "contrast")
"""As text these are the alarm scene once more."""
UNCHANGED = "as above\n"


def differing(before: str, after: str) -> str:
    """Rows of ``after`` that differ, each with its number."""
    pairs = zip(before.split("\n"), after.split("\n"), strict=True)
    rows = [f"{number:>2} {row}".rstrip() for number, (old, row) in enumerate(pairs) if old != row]
    return "\n".join(rows) + "\n" if rows else UNCHANGED


async def states(shown: Gallery, scene: Scene, size: tuple[int, int], locked: dict[str, str]) -> str:
    """One scene in all its states, as its file has it."""
    await shown.enter(scene)
    normal = shown.text()
    assert len(normal.splitlines()) == size[1], scene.name
    assert all(len(line) <= size[0] for line in normal.splitlines()), scene.name
    await shown.alarm()
    alarm = shown.text()
    await shown.stale()
    stale = shown.text()
    await shown.lock()
    lock = shown.text()
    assert "Locked" in lock, f"{scene.name}: what lies on the screen is not covered"
    if size == SIZES[0]:  # where there are traces they show how long it took to get there
        known = locked.setdefault(f"{scene.age_s} {scene.view}", lock)
        assert lock == known, f"{scene.name}: locked it shows more than the map behind the lock"
    parts = [normal, f"-- alarm\n{differing(normal, alarm)}", f"-- stale\n{differing(normal, stale)}"]
    if not scene.keys:
        parts.append(f"-- locked\n{differing(normal, lock)}")
    return "".join(parts)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_goldens(size: tuple[int, int]) -> None:
    wrong = []
    wanted = [scene for scene in SCENES if scene.name not in COLOURED]
    for look, group in by_look(wanted):
        locked: dict[str, str] = {}
        async with gallery(size, look) as shown:
            for scene in group:
                text = await states(shown, scene, size, locked)
                golden = GOLDENS / f"{scene.name}-{size[0]}x{size[1]}.txt"
                if os.environ.get("UPDATE_GOLDENS"):
                    golden.write_text(text, encoding="utf-8")
                if not golden.exists() or text != golden.read_text(encoding="utf-8"):
                    wrong.append(golden.name)
    assert not wrong, f"{wrong} differ; write them anew with UPDATE_GOLDENS=1 and look at what git shows"
