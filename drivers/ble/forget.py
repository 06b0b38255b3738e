"""Forgetting a bond on this computer's side."""

from __future__ import annotations

import asyncio
from typing import Final

from bleak import BleakClient
from bleak.backends.device import BLEDevice

from drivers.address import Address, is_bluetooth
from drivers.api import LinkRefused

from .errors import refusal
from .find import find, in_use
from .radio import take_radio

FORGET_S: Final = 10.0


async def forget_bond(address: Address) -> None:
    """Forget what was agreed with the pen at ``address``. Raises :class:`drivers.api.PenError`.

    A name is looked for on the air first; a Bluetooth address is forgotten even when nobody is there, but not when a
    program here holds the pen.
    """
    text = str(address)
    hold = await take_radio(address.options.get("radio", ""))
    try:
        radio = hold.radio
        async with asyncio.timeout(FORGET_S):
            target: BLEDevice | str = address.where
            if is_bluetooth(address.where):
                await in_use(radio, address.where, text)
            else:
                target = await find(radio, address.where, text)
            await BleakClient(target, backend=radio.client, **radio.options).unpair()
    except NotImplementedError as error:
        raise LinkRefused(
            f"{text}: this system forgets bonds only in its own Bluetooth settings; forget the pen there.", "no-forget"
        ) from error
    except Exception as error:
        raise refusal(text, error) from error
    finally:
        await hold.release()
