"""Pairing: making a pen obey. Sends no command, so a system that repeats what was refused repeats nothing that moves."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakKeyDictionary

from bleak import BleakClient
from bleak.exc import BleakGATTProtocolError

from drivers.api import PenError

from .agent import PairingAgent
from .errors import code_of, refusal, untrusted
from .radio import PasskeyRadio, PasskeySource, Radio

PAIR_S: Final = 12.0

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""One pairing at a time of each program: the system asks one agent, a radio one source of passkeys, for all pens."""


async def pair(
    address: str, client: BleakClient, radio: Radio, passkey: PasskeySource | None, probe: Callable[[], Awaitable[None]]
) -> None:
    """Have a bond and encryption, then see by ``probe`` whether the pen accepts them. Raises :class:`PenError`."""
    asked: list[PairingAgent] = []
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    try:
        async with turn, _answering(client.address, radio, passkey, asked):
            try:
                await client.pair()
            except NotImplementedError:
                pass  # macOS pairs by itself at the first access that needs it, which is the probe
            try:
                await probe()
            except BleakGATTProtocolError as error:
                # Any other answer comes from behind the pen's check of bond and encryption.
                if untrusted(error):
                    raise
    except Exception as error:
        raise _explained(address, error, asked, passkey is not None) from error


@asynccontextmanager
async def _answering(
    address: str, radio: Radio, passkey: PasskeySource | None, asked: list[PairingAgent]
) -> AsyncIterator[None]:
    """While inside, whoever asks for the passkey gets it: BlueZ asks an agent, other radios ask what they are given."""
    if radio.client is None and sys.platform == "linux":
        async with PairingAgent(address, passkey) as agent:
            asked.append(agent)
            yield
    elif isinstance(radio, PasskeyRadio) and passkey is not None:
        before, radio.ask_passkey = radio.ask_passkey, passkey
        try:
            yield
        finally:
            radio.ask_passkey = before
    else:
        yield


def _explained(address: str, error: Exception, asked: list[PairingAgent], given: bool) -> PenError:
    code = code_of(error)
    if any(agent.asked for agent in asked) and code in ("pairing-refused", "not-trusted"):
        # BlueZ has one word for all of it; the agent knows what was asked.
        code = "wrong-passkey"
    if code == "wrong-passkey" and not given:
        code = "no-passkey"
    return refusal(address, error, code)
