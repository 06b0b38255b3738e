"""Are the keys those of the record, and was the record tampered with? What ``devicectl doctor`` says about it."""

from __future__ import annotations

from collections.abc import Iterator

from devicectl.records import audit
from devicectl.records.check import CheckItem
from devicectl.records.errors import RecordError
from devicectl.records.location import Location
from devicectl.records.reader import Reader

from . import opening
from .verify import verify_record


def check_keys(location: Location, *, full: bool) -> Iterator[CheckItem]:
    """Look at the keys and, when ``full``, verify the whole record. The sentences name nobody: a bundle is sent away."""
    try:
        with Reader(location) as reader:
            if not reader.run(opening.keys_used):
                yield CheckItem("keys", "ok", "The record has used no keys yet; a station makes them when it opens it.")
                return
            keys = opening.read_keys(location)
            reader.run(lambda connection: opening.check_belonging(connection, keys))
            for text in keys.vault.exposed():
                yield CheckItem("keys", "warning", text)
            yield CheckItem(
                "keys",
                "ok",
                f"The keys in {location.keys_path} are those of this record; 'devicectl db backup-keys' copies them.",
            )
            if not full:
                seq = reader.run(audit.anchor).seq
                yield CheckItem(
                    "audit", "ok", f"There are {seq} audit entries; 'devicectl audit verify' looks at them all."
                )
                return
        verdict = verify_record(location)
        if verdict.sound:
            text = f"All {verdict.entries} audit entries, {verdict.rows} rows and {verdict.signatures} signatures hold."
            yield CheckItem("audit", "ok", text)
        else:
            kinds = ", ".join(dict.fromkeys(one.kind for one in verdict.damages))
            text = f"The record was tampered with ({kinds}): 'devicectl audit verify' says where."
            yield CheckItem("audit", "error", text)
    except RecordError as error:
        # A database that cannot be read was told of already.
        if "key" in error.code:
            yield CheckItem("keys", "error", str(error))
