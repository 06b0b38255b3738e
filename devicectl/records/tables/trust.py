"""Why the record can be believed: what was given to another zone, signatures, amendments, and the audit chain."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .columns import INTEGER, entry, integer, key, one_of, ref, sealed, table, text
from .pens import DIRECTIONS

MEANINGS: Final = ("performed", "reviewed")

pass_changes = entry(
    "pass_changes",
    ref("session_id", "sessions"),
    ref("pass_id", "passes"),
    sealed("reason"),
    sa.Index(None, "session_id"),
    sa.Index(None, "pass_id"),
)
"""The newest change of a pass counts; the pass itself stays as it was recorded."""

pass_parts = entry(
    "pass_parts",
    ref("change_id", "pass_changes"),
    integer("seq"),
    integer("from_clock_ms"),
    integer("to_clock_ms"),
    text("zone"),
    text("direction", null=True),
    one_of("direction", DIRECTIONS),
    sa.CheckConstraint("to_clock_ms > from_clock_ms", name="clock"),
    sa.UniqueConstraint("change_id", "seq"),
)

station_keys = table(
    "station_keys",
    key(),
    ref("station_id", "stations"),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    integer("created_utc_us"),
    sa.UniqueConstraint("public_key"),
)

signatures = entry(
    "signatures",
    ref("session_id", "sessions"),
    text("meaning"),
    text("name"),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    integer("audit_seq"),
    sa.Column("audit_hash", sa.LargeBinary, nullable=False),
    ref("key_id", "station_keys"),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    one_of("meaning", MEANINGS),
    sa.Index(None, "session_id"),
)

signature_sessions = entry(
    "signature_sessions",
    ref("signature_id", "signatures"),
    ref("session_id", "sessions"),
    sa.UniqueConstraint("signature_id", "session_id"),
    sa.Index(None, "session_id"),
)
"""Every session that a signature covers: the one that was signed, and those it resumed."""

amendments = entry(
    "amendments",
    ref("session_id", "sessions"),
    text("table_name"),
    sa.Column("row_id", sa.LargeBinary(16), nullable=False),
    text("field"),
    sa.Column("old", sa.LargeBinary, nullable=True),
    sa.Column("new", sa.LargeBinary, nullable=True),
    sealed("reason"),
    sa.Index(None, "session_id"),
    sa.Index(None, "row_id"),
)
"""``old`` and ``new`` as `devicectl.records.audit.packed` writes them; personal ones are ciphertext within."""

audit = table(
    "audit",
    sa.Column("seq", INTEGER, primary_key=True, nullable=False, autoincrement=False),
    ref("station_id", "stations"),
    integer("at_utc_us"),
    ref("operator_id", "operators", null=True),
    text("action"),
    text("table_name"),
    sa.Column("row_id", sa.LargeBinary, nullable=False),
    sa.Column("body_sha256", sa.LargeBinary, nullable=False),
    sa.Column("previous", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Index(None, "table_name", "row_id"),
)
"""The chain: ``hash`` covers everything in its row and ``previous``, the hash before it."""
