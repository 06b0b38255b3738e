"""A pseudo-terminal's number is reused: after its simulated pen has ended, nothing of ours opens it any more."""

from __future__ import annotations

import asyncio

import pytest
from support.rig import Rig

from devicectl.station.runtime import SimulatorsGone
from drivers.address import parse_address
from drivers.api import Lost, PenError
from drivers.reconnect import KeepConnected
from simulator.announce import announce
from simulator.virtual_time import run_virtual


async def test_only_what_was_announced_once_and_is_not_now(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(tmp_path))
    gone = SimulatorsGone()
    pen, other = parse_address("serial:///dev/pts/4711"), parse_address("serial:///dev/ttyACM0")
    assert await gone(pen) is None
    with announce(str(pen), "Reference pen", "REF-1", "pty"):
        assert await gone(pen) is None
    assert "has ended" in (await gone(pen) or "")
    assert await gone(other) is None
    with announce(str(pen), "Reference pen", "REF-2", "pty"):
        assert await gone(pen) is None


def test_nothing_is_opened_while_the_pen_is_absent() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.keeper.close()
        failures: list[PenError] = []
        why: str | None = "gone"

        async def absent() -> str | None:
            return why

        keeper = KeepConnected(rig.pen, failures.append, absent)
        keeper.start()
        await asyncio.sleep(10)
        assert failures
        assert not any(isinstance(item, Lost) for item in rig.inputs)
        assert not rig.pen.statistics.bytes_out
        why = None
        await rig.until(lambda: rig.pen.connected, 6)
        await keeper.close()
        await rig.down()

    run_virtual(main())
