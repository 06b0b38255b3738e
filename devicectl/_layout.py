"""Makes sure that the five top-level packages are our own, before anything else is imported.

Two of the names, ``migrations`` and ``drivers``, are so common that another project in the same environment or in the
current folder may bring its own; pip overwrites ours without a word. A database upgraded by a stranger's migrations is
worse than a program that does not start, so the command line calls `check` first.
"""

import os
import re
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import Final

PACKAGES: Final = ("devicectl", "drivers", "simulator", "tui", "migrations")

_MARKER: Final = re.compile(rb"^__devicectl_package__ *= *[\"']devicectl[\"']", re.MULTILINE)
_HOME: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_REMEDY: Final = "install devicectl into a virtual environment of its own"


class LayoutError(RuntimeError):
    """A top-level package is missing, shadowed or overwritten; the text is one sentence for the user."""


def check(home: str | os.PathLike[str] | None = None) -> None:
    """Verify that each of the five packages lies beside this one and carries its marker.

    Imports none of them and takes well under 2 ms: it asks the import system where each package would come from and
    reads the start of its ``__init__.py``.

    Args:
        home: the folder that must hold the packages; by default the one that holds ``devicectl`` itself.

    Raises:
        LayoutError: with one plain sentence that names the package, where it was found and what to do.
    """
    expected = _HOME if home is None else os.path.abspath(home)
    for name in PACKAGES:
        _check_one(name, expected)


def _check_one(name: str, home: str) -> None:
    ours = os.path.join(home, name)
    spec = _spec(name)
    if spec is None:
        raise LayoutError(f"The package {name!r} of devicectl is missing from {home}: {_REMEDY} (or install it again).")
    if spec.origin is None:
        places = list(spec.submodule_search_locations or ())
        if any(_same(place, ours) for place in places):
            raise LayoutError(
                f"The package {name!r} of devicectl is incomplete, {ours} has no __init__.py: {_REMEDY} again."
            )
        raise LayoutError(_shadowed(name, places[0] if places else "an unknown place", ours))
    found = os.path.dirname(spec.origin)
    if not spec.submodule_search_locations:
        raise LayoutError(_shadowed(name, spec.origin, ours))
    if not _same(found, ours):
        raise LayoutError(_shadowed(name, found, ours))
    if not _marked(spec.origin):
        raise LayoutError(
            f"The package {name!r} of devicectl was overwritten by another project's in {found}: {_REMEDY}."
        )


def _spec(name: str) -> ModuleSpec | None:
    """Where `name` comes from; a module already imported answers for itself."""
    try:
        return find_spec(name)
    except ValueError:  # imported, but by something that left no spec behind
        origin = getattr(sys.modules.get(name), "__file__", None)
        return ModuleSpec(name, None, origin=origin) if origin else None


def _shadowed(name: str, found: str, ours: str) -> str:
    return (
        f"The package {name!r} is not devicectl's own, Python found {found} before {ours}: {_REMEDY} "
        "and start it by its command, not with python -m or PYTHONPATH."
    )


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _marked(init: str) -> bool:
    try:
        # pathlib would cost more than all the rest of this module.
        with open(init, "rb") as file:
            return _MARKER.search(file.read()) is not None
    except OSError:
        return False
