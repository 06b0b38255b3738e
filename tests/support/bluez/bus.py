"""A message bus of our own, in the place of the system's."""

from __future__ import annotations

import select
import shutil
import subprocess
from pathlib import Path

_ANSWER_S = 20.0
_CONFIGURATION = """<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def missing() -> str | None:
    """Why there can be no bus here, as one sentence; None when there can."""
    if shutil.which("dbus-daemon") is None:
        return "dbus-daemon is not installed; install it (Debian, Ubuntu: sudo apt install dbus-daemon)."
    return None


class PrivateBus:
    """A dbus-daemon with its socket in ``folder``, a short path. ``address`` goes into DBUS_SYSTEM_BUS_ADDRESS."""

    def __init__(self, folder: Path) -> None:
        configuration = folder / "bus.conf"
        configuration.write_text(_CONFIGURATION.format(socket=folder / "bus"))
        self._process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it complains about limits that only the system's bus needs
            text=True,
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _ANSWER_S)
        assert ready, "dbus-daemon did not say its address"
        self.address = self._process.stdout.readline().strip()

    def stop(self) -> None:
        """End it, as when the system's bus crashes; safe to call twice."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
