"""Exit codes: the one table that the help text, the commands and the documents use."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NO_PEN = 3
    RECORD = 4
    STOP = 5
    UNKNOWN = 6
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done",
    Exit.FAILED: "refused, failed, or done with an alarm or a STOP; the sentence says why",
    Exit.USAGE: "the command was not understood",
    Exit.NO_PEN: "no pen there, or its link failed",
    Exit.RECORD: "trouble with the record (the database), also when it ended a run; or its rules refuse it",
    Exit.STOP: "STOP could not be delivered to every pen",
    Exit.UNKNOWN: "the pen may or may not have done it; after STOP: nobody has seen it still",
    Exit.INTERRUPTED: "interrupted (Ctrl+C); a running pen was stopped",
}

_USAGE = frozenset(
    {
        "bad-address",
        "bad-split",
        "unknown-zone",
        "invalid-params",
        "invalid-form",
        "unknown-form",
        "bad-fault",
        "bad-schedule",
        "bad-profile",
        "bad-radio",
        "unknown-radio",
    }
)
_NO_PEN = frozenset(
    {
        "no-pen", "pen-error", "link-refused", "link-lost", "not-a-pen", "wrong-protocol", "no-driver", "no-permission",
        "port-busy", "no-such-port", "refused", "no-address", "no-bluetooth", "bluetooth-off", "no-dbus",
        "no-bluetoothd", "pen-not-found", "pen-busy", "same-name", "bond-lost", "hung-up", "no-answer", "radio-absent",
        "radio-silent", "missing-extra", "bluetooth-failed",
    }
)  # fmt: skip
_RECORD = frozenset(
    {
        "record-error", "record-refused", "disk-full", "database-locked", "read-only", "database-damaged", "not-ours",
        "no-database", "schema-too-new", "schema-too-old", "station-held", "journal-full", "writer-closed",
        "record", "wrong-database", "keys-missing", "keys-damaged", "keys-unreadable", "wrong-keys", "wrong-passphrase",
        "client-erased", "erased", "seal-broken", "record-tampered",
        # What the rules of the record refuse, each with a word of its own.
        "cartridge-used", "client-exists", "no-consent", "not-interrupted", "not-taken", "nothing-open", "open-course",
        "changed",
        "other-client", "resumed-before", "shipped", "signed", "too-old",
    }
)  # fmt: skip


def exit_for(code: str) -> Exit:
    """The exit code for a stable error word."""
    if code in _USAGE:
        return Exit.USAGE
    if code in _NO_PEN:
        return Exit.NO_PEN
    if code in _RECORD:
        return Exit.RECORD
    return {
        "stop-not-delivered": Exit.STOP,
        "not-seen-still": Exit.UNKNOWN,
        "unknown": Exit.UNKNOWN,
        "interrupted": Exit.INTERRUPTED,
    }.get(code, Exit.FAILED)
