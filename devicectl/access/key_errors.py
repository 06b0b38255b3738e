"""What can be wrong with the keys of a record, each as one sentence with the next step."""

from __future__ import annotations

from devicectl.records.errors import RecordError


class KeysMissing(RecordError):
    """Keys that the record was made with are not there. New ones would not open it, so none are made."""

    code = "keys-missing"


class KeysDamaged(RecordError):
    """A key file does not hold a key any more."""

    code = "keys-damaged"


class KeysUnreadable(RecordError):
    """The key folder may not be read or written."""

    code = "keys-unreadable"


class WrongKeys(RecordError):
    """Keys of another record."""

    code = "wrong-keys"


class WrongPassphrase(RecordError):
    """A backup of keys does not open with this passphrase, or is damaged."""

    code = "wrong-passphrase"


class ClientErased(RecordError):
    """The client's key was destroyed on request; nothing more can be kept about this person."""

    code = "client-erased"


class SealBroken(RecordError):
    """A sealed text is not what was sealed, or not where it was sealed."""

    code = "seal-broken"
