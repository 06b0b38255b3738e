"""Every bad day of Bluetooth is one sentence with the next step and a code that stays."""

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from drivers.api import LinkRefused, NotAPen
from drivers.ble.errors import TEXTS, code_of, refusal, sentence_for, untrusted

WHERE = "ble://F0:50:45:4E:00:01"
Reason = BleakBluetoothNotAvailableReason


def dbus(name: str, text: str = "") -> BleakDBusError:
    return BleakDBusError(name, [text])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BleakBluetoothNotAvailableError("No Bluetooth adapters found.", Reason.NO_BLUETOOTH), "no-bluetooth"),
        (BleakBluetoothNotAvailableError("central", Reason.NO_BLE_CENTRAL_ROLE), "no-bluetooth"),
        (BleakBluetoothNotAvailableError("powered", Reason.POWERED_OFF), "bluetooth-off"),
        (BleakBluetoothNotAvailableError("denied", Reason.DENIED_BY_USER), "no-permission"),
        (BleakBluetoothNotAvailableError("denied", Reason.DENIED_BY_SYSTEM), "no-permission"),
        (FileNotFoundError(2, "No such file or directory"), "no-dbus"),
        (ConnectionRefusedError(111, "Connection refused"), "no-dbus"),
        (EOFError(), "no-dbus"),
        (PermissionError(13, "Permission denied"), "no-permission"),
        (dbus("org.freedesktop.DBus.Error.AccessDenied", "Rejected send message"), "no-permission"),
        (dbus("org.freedesktop.DBus.Error.ServiceUnknown", "The name is not activatable"), "no-bluetoothd"),
        (dbus("org.freedesktop.DBus.Error.Spawn.ChildExited", "exited with status 1"), "no-bluetoothd"),
        (dbus("org.freedesktop.DBus.Error.NoReply", "Message recipient disconnected"), "no-bluetoothd"),
        (dbus("org.bluez.Error.NotReady", "Resource Not Ready"), "bluetooth-off"),
        (BleakDeviceNotFoundError("F0:50:45:4E:00:01", "was not found"), "pen-not-found"),
        (BleakError("device 'dev_F0_50_45_4E_00_01' not found"), "pen-not-found"),
        (dbus("org.bluez.Error.DoesNotExist", "Does Not Exist"), "pen-not-found"),
        (dbus("org.bluez.Error.AuthenticationFailed", "Authentication Failed"), "pairing-refused"),
        (dbus("org.bluez.Error.AuthenticationRejected", "Authentication Rejected"), "pairing-refused"),
        (dbus("org.bluez.Error.AuthenticationCanceled", "Authentication Canceled"), "pairing-refused"),
        (dbus("org.bluez.Error.AuthenticationTimeout", "Authentication Timeout"), "pairing-timeout"),
        (BleakError("pairing failed: PAIRING_NOT_SUPPORTED"), "pairing-refused"),
        (BleakError("pairing failed: CONFIRM_VALUE_FAILED"), "wrong-passkey"),
        (BleakError("pairing failed: PASSKEY_ENTRY_FAILED"), "wrong-passkey"),
        (BleakError("pairing failed: TIMEOUT"), "pairing-timeout"),
        (BleakError("pairing failed: UNSPECIFIED_REASON"), "pairing-refused"),
        (BleakError("bond lost: PIN_OR_KEY_MISSING_ERROR"), "bond-lost"),
        (BleakError("no radio: it was pulled out"), "radio-absent"),
        (BleakGATTProtocolError(BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION), "not-trusted"),
        (BleakGATTProtocolError(BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION), "not-trusted"),
        (BleakGATTProtocolError(BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE), "not-trusted"),
        (dbus("org.bluez.Error.NotPermitted", "Not paired"), "not-trusted"),
        (dbus("org.bluez.Error.Failed", "le-connection-abort-by-local"), "link-lost"),
        (BleakError("Not connected"), "link-lost"),
        (BleakError("disconnected"), "link-lost"),
        (BleakError("Service Discovery has not been performed yet"), "link-lost"),
        (dbus("org.bluez.Error.Failed", "Input/output error"), "no-answer"),
        (TimeoutError(), "no-answer"),
        (BleakGATTProtocolError(BleakGATTProtocolErrorCode.UNLIKELY_ERROR), "bluetooth-failed"),
        (BleakError("something else"), "bluetooth-failed"),
        (AssertionError(), "bluetooth-failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{type(value).__name__} {value}",
)
def test_each_error_has_its_code_and_its_sentence(error: Exception, code: str) -> None:
    assert code_of(error) == code
    told = refusal(WHERE, error)
    assert isinstance(told, LinkRefused)
    assert told.code == code
    text = str(told)
    assert text.startswith(f"{WHERE}: ")
    assert text.endswith(".")
    assert "\n" not in text
    assert "ADDRESS" not in text
    if code == "bluetooth-failed" and str(error):
        assert str(error) in text, "what is not known is at least named"


def test_every_sentence_says_what_to_do() -> None:
    steps = (
        "try again",
        "bring it near",
        "bring the pen near",
        "start it",
        "give ",
        "pair again",
        "disconnect it",
        "log in again",
    )
    for code in TEXTS:
        text = sentence_for(WHERE, code)
        assert any(step in text for step in steps), text


def test_what_is_already_a_sentence_is_left_alone() -> None:
    known = NotAPen("this is no pen; choose another.")
    assert refusal(WHERE, known) is known


def test_only_the_four_errors_of_security_mean_that_a_pen_does_not_trust_us() -> None:
    bad = {code for code in range(1, 256) if untrusted(BleakGATTProtocolError(BleakGATTProtocolErrorCode(code)))}
    assert bad == {0x05, 0x08, 0x0C, 0x0F}
