"""The first record: stations, pens, clients, sessions, passes, telemetry, journal, alarms, events, stops.

Written as SQL, so that the history does not change when the tables of the program do.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS: Final = (
    """
    CREATE TABLE cartridges (
        id BLOB NOT NULL,
        type TEXT NOT NULL,
        serial TEXT NOT NULL,
        lot TEXT NOT NULL,
        expiry TEXT NOT NULL,
        needles INTEGER NOT NULL,
        origin TEXT NOT NULL,
        first_seen_utc_us INTEGER NOT NULL,
        CONSTRAINT pk_cartridges PRIMARY KEY (id),
        CONSTRAINT ck_cartridges_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_cartridges_needles CHECK (needles >= 0),
        CONSTRAINT uq_cartridges_type_serial_lot_expiry_needles_origin UNIQUE (type, serial, lot, expiry, needles, origin)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_cartridges_lot ON cartridges (lot)
    """,
    """
    CREATE TABLE clients (
        id BLOB NOT NULL,
        code TEXT NOT NULL,
        training INTEGER NOT NULL,
        created_utc_us INTEGER NOT NULL,
        CONSTRAINT pk_clients PRIMARY KEY (id),
        CONSTRAINT ck_clients_training CHECK (training IN (0, 1)),
        CONSTRAINT ck_clients_code CHECK (length(code) > 0),
        CONSTRAINT uq_clients_code UNIQUE (code)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE pens (
        id BLOB NOT NULL,
        manufacturer TEXT NOT NULL,
        model TEXT NOT NULL,
        serial TEXT NOT NULL,
        firmware TEXT NOT NULL,
        hardware TEXT NOT NULL,
        origin TEXT NOT NULL,
        first_seen_utc_us INTEGER NOT NULL,
        CONSTRAINT pk_pens PRIMARY KEY (id),
        CONSTRAINT ck_pens_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT uq_pens_manufacturer_model_serial_firmware_hardware_origin UNIQUE (manufacturer, model, serial, firmware, hardware, origin)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE stations (
        id BLOB NOT NULL,
        name TEXT NOT NULL,
        created_utc_us INTEGER NOT NULL,
        CONSTRAINT pk_stations PRIMARY KEY (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE boots (
        id BLOB NOT NULL,
        station_id BLOB NOT NULL,
        started_utc_us INTEGER NOT NULL,
        ended_utc_us INTEGER,
        version TEXT NOT NULL,
        python TEXT NOT NULL,
        sqlite TEXT NOT NULL,
        system TEXT NOT NULL,
        CONSTRAINT pk_boots PRIMARY KEY (id),
        CONSTRAINT fk_boots_station_id_stations FOREIGN KEY(station_id) REFERENCES stations (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE sessions (
        id BLOB NOT NULL,
        boot_id BLOB NOT NULL,
        pen_id BLOB NOT NULL,
        client_id BLOB,
        purpose TEXT NOT NULL,
        origin TEXT NOT NULL,
        opened_utc_us INTEGER NOT NULL,
        opened_boot_us INTEGER NOT NULL,
        ended_utc_us INTEGER,
        end_reason TEXT,
        CONSTRAINT pk_sessions PRIMARY KEY (id),
        CONSTRAINT ck_sessions_purpose CHECK (purpose IN ('bench', 'treatment')),
        CONSTRAINT ck_sessions_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_sessions_end_reason CHECK (end_reason IN ('closed', 'interrupted')),
        CONSTRAINT ck_sessions_ended CHECK ((ended_utc_us IS NULL) = (end_reason IS NULL)),
        CONSTRAINT ck_sessions_client CHECK ((purpose = 'treatment') = (client_id IS NOT NULL)),
        CONSTRAINT fk_sessions_boot_id_boots FOREIGN KEY(boot_id) REFERENCES boots (id),
        CONSTRAINT fk_sessions_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id),
        CONSTRAINT fk_sessions_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_sessions_client_id_opened_utc_us ON sessions (client_id, opened_utc_us)
    """,
    """
    CREATE INDEX ix_sessions_open ON sessions (id) WHERE ended_utc_us IS NULL
    """,
    """
    CREATE INDEX ix_sessions_opened_utc_us ON sessions (opened_utc_us)
    """,
    """
    CREATE TABLE alarms (
        id BLOB NOT NULL,
        session_id BLOB,
        pen_id BLOB,
        origin TEXT,
        code TEXT NOT NULL,
        priority TEXT NOT NULL,
        text TEXT NOT NULL,
        raised_utc_us INTEGER NOT NULL,
        raised_boot_us INTEGER NOT NULL,
        acknowledged_utc_us INTEGER,
        cleared_utc_us INTEGER,
        CONSTRAINT pk_alarms PRIMARY KEY (id),
        CONSTRAINT ck_alarms_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_alarms_priority CHECK (priority IN ('high', 'medium', 'low')),
        CONSTRAINT fk_alarms_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id),
        CONSTRAINT fk_alarms_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_alarms_raised_utc_us ON alarms (raised_utc_us)
    """,
    """
    CREATE INDEX ix_alarms_session_id ON alarms (session_id)
    """,
    """
    CREATE TABLE commands (
        id BLOB NOT NULL,
        pen_id BLOB NOT NULL,
        session_id BLOB,
        origin TEXT NOT NULL,
        pen_boot_id INTEGER NOT NULL,
        cmd_id INTEGER NOT NULL,
        action TEXT NOT NULL,
        value INTEGER NOT NULL,
        intended_utc_us INTEGER NOT NULL,
        intended_boot_us INTEGER NOT NULL,
        outcome TEXT,
        outcome_text TEXT,
        applied INTEGER,
        settled_utc_us INTEGER,
        CONSTRAINT pk_commands PRIMARY KEY (id),
        CONSTRAINT ck_commands_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_commands_outcome CHECK (outcome IN ('confirmed', 'rejected', 'not_sent', 'unknown', 'assumed_executed')),
        CONSTRAINT ck_commands_settled CHECK ((outcome IS NULL) = (outcome_text IS NULL) AND (outcome IS NULL) = (applied IS NULL) AND (outcome IS NULL) = (settled_utc_us IS NULL)),
        CONSTRAINT fk_commands_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id),
        CONSTRAINT fk_commands_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_commands_open ON commands (pen_id) WHERE outcome IS NULL OR outcome = 'unknown'
    """,
    """
    CREATE INDEX ix_commands_session_id ON commands (session_id)
    """,
    """
    CREATE TABLE events (
        id BLOB NOT NULL,
        session_id BLOB,
        pen_id BLOB,
        origin TEXT,
        code TEXT NOT NULL,
        text TEXT NOT NULL,
        data TEXT NOT NULL,
        at_utc_us INTEGER NOT NULL,
        at_boot_us INTEGER NOT NULL,
        CONSTRAINT pk_events PRIMARY KEY (id),
        CONSTRAINT ck_events_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT fk_events_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id),
        CONSTRAINT fk_events_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_events_at_utc_us ON events (at_utc_us)
    """,
    """
    CREATE INDEX ix_events_session_id ON events (session_id)
    """,
    """
    CREATE TABLE passes (
        id BLOB NOT NULL,
        session_id BLOB,
        pen_id BLOB NOT NULL,
        cartridge_id BLOB,
        seq INTEGER NOT NULL,
        kind TEXT NOT NULL,
        zone TEXT,
        origin TEXT NOT NULL,
        depth_set_um INTEGER,
        rate_set_mhz INTEGER,
        needles INTEGER NOT NULL,
        area_mm2 INTEGER NOT NULL,
        opened_utc_us INTEGER NOT NULL,
        opened_boot_us INTEGER NOT NULL,
        opened_clock_ms INTEGER NOT NULL,
        ended_utc_us INTEGER,
        ended_clock_ms INTEGER,
        end_reason TEXT,
        duration_ms INTEGER,
        contact_ms INTEGER,
        contact_kind TEXT,
        unknown_ms INTEGER,
        strokes INTEGER,
        contact_strokes INTEGER,
        density_cm2 INTEGER,
        depth_min_um INTEGER,
        depth_mean_um INTEGER,
        depth_max_um INTEGER,
        current_max_ma INTEGER,
        samples INTEGER,
        lost_samples INTEGER,
        CONSTRAINT pk_passes PRIMARY KEY (id),
        CONSTRAINT ck_passes_kind CHECK (kind IN ('granted', 'uncommanded')),
        CONSTRAINT ck_passes_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_passes_end_reason CHECK (end_reason IN ('ended', 'paused', 'stopped', 'zone_changed', 'lost', 'lease_expired', 'interrupted')),
        CONSTRAINT ck_passes_contact_kind CHECK (contact_kind IN ('measured', 'inferred', 'unknown')),
        CONSTRAINT ck_passes_ended CHECK ((ended_utc_us IS NULL) = (ended_clock_ms IS NULL) AND (ended_utc_us IS NULL) = (end_reason IS NULL) AND (ended_utc_us IS NULL) = (duration_ms IS NULL)),
        CONSTRAINT ck_passes_duration CHECK (duration_ms >= 0 AND contact_ms >= 0 AND contact_ms <= duration_ms),
        CONSTRAINT ck_passes_zone CHECK (kind = 'uncommanded' OR (zone IS NOT NULL AND session_id IS NOT NULL)),
        CONSTRAINT ck_passes_clock CHECK (ended_clock_ms >= opened_clock_ms),
        CONSTRAINT uq_passes_session_id_seq UNIQUE (session_id, seq),
        CONSTRAINT fk_passes_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id),
        CONSTRAINT fk_passes_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id),
        CONSTRAINT fk_passes_cartridge_id_cartridges FOREIGN KEY(cartridge_id) REFERENCES cartridges (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_passes_cartridge_id ON passes (cartridge_id)
    """,
    """
    CREATE INDEX ix_passes_open ON passes (id) WHERE ended_utc_us IS NULL
    """,
    """
    CREATE TABLE stops (
        id BLOB NOT NULL,
        session_id BLOB,
        pen_id BLOB,
        origin TEXT,
        source TEXT NOT NULL,
        at_utc_us INTEGER NOT NULL,
        at_boot_us INTEGER NOT NULL,
        key_to_bytes_us INTEGER,
        intent_to_still_us INTEGER,
        still INTEGER NOT NULL,
        CONSTRAINT pk_stops PRIMARY KEY (id),
        CONSTRAINT ck_stops_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_stops_still CHECK (still IN (0, 1)),
        CONSTRAINT ck_stops_latency CHECK (key_to_bytes_us >= 0 AND intent_to_still_us >= 0),
        CONSTRAINT fk_stops_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id),
        CONSTRAINT fk_stops_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_stops_at_utc_us ON stops (at_utc_us)
    """,
    """
    CREATE INDEX ix_stops_session_id ON stops (session_id)
    """,
    """
    CREATE TABLE pass_segments (
        pass_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        kind TEXT NOT NULL,
        contact INTEGER,
        from_clock_ms INTEGER NOT NULL,
        to_clock_ms INTEGER NOT NULL,
        CONSTRAINT pk_pass_segments PRIMARY KEY (pass_id, seq),
        CONSTRAINT ck_pass_segments_kind CHECK (kind IN ('measured', 'inferred', 'unknown')),
        CONSTRAINT ck_pass_segments_contact CHECK (contact IN (0, 1)),
        CONSTRAINT ck_pass_segments_known CHECK ((kind = 'unknown') = (contact IS NULL)),
        CONSTRAINT ck_pass_segments_clock CHECK (to_clock_ms > from_clock_ms),
        CONSTRAINT fk_pass_segments_pass_id_passes FOREIGN KEY(pass_id) REFERENCES passes (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE telemetry_blocks (
        pass_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        origin TEXT NOT NULL,
        sealed INTEGER NOT NULL,
        samples INTEGER NOT NULL,
        from_clock_ms INTEGER NOT NULL,
        to_clock_ms INTEGER NOT NULL,
        depth_min_um INTEGER NOT NULL,
        depth_max_um INTEGER NOT NULL,
        rate_max_mhz INTEGER NOT NULL,
        current_max_ma INTEGER NOT NULL,
        stored_utc_us INTEGER NOT NULL,
        data BLOB NOT NULL,
        CONSTRAINT pk_telemetry_blocks PRIMARY KEY (pass_id, seq),
        CONSTRAINT ck_telemetry_blocks_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_telemetry_blocks_sealed CHECK (sealed IN (0, 1)),
        CONSTRAINT ck_telemetry_blocks_samples CHECK (samples > 0 AND to_clock_ms >= from_clock_ms),
        CONSTRAINT fk_telemetry_blocks_pass_id_passes FOREIGN KEY(pass_id) REFERENCES passes (id)
    )
     STRICT
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """There is no way down: restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
