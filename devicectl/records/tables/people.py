"""Who is here: operators with their roles and PINs, what they did at the door, and clients by code."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .columns import entry, flag, integer, key, one_of, ref, sealed, table, text

ROLES: Final = ("practitioner", "technician", "administrator")
ACCESS_CODES: Final = (
    "sign-in", "sign-out", "wrong-pin", "unknown-name", "locked-out", "locked", "unlocked", "refused",
    "identity-read", "limits-approved",
)  # fmt: skip

operators = table("operators", key(), integer("created_utc_us"))

operator_states = table(
    "operator_states",
    key(),
    integer("at_utc_us"),
    ref("operator_id", "operators"),
    integer("seq"),
    text("name"),
    text("role"),
    sa.Column("pin_salt", sa.LargeBinary, nullable=False),
    sa.Column("pin_hash", sa.LargeBinary, nullable=False),
    integer("active"),
    ref("by_operator_id", "operators", null=True),
    text("reason"),
    text("licence", null=True),
    text("supervisor", null=True),
    one_of("role", ROLES),
    flag("active"),
    sa.CheckConstraint("length(name) > 0", name="name"),
    sa.UniqueConstraint("operator_id", "seq"),
)

access_events = table(
    "access_events",
    key(),
    integer("at_utc_us"),
    integer("at_boot_us"),
    ref("operator_id", "operators", null=True),
    text("name"),
    text("client_name"),
    text("code"),
    text("text"),
    one_of("code", ACCESS_CODES),
    sa.Index(None, "at_utc_us"),
    sa.Index(None, "operator_id", "at_utc_us"),
)

clients = table(
    "clients",
    key(),
    text("code"),
    integer("training"),
    integer("created_utc_us"),
    flag("training"),
    sa.CheckConstraint("length(code) > 0", name="code"),
    sa.UniqueConstraint("code"),
)

client_profiles = entry(
    "client_profiles",
    ref("client_id", "clients"),
    integer("seq"),
    sealed("identity"),
    sa.UniqueConstraint("client_id", "seq"),
)

erasures = entry("erasures", ref("client_id", "clients"), text("reason"), sa.UniqueConstraint("client_id"))
