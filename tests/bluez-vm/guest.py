"""In the guest: starts the real bluetoothd, then plays the BlueZ stories against it, each with a limit of 30 s.

The exit status is the number of stories that failed. What reaches into the pens goes to the host by a serial port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from support.bluez.play import Cast, bluez
from support.bluez.play import power as set_power
from support.bluez.stories import STORIES

STEP_S = 30.0
OUT = Path("/mnt/out")
BLUETOOTHD = "/usr/libexec/bluetooth/bluetoothd"
PORT = "devicectl.hand"


class Guest:
    """The real thing as a stage."""

    def __init__(self) -> None:
        names = Path("/sys/class/virtio-ports").glob("*/name")
        port = next(path.parent.name for path in names if path.read_text().strip() == PORT)
        self._hand = os.open(f"/dev/{port}", os.O_RDWR)
        self._asking = asyncio.Lock()
        self._daemon: asyncio.subprocess.Process | None = None

    async def do(self, what: str, pen: Cast, **values: Any) -> Any:
        question = json.dumps({"what": what, "address": pen.address, **values}).encode() + b"\n"
        async with self._asking:
            answer = json.loads(await asyncio.to_thread(self._ask, question))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["is"]

    def _ask(self, question: bytes) -> bytes:
        os.write(self._hand, question)
        answer = b""
        while not answer.endswith(b"\n"):
            answer += os.read(self._hand, 4096)
        return answer

    async def service(self, on: bool) -> None:
        if not on:
            assert self._daemon is not None
            self._daemon.kill()
            await self._daemon.wait()
            return
        with (OUT / "bluetoothd.log").open("ab") as log:
            self._daemon = await asyncio.create_subprocess_exec(BLUETOOTHD, "-n", stdout=log, stderr=log)
        async with asyncio.timeout(STEP_S):
            while not await self._switched_on():
                await asyncio.sleep(0.2)

    async def _switched_on(self) -> bool:
        with contextlib.suppress(AssertionError):
            await set_power(True)
            return True
        return False


async def main() -> int:
    started = asyncio.get_running_loop().time()
    guest = Guest()
    await guest.service(True)
    adapter = await bluez("/org/bluez/hci0", "org.freedesktop.DBus.Properties", "GetAll", "s", "org.bluez.Adapter1")
    print(f"adapter {adapter[0]['Address'].value} is on", flush=True)
    failed = 0
    wanted = (OUT / "stories").read_text().split()
    for story in STORIES:
        name = story.__name__.replace("_", " ")
        if wanted and story.__name__ not in wanted:
            continue
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(STEP_S):
                await story(guest)
        except Exception as error:
            failed += 1
            verdict = "FAILED"
            with (OUT / "failures.txt").open("a") as file:
                print(f"== {name}", "".join(traceback.format_exception(error)), sep="\n", file=file)
        else:
            verdict = "ok"
        print(f"{verdict:6} {asyncio.get_running_loop().time() - begun:5.1f} s  {name}", flush=True)
    print(f"{failed} failed, {asyncio.get_running_loop().time() - started:.0f} s in all", flush=True)
    return failed


sys.exit(asyncio.run(main()))
