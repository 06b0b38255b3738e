"""The runtime directory: where processes of one user on one machine find each other."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any


def runtime_dir() -> Path:
    """``$DEVICECTL_RUNTIME_DIR``, else ``$XDG_RUNTIME_DIR/devicectl``, else a folder of this user in the temporary
    directory; made with mode 0700. Raises ``PermissionError`` when it belongs to somebody else."""
    named = os.environ.get("DEVICECTL_RUNTIME_DIR")
    if named:
        path = Path(named)
    elif base := os.environ.get("XDG_RUNTIME_DIR"):
        path = Path(base) / "devicectl"
    else:
        path = Path(tempfile.gettempdir()) / f"devicectl-{os.getuid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to another user; set DEVICECTL_RUNTIME_DIR to a folder of your own.")
    return path


def read_notice(path: Path) -> dict[str, Any]:
    """The JSON object in a file that another process left here. Raises ``OSError``, and ``ValueError`` for what is none."""
    import json  # not before the STOP byte has left, which needs this module

    try:
        found = json.loads(path.read_bytes())
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no object")
    return found
