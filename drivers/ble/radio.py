"""Radios: the computer's own Bluetooth, or one that a package registers under ``devicectl.radios``.

A radio is named by a spec such as ``tcp-client:127.0.0.1:9300``; what stands before the first colon is the name of the
entry point that opens it. The empty spec is the system's own radio, driven by bleak's stock backend.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner

from drivers.api import LinkRefused

GROUP: Final = "devicectl.radios"
OPEN_S: Final = 8.0
CLOSE_S: Final = 2.0


class Radio(Protocol):
    """What bleak needs to work on another radio than the system's."""

    @property
    def scanner(self) -> type[BaseBleakScanner] | None:
        """Backend class for ``BleakScanner``; None is the platform's own."""

    @property
    def client(self) -> type[BaseBleakClient] | None:
        """Backend class for ``BleakClient``; None is the platform's own."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Further keyword arguments for both."""

    async def close(self) -> None:
        """Let go of the radio. Every link over it is then lost."""


PasskeySource = Callable[[], Awaitable[int | None]]
"""Gives the passkey that the pen shows, 0 … 999999, or None when there is none."""


@runtime_checkable
class PasskeyRadio(Protocol):
    """A radio that pairs with passkeys; what it is given is asked while we pair."""

    ask_passkey: PasskeySource | None


RadioOpener = Callable[[str], Awaitable[Radio]]
"""Opens the radio of a whole spec. Raises ``OSError`` when nothing is there, ``ImportError`` for a missing extra."""


class SystemRadio:
    """This computer's Bluetooth."""

    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None
    options: Mapping[str, Any] = {}

    async def close(self) -> None:
        """Nothing to close."""


class _Shared:
    """One open radio of a loop and how many use it."""

    def __init__(self, spec: str, opening: asyncio.Task[Radio]) -> None:
        self.spec = spec
        self.opening = opening
        self.users = 0


_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = WeakKeyDictionary()


@dataclass(slots=True)
class RadioHold:
    """One user's share of a radio; the last one to release it closes it."""

    radio: Radio
    _shared: _Shared | None = field(default=None, repr=False)

    async def release(self) -> None:
        """Give the share back; safe to call twice. Never raises."""
        shared, self._shared = self._shared, None
        if shared is not None:
            await _leave(shared)


async def take_radio(spec: str) -> RadioHold:
    """A share of the radio of ``spec``, opened if nobody on this loop has it open.

    Raises :class:`LinkRefused`: no such kind of radio, nothing there, or its package is not installed whole.
    """
    if not spec:
        return RadioHold(SystemRadio())
    loop = asyncio.get_running_loop()
    radios = _open.setdefault(loop, {})
    shared = radios.get(spec)
    if shared is None:
        point = _find(spec)
        shared = radios[spec] = _Shared(spec, loop.create_task(_opened(point, spec)))
    shared.users += 1
    try:
        radio = await asyncio.shield(shared.opening)
    except BaseException:
        await _leave(shared)
        raise
    return RadioHold(radio, shared)


async def _leave(shared: _Shared) -> None:
    shared.users -= 1
    if shared.users:
        return
    radios = _open.get(asyncio.get_running_loop(), {})
    if radios.get(shared.spec) is shared:
        del radios[shared.spec]
    opening = shared.opening
    if not opening.done():
        opening.cancel()
    elif not opening.cancelled() and opening.exception() is None:
        try:
            await asyncio.wait_for(opening.result().close(), CLOSE_S)
        except Exception:  # a radio that is gone cannot be closed properly, and nobody is helped by knowing
            pass


def _find(spec: str) -> EntryPoint:
    kind = spec.partition(":")[0]
    points = {point.name: point for point in entry_points(group=GROUP)}
    point = points.get(kind)
    if point is None:
        known = ", ".join(sorted(points)) or "none is installed"
        raise LinkRefused(
            f"'{spec}': there is no radio '{kind}' (known: {known}); without --radio the computer's own is used.",
            "unknown-radio",
        )
    return point


async def _opened(point: EntryPoint, spec: str) -> Radio:
    try:
        async with asyncio.timeout(OPEN_S):
            # What opens it may be large, and a pen may be running on this loop.
            opener: RadioOpener = await asyncio.to_thread(point.load)
            return await opener(spec)
    except ImportError as error:
        raise _incomplete(spec, error) from error
    except TimeoutError as error:
        raise LinkRefused(
            f"radio {spec}: it does not answer within {OPEN_S:.0f} s; start it anew ('devicectl simulate ble').",
            "radio-silent",
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise LinkRefused(
            f"radio {spec}: cannot be opened ({why}); start it ('devicectl simulate ble') or check --radio.",
            "radio-absent",
        ) from error


def _incomplete(spec: str, error: ImportError) -> LinkRefused:
    text = str(error)
    if "devicectl[" not in text:
        text = f"{text}; run 'make radio' in the checkout (elsewhere pip install 'devicectl[simulator-ble]')."
    return LinkRefused(f"radio {spec}: a part of it is not installed: {text}", "missing-extra")
