"""``python -m devicectl.treatment.photo_process FILE FOLDER``: take in one photograph, in a process of its own.

Decoding holds the interpreter for tens of milliseconds, and a picture may come from anywhere: neither may reach the
process that has a motor. Prints one line of JSON: what :class:`Kept` says, or ``refused`` with a sentence.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from .photos import Kept, PhotoRefused, keep, read_photo

SECONDS_MAX: Final = 60.0
_NICE: Final = 10


def take_in(path: Path, folder: Path) -> Kept:
    """Read a picture and keep its clean copy in ``folder``, in another process. Blocks: never on an event loop.

    Raises:
        PhotoRefused: it is no photograph that can be kept, or took longer than 60 s.
    """
    try:
        path = path.expanduser()
    except RuntimeError:
        raise PhotoRefused(f"There is no file {path}; check the path.") from None
    command = [sys.executable, "-P", "-m", __spec__.name, str(path), str(folder)]
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False)
        answer: dict[str, Any] = json.loads(ended.stdout)
    except subprocess.TimeoutExpired:
        raise PhotoRefused(f"{path.name} was not read within {SECONDS_MAX:.0f} s; choose a smaller picture.") from None
    except (OSError, ValueError) as error:
        raise PhotoRefused(f"{path.name} could not be read; export it anew as JPEG and try again.") from error
    if "refused" in answer:
        raise PhotoRefused(answer["refused"])
    return Kept(**{**answer, "removed": tuple(answer["removed"])})


def main() -> None:
    """What the process does."""
    path, folder = map(Path, sys.argv[1:])
    if hasattr(os, "nice"):
        os.nice(_NICE)
    try:
        photo = read_photo(path)
        keep(photo, folder)
        answer = dataclasses.asdict(photo.kept)
    except PhotoRefused as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
