"""The other ends of row a's references, each on the master of a pseudo-terminal as the simulated pen is.

``python -m bench.peers echo|modbus`` prints the slave's name and serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import sys
import types

from .lab import raw_pty


def echo() -> None:
    """Send back what is read: the least that any round trip costs."""
    master, _slave, name = raw_pty()
    print(name, flush=True)
    while True:
        os.write(master, os.read(master, 256))


def modbus() -> None:
    """pymodbus' own server with 32 registers."""
    import serial
    from pymodbus.server import StartAsyncSerialServer
    from pymodbus.simulator import DataType, SimData, SimDevice
    from serial import serialposix

    master, _slave, name = raw_pty()
    os.set_blocking(master, False)

    class FdSerial(serialposix.Serial):
        """pyserial on a descriptor that is open already: ``fd://7``."""

        def open(self) -> None:
            real = os.open
            os.open = (
                lambda path, flags, *more: (  # type: ignore[assignment]
                    os.dup(int(str(path)[5:])) if str(path).startswith("fd://") else real(path, flags, *more)
                )
            )
            try:
                super().open()
            finally:
                os.open = real

    handler, package = types.ModuleType("bench_fd.protocol_fd"), types.ModuleType("bench_fd")
    handler.Serial = FdSerial  # type: ignore[attr-defined]
    package.__path__ = []
    sys.modules.update({"bench_fd": package, "bench_fd.protocol_fd": handler})
    serial.protocol_handler_packages.append("bench_fd")

    async def main() -> None:
        device = SimDevice(id=1, simdata=[SimData(0, values=[7] * 32, datatype=DataType.REGISTERS)])
        asyncio.get_running_loop().call_later(0.5, lambda: print(name, flush=True))
        await StartAsyncSerialServer(device, port=f"fd://{master}", baudrate=115_200)

    asyncio.run(main())


if __name__ == "__main__":
    {"echo": echo, "modbus": modbus}[sys.argv[1]]()
