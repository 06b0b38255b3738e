"""The log file: for what went wrong inside, never for people's data.

``$DEVICECTL_LOG`` names it, else it lies in the user's log folder; three files of 1 MB at most.
"""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

VARIABLE: Final = "DEVICECTL_LOG"
_SIZE: Final = 1_000_000
_KEPT: Final = 2
_FORMAT: Final = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def log_path() -> Path:
    """Where the log is, whether or not it exists yet."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    from platformdirs import user_log_path

    return user_log_path("devicectl", appauthor=False) / "devicectl.log"


def set_up(level: int = logging.INFO) -> Path | None:
    """Send the program's own log and warnings into the file; answers where it is, None when it cannot be written."""
    path = log_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_SIZE, backupCount=_KEPT, encoding="utf-8")
    except OSError:
        # Without a handler of its own, logging would print into the dashboard.
        logging.getLogger().addHandler(logging.NullHandler())
        return None
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, RotatingFileHandler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    logging.getLogger("devicectl").setLevel(level)
    logging.captureWarnings(True)
    return path


def note_crash(error: BaseException) -> Path | None:
    """Write an exception with its traceback; answers where, None when that failed too."""
    path = set_up()
    if path is not None:
        logging.getLogger("devicectl").error("unexpected", exc_info=error)
    return path
