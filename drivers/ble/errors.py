"""What bleak, BlueZ and D-Bus raise, as one sentence with the next step and a code that scripts can rely on."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from bleak.backends.device import BLEDevice
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from drivers.api import LinkRefused, PenError

UNTRUSTED: Final = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
    }
)
"""ATT errors with which a pen refuses what only a bonded, encrypted link may do."""

TEXTS: Final = {
    "no-bluetooth": "this computer has no Bluetooth adapter that is switched on for programs; plug one in and try again.",
    "bluetooth-off": "Bluetooth is switched off; switch it on in the system's settings and try again.",
    "no-permission": "the system does not let this program use Bluetooth; allow it in the system's settings "
    "(Linux: add yourself to the group 'bluetooth') and log in again.",
    "no-dbus": "the system's message bus (D-Bus) does not answer; start it ('systemctl start dbus') and try again.",
    "no-bluetoothd": "the system's Bluetooth service is not running; start it ('systemctl start bluetooth') and try again.",
    "pen-not-found": "no such pen is in reach; switch it on and bring it near. A pen that another computer holds does "
    "not show itself: disconnect it there.",
    "pen-busy": "the pen refuses the connection: another computer or program holds it; disconnect it there.",
    "pairing-refused": "the pen refused to pair; make it ready for pairing (see its manual) or, when it is bonded to "
    "another computer, forget it there, then try again.",
    "wrong-passkey": "the passkey is wrong; look at the pen for the right one and give it as ?passkey=NNNNNN.",
    "no-passkey": "the pen asks for a passkey; give the number it shows or that is printed on it as ?passkey=NNNNNN.",
    "pairing-timeout": "pairing was not finished in time; make the pen ready for pairing and try again.",
    "bond-lost": "the pen does not know this computer any more; forget the pen in the system's Bluetooth settings "
    "(or 'devicectl forget ADDRESS') and pair again.",
    "hung-up": "the pen does not stay connected; bring it near. If it is near, it may not know this computer any more: "
    "forget it in the system's Bluetooth settings (or 'devicectl forget ADDRESS') and pair again.",
    "not-trusted": "the pen obeys only a computer that it is paired with, and does not accept this pairing; forget the "
    "pen in the system's Bluetooth settings (or 'devicectl forget ADDRESS') and pair again.",
    "radio-absent": "the radio has gone; start it again ('devicectl simulate ble') or check --radio.",
    "no-answer": "the pen does not answer; bring it near, or switch it off and on.",
    "link-lost": "the connection was lost; bring the pen near, the link is tried again.",
}
"""The sentence of each code, without the address in front of it."""

# The names of errors in the Bluetooth Core Specification (HCI, volume 1 part F; SMP, volume 3 part H 3.5.5) and in
# BlueZ's D-Bus interface, as backends put them into their texts.
_WORDS: Final = (
    ("radio-absent", r"no radio"),
    ("bond-lost", r"bond lost|pin[ _]or[ _]key[ _]missing"),
    ("pairing-timeout", r"authenticationtimeout|pairing failed: timeout"),
    ("wrong-passkey", r"confirm[ _]value[ _]failed|passkey[ _]entry[ _]failed|dhkey[ _]check[ _]failed"),
    ("no-passkey", r"authentication[ _]requirements|oob[ _]not[ _]available"),
    ("pairing-refused", r"pairing[ _]not[ _](supported|allowed)|authenticationrejected|authenticationfailed"),
    ("pairing-refused", r"authenticationcanceled|repeated[ _]attempts|pairing failed"),
    ("pen-busy", r"connection[ _]rejected|connection[ _]limit|le-connection-refused|already[ _]exists"),
    ("bluetooth-off", r"notready|not[ _]powered|resource not ready"),
    ("no-bluetoothd", r"serviceunknown|namehasnoowner|spawn\.|noreply|name .* not provided"),
    ("no-permission", r"accessdenied|notauthorized|not authorized"),
    ("pen-not-found", r"unknownobject|unknownmethod|doesnotexist|device .* not found"),
    ("link-lost", r"not connected|disconnect|service discovery has not been performed|br-connection|le-connection"),
    ("no-answer", r"input/output error|connection[ _]timeout|failed[ _]to[ _]be[ _]established|timed? ?out"),
)
_REASONS: Final = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: "no-bluetooth",
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: "no-bluetooth",
    BleakBluetoothNotAvailableReason.POWERED_OFF: "bluetooth-off",
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: "no-permission",
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: "no-permission",
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: "no-permission",
    BleakBluetoothNotAvailableReason.UNKNOWN: "no-bluetooth",
}


def untrusted(error: BaseException) -> bool:
    """True when the pen refused something because the link is not bonded and encrypted as it wants it."""
    if isinstance(error, BleakGATTProtocolError):
        return error.code in UNTRUSTED
    return isinstance(error, BleakDBusError) and "not paired" in str(error).lower()


def hung_up(device: BLEDevice, error: BaseException) -> bool:
    """True when BlueZ could not stay connected to a pen that it has a key for and that was heard just now.

    A pen that has lost its key ends each connection as soon as the system encrypts it. BlueZ calls that
    ``le-connection-abort-by-local``, at which bleak tries again until its time is over. At the edge of range it says the
    same, so that this is no proof of a lost bond: only an encryption that failed is.
    """
    details = device.details
    properties = details.get("props", {}) if isinstance(details, dict) else {}
    return bool(properties.get("Paired")) and code_of(error) in ("no-answer", "link-lost")


def code_of(error: BaseException) -> str:
    """A stable word for what went wrong, a key of :data:`TEXTS`, or ``bluetooth-failed`` for what is not known."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _REASONS.get(error.reason, "no-bluetooth")
    if isinstance(error, BleakDeviceNotFoundError):
        return "pen-not-found"
    if untrusted(error):
        return "not-trusted"
    text = f"{type(error).__name__} {error}".lower()
    for code, words in _WORDS:
        if re.search(words, text):
            return code
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return "no-answer"
    if isinstance(error, PermissionError):
        return "no-permission"
    if isinstance(error, FileNotFoundError | ConnectionError | EOFError) or "dbus" in type(error).__module__:
        return "no-dbus"
    return "bluetooth-failed"


def sentence(address: str, error: BaseException) -> str:
    """One sentence for a person: what went wrong with the pen at ``address`` and what to do."""
    return sentence_for(address, code_of(error), error)


def sentence_for(address: str, code: str, error: BaseException | None = None) -> str:
    """The sentence of a code; ``error`` is named when the code has none."""
    text = (
        TEXTS.get(code)
        or f"Bluetooth failed ({error or code}); try again, and switch Bluetooth off and on if it stays."
    )
    return f"{address}: {text.replace('ADDRESS', address)}"


def refusal(address: str, error: BaseException, code: str | None = None) -> PenError:
    """``error`` as what a link raises; a :class:`PenError` is passed on as it is."""
    if isinstance(error, PenError):
        return error
    code = code or code_of(error)
    return LinkRefused(sentence_for(address, code, error), code)
