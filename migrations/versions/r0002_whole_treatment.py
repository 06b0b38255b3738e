"""A whole treatment: operators, clients' identity, protocols, courses, what is asked, used, seen and signed, audit chain.

Sessions learn their course, operator and the session they resume, passes their direction: both are made anew, because a column
that is added later stands behind the constraints. Written as SQL, so that the history does not change when the tables of
the program do.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS: Final = (
    """
    CREATE TABLE operators (
        id BLOB NOT NULL,
        created_utc_us INTEGER NOT NULL,
        CONSTRAINT pk_operators PRIMARY KEY (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE access_events (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        at_boot_us INTEGER NOT NULL,
        operator_id BLOB,
        name TEXT NOT NULL,
        client_name TEXT NOT NULL,
        code TEXT NOT NULL,
        text TEXT NOT NULL,
        CONSTRAINT pk_access_events PRIMARY KEY (id),
        CONSTRAINT ck_access_events_code CHECK (code IN ('sign-in', 'sign-out', 'wrong-pin', 'unknown-name', 'locked-out', 'locked', 'unlocked', 'refused', 'identity-read', 'limits-approved')),
        CONSTRAINT fk_access_events_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_access_events_at_utc_us ON access_events (at_utc_us)
    """,
    """
    CREATE INDEX ix_access_events_operator_id_at_utc_us ON access_events (operator_id, at_utc_us)
    """,
    """
    CREATE TABLE audit (
        seq INTEGER NOT NULL,
        station_id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        action TEXT NOT NULL,
        table_name TEXT NOT NULL,
        row_id BLOB NOT NULL,
        body_sha256 BLOB NOT NULL,
        previous BLOB NOT NULL,
        hash BLOB NOT NULL,
        CONSTRAINT pk_audit PRIMARY KEY (seq),
        CONSTRAINT fk_audit_station_id_stations FOREIGN KEY(station_id) REFERENCES stations (id),
        CONSTRAINT fk_audit_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_audit_table_name_row_id ON audit (table_name, row_id)
    """,
    """
    CREATE TABLE client_profiles (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        client_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        identity_sealed BLOB NOT NULL,
        CONSTRAINT pk_client_profiles PRIMARY KEY (id),
        CONSTRAINT uq_client_profiles_client_id_seq UNIQUE (client_id, seq),
        CONSTRAINT fk_client_profiles_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_client_profiles_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE erasures (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        client_id BLOB NOT NULL,
        reason TEXT NOT NULL,
        CONSTRAINT pk_erasures PRIMARY KEY (id),
        CONSTRAINT uq_erasures_client_id UNIQUE (client_id),
        CONSTRAINT fk_erasures_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_erasures_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE operator_states (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        pin_salt BLOB NOT NULL,
        pin_hash BLOB NOT NULL,
        active INTEGER NOT NULL,
        by_operator_id BLOB,
        reason TEXT NOT NULL,
        licence TEXT,
        supervisor TEXT,
        CONSTRAINT pk_operator_states PRIMARY KEY (id),
        CONSTRAINT ck_operator_states_role CHECK (role IN ('practitioner', 'technician', 'administrator')),
        CONSTRAINT ck_operator_states_active CHECK (active IN (0, 1)),
        CONSTRAINT ck_operator_states_name CHECK (length(name) > 0),
        CONSTRAINT uq_operator_states_operator_id_seq UNIQUE (operator_id, seq),
        CONSTRAINT fk_operator_states_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_operator_states_by_operator_id_operators FOREIGN KEY(by_operator_id) REFERENCES operators (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE protocols (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        indication TEXT NOT NULL,
        citation TEXT NOT NULL,
        source TEXT NOT NULL,
        copied_from_id BLOB,
        sessions INTEGER,
        min_days INTEGER,
        detail TEXT NOT NULL,
        CONSTRAINT pk_protocols PRIMARY KEY (id),
        CONSTRAINT ck_protocols_source CHECK (source IN ('shipped', 'copy')),
        CONSTRAINT ck_protocols_version CHECK (version >= 1),
        CONSTRAINT ck_protocols_sessions CHECK (sessions >= 1),
        CONSTRAINT ck_protocols_min_days CHECK (min_days >= 0),
        CONSTRAINT ck_protocols_name CHECK (length(name) > 0),
        CONSTRAINT uq_protocols_name_version UNIQUE (name, version),
        CONSTRAINT fk_protocols_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_protocols_copied_from_id_protocols FOREIGN KEY(copied_from_id) REFERENCES protocols (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE station_keys (
        id BLOB NOT NULL,
        station_id BLOB NOT NULL,
        public_key BLOB NOT NULL,
        created_utc_us INTEGER NOT NULL,
        CONSTRAINT pk_station_keys PRIMARY KEY (id),
        CONSTRAINT uq_station_keys_public_key UNIQUE (public_key),
        CONSTRAINT fk_station_keys_station_id_stations FOREIGN KEY(station_id) REFERENCES stations (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE courses (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        client_id BLOB NOT NULL,
        protocol_id BLOB NOT NULL,
        indication TEXT NOT NULL,
        scale TEXT,
        grade TEXT,
        sessions_planned INTEGER NOT NULL,
        min_days INTEGER NOT NULL,
        CONSTRAINT pk_courses PRIMARY KEY (id),
        CONSTRAINT ck_courses_sessions_planned CHECK (sessions_planned >= 1),
        CONSTRAINT ck_courses_min_days CHECK (min_days >= 0),
        CONSTRAINT fk_courses_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_courses_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id),
        CONSTRAINT fk_courses_protocol_id_protocols FOREIGN KEY(protocol_id) REFERENCES protocols (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_courses_client_id ON courses (client_id)
    """,
    """
    CREATE TABLE protocol_zones (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        protocol_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        zone TEXT NOT NULL,
        depth_um INTEGER,
        rate_mhz INTEGER,
        passes TEXT NOT NULL,
        end_point TEXT,
        seconds INTEGER,
        CONSTRAINT pk_protocol_zones PRIMARY KEY (id),
        CONSTRAINT ck_protocol_zones_depth_um CHECK (depth_um >= 0),
        CONSTRAINT ck_protocol_zones_rate_mhz CHECK (rate_mhz >= 0),
        CONSTRAINT ck_protocol_zones_seconds CHECK (seconds >= 1),
        CONSTRAINT uq_protocol_zones_protocol_id_seq UNIQUE (protocol_id, seq),
        CONSTRAINT fk_protocol_zones_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_protocol_zones_protocol_id_protocols FOREIGN KEY(protocol_id) REFERENCES protocols (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE course_ends (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        course_id BLOB NOT NULL,
        end_reason TEXT NOT NULL,
        CONSTRAINT pk_course_ends PRIMARY KEY (id),
        CONSTRAINT ck_course_ends_end_reason CHECK (end_reason IN ('completed', 'wish', 'event', 'changed', 'other')),
        CONSTRAINT uq_course_ends_course_id UNIQUE (course_id),
        CONSTRAINT fk_course_ends_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_course_ends_course_id_courses FOREIGN KEY(course_id) REFERENCES courses (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE adverse_events (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        client_id BLOB NOT NULL,
        session_id BLOB,
        zone TEXT,
        term TEXT NOT NULL,
        grade INTEGER NOT NULL,
        expected INTEGER NOT NULL,
        related INTEGER NOT NULL,
        onset_utc_us INTEGER NOT NULL,
        action TEXT NOT NULL,
        note_sealed BLOB,
        CONSTRAINT pk_adverse_events PRIMARY KEY (id),
        CONSTRAINT ck_adverse_events_grade CHECK (grade BETWEEN 1 AND 5),
        CONSTRAINT ck_adverse_events_expected CHECK (expected IN (0, 1)),
        CONSTRAINT ck_adverse_events_related CHECK (related IN (0, 1)),
        CONSTRAINT fk_adverse_events_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_adverse_events_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id),
        CONSTRAINT fk_adverse_events_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_adverse_events_client_id ON adverse_events (client_id)
    """,
    """
    CREATE INDEX ix_adverse_events_session_id ON adverse_events (session_id)
    """,
    """
    CREATE TABLE amendments (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        table_name TEXT NOT NULL,
        row_id BLOB NOT NULL,
        field TEXT NOT NULL,
        old BLOB,
        new BLOB,
        reason_sealed BLOB NOT NULL,
        CONSTRAINT pk_amendments PRIMARY KEY (id),
        CONSTRAINT fk_amendments_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_amendments_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_amendments_row_id ON amendments (row_id)
    """,
    """
    CREATE INDEX ix_amendments_session_id ON amendments (session_id)
    """,
    """
    CREATE TABLE anaesthetics (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        product TEXT NOT NULL,
        lot TEXT NOT NULL,
        strength_milli INTEGER NOT NULL,
        grams_mg INTEGER NOT NULL,
        area_mm2 INTEGER NOT NULL,
        occluded INTEGER NOT NULL,
        on_utc_us INTEGER NOT NULL,
        dwell_min_s INTEGER NOT NULL,
        dwell_max_s INTEGER,
        CONSTRAINT pk_anaesthetics PRIMARY KEY (id),
        CONSTRAINT ck_anaesthetics_strength_milli CHECK (strength_milli >= 0),
        CONSTRAINT ck_anaesthetics_grams_mg CHECK (grams_mg >= 0),
        CONSTRAINT ck_anaesthetics_area_mm2 CHECK (area_mm2 >= 0),
        CONSTRAINT ck_anaesthetics_occluded CHECK (occluded IN (0, 1)),
        CONSTRAINT ck_anaesthetics_dwell CHECK (dwell_min_s >= 0 AND dwell_max_s >= dwell_min_s),
        CONSTRAINT fk_anaesthetics_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_anaesthetics_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_anaesthetics_session_id ON anaesthetics (session_id)
    """,
    """
    CREATE TABLE assessments (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        client_id BLOB NOT NULL,
        session_id BLOB,
        scale TEXT NOT NULL,
        grade TEXT NOT NULL,
        score_milli INTEGER,
        detail TEXT,
        CONSTRAINT pk_assessments PRIMARY KEY (id),
        CONSTRAINT fk_assessments_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_assessments_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id),
        CONSTRAINT fk_assessments_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_assessments_client_id_at_utc_us ON assessments (client_id, at_utc_us)
    """,
    """
    CREATE INDEX ix_assessments_session_id ON assessments (session_id)
    """,
    """
    CREATE TABLE cartridge_uses (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        cartridge_id BLOB,
        gtin TEXT NOT NULL,
        lot TEXT NOT NULL,
        expiry TEXT,
        serial TEXT NOT NULL,
        raw TEXT,
        entered TEXT NOT NULL,
        opened_utc_us INTEGER NOT NULL,
        CONSTRAINT pk_cartridge_uses PRIMARY KEY (id),
        CONSTRAINT ck_cartridge_uses_expiry CHECK (expiry = date(expiry) AND length(expiry) = 10),
        CONSTRAINT ck_cartridge_uses_entered CHECK (entered IN ('scan', 'hand')),
        CONSTRAINT fk_cartridge_uses_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_cartridge_uses_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id),
        CONSTRAINT fk_cartridge_uses_cartridge_id_cartridges FOREIGN KEY(cartridge_id) REFERENCES cartridges (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_cartridge_uses_gtin_serial ON cartridge_uses (gtin, serial)
    """,
    """
    CREATE INDEX ix_cartridge_uses_lot ON cartridge_uses (lot)
    """,
    """
    CREATE INDEX ix_cartridge_uses_session_id ON cartridge_uses (session_id)
    """,
    """
    CREATE TABLE checklist_answers (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        version TEXT NOT NULL,
        item TEXT NOT NULL,
        kind TEXT NOT NULL,
        answer TEXT NOT NULL,
        changed INTEGER NOT NULL,
        since_last TEXT NOT NULL,
        reason_sealed BLOB,
        CONSTRAINT pk_checklist_answers PRIMARY KEY (id),
        CONSTRAINT ck_checklist_answers_kind CHECK (kind IN ('stop', 'ask')),
        CONSTRAINT ck_checklist_answers_answer CHECK (answer IN ('yes', 'no', 'unknown')),
        CONSTRAINT ck_checklist_answers_since_last CHECK (since_last IN ('first', 'no', 'yes')),
        CONSTRAINT ck_checklist_answers_changed CHECK (changed IN (0, 1)),
        CONSTRAINT fk_checklist_answers_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_checklist_answers_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_checklist_answers_session_id ON checklist_answers (session_id)
    """,
    """
    CREATE TABLE consents (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        client_id BLOB NOT NULL,
        version TEXT NOT NULL,
        given_utc_us INTEGER NOT NULL,
        given_by TEXT NOT NULL,
        photos INTEGER NOT NULL,
        text_sha256 TEXT NOT NULL,
        CONSTRAINT pk_consents PRIMARY KEY (id),
        CONSTRAINT ck_consents_given_by CHECK (given_by IN ('client', 'guardian')),
        CONSTRAINT ck_consents_photos CHECK (photos IN (0, 1)),
        CONSTRAINT fk_consents_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_consents_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id),
        CONSTRAINT fk_consents_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_consents_session_id ON consents (session_id)
    """,
    """
    CREATE TABLE follow_ups (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        client_id BLOB NOT NULL,
        session_id BLOB,
        kind TEXT NOT NULL,
        due_date TEXT NOT NULL,
        CONSTRAINT pk_follow_ups PRIMARY KEY (id),
        CONSTRAINT ck_follow_ups_due_date CHECK (due_date = date(due_date) AND length(due_date) = 10),
        CONSTRAINT fk_follow_ups_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_follow_ups_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id),
        CONSTRAINT fk_follow_ups_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_follow_ups_client_id ON follow_ups (client_id)
    """,
    """
    CREATE INDEX ix_follow_ups_due_date ON follow_ups (due_date)
    """,
    """
    CREATE TABLE notes (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        zone TEXT,
        phrase TEXT,
        note_sealed BLOB,
        CONSTRAINT pk_notes PRIMARY KEY (id),
        CONSTRAINT fk_notes_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_notes_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_notes_session_id ON notes (session_id)
    """,
    """
    CREATE TABLE pen_checks (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        pen_id BLOB NOT NULL,
        session_id BLOB,
        items TEXT NOT NULL,
        passed INTEGER NOT NULL,
        note TEXT NOT NULL,
        CONSTRAINT pk_pen_checks PRIMARY KEY (id),
        CONSTRAINT ck_pen_checks_passed CHECK (passed IN (0, 1)),
        CONSTRAINT fk_pen_checks_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_pen_checks_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id),
        CONSTRAINT fk_pen_checks_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_pen_checks_pen_id_at_utc_us ON pen_checks (pen_id, at_utc_us)
    """,
    """
    CREATE TABLE photos (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        client_id BLOB NOT NULL,
        session_id BLOB,
        "view" TEXT NOT NULL,
        phase TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        copy_sha256 TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        taken_utc_us INTEGER,
        removed TEXT NOT NULL,
        CONSTRAINT pk_photos PRIMARY KEY (id),
        CONSTRAINT ck_photos_phase CHECK (phase IN ('before', 'after', 'follow_up')),
        CONSTRAINT fk_photos_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_photos_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id),
        CONSTRAINT fk_photos_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_photos_client_id ON photos (client_id)
    """,
    """
    CREATE INDEX ix_photos_session_id ON photos (session_id)
    """,
    """
    CREATE TABLE session_plan (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        zone TEXT NOT NULL,
        depth_um INTEGER,
        rate_mhz INTEGER,
        passes TEXT NOT NULL,
        end_point TEXT,
        seconds INTEGER,
        CONSTRAINT pk_session_plan PRIMARY KEY (id),
        CONSTRAINT ck_session_plan_depth_um CHECK (depth_um >= 0),
        CONSTRAINT ck_session_plan_rate_mhz CHECK (rate_mhz >= 0),
        CONSTRAINT ck_session_plan_seconds CHECK (seconds >= 1),
        CONSTRAINT uq_session_plan_session_id_seq UNIQUE (session_id, seq),
        CONSTRAINT fk_session_plan_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_session_plan_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE signatures (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        meaning TEXT NOT NULL,
        name TEXT NOT NULL,
        payload_sha256 BLOB NOT NULL,
        audit_seq INTEGER NOT NULL,
        audit_hash BLOB NOT NULL,
        key_id BLOB NOT NULL,
        signature BLOB NOT NULL,
        CONSTRAINT pk_signatures PRIMARY KEY (id),
        CONSTRAINT ck_signatures_meaning CHECK (meaning IN ('performed', 'reviewed')),
        CONSTRAINT fk_signatures_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_signatures_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id),
        CONSTRAINT fk_signatures_key_id_station_keys FOREIGN KEY(key_id) REFERENCES station_keys (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_signatures_session_id ON signatures (session_id)
    """,
    """
    CREATE TABLE skin_preparations (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        product TEXT NOT NULL,
        lot TEXT NOT NULL,
        CONSTRAINT pk_skin_preparations PRIMARY KEY (id),
        CONSTRAINT fk_skin_preparations_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_skin_preparations_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_skin_preparations_session_id ON skin_preparations (session_id)
    """,
    """
    CREATE TABLE topicals (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        product TEXT NOT NULL,
        lot TEXT NOT NULL,
        expiry TEXT,
        amount_milli INTEGER NOT NULL,
        unit TEXT NOT NULL,
        phase TEXT NOT NULL,
        sterile INTEGER NOT NULL,
        resume_utc_us INTEGER,
        CONSTRAINT pk_topicals PRIMARY KEY (id),
        CONSTRAINT ck_topicals_expiry CHECK (expiry = date(expiry) AND length(expiry) = 10),
        CONSTRAINT ck_topicals_phase CHECK (phase IN ('before', 'during', 'after')),
        CONSTRAINT ck_topicals_sterile CHECK (sterile IN (0, 1)),
        CONSTRAINT ck_topicals_amount_milli CHECK (amount_milli >= 0),
        CONSTRAINT fk_topicals_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_topicals_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_topicals_session_id ON topicals (session_id)
    """,
    """
    CREATE TABLE zone_results (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        zone TEXT NOT NULL,
        end_point TEXT,
        pain INTEGER,
        bleeding INTEGER,
        reaction TEXT,
        skipped INTEGER NOT NULL,
        note_sealed BLOB,
        CONSTRAINT pk_zone_results PRIMARY KEY (id),
        CONSTRAINT ck_zone_results_pain CHECK (pain BETWEEN 0 AND 10),
        CONSTRAINT ck_zone_results_bleeding CHECK (bleeding BETWEEN 0 AND 3),
        CONSTRAINT ck_zone_results_skipped CHECK (skipped IN (0, 1)),
        CONSTRAINT fk_zone_results_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_zone_results_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_zone_results_session_id ON zone_results (session_id)
    """,
    """
    CREATE TABLE adverse_event_states (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        adverse_event_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        resolved_date TEXT,
        reported_to TEXT NOT NULL,
        note_sealed BLOB,
        CONSTRAINT pk_adverse_event_states PRIMARY KEY (id),
        CONSTRAINT ck_adverse_event_states_resolved_date CHECK (resolved_date = date(resolved_date) AND length(resolved_date) = 10),
        CONSTRAINT uq_adverse_event_states_adverse_event_id_seq UNIQUE (adverse_event_id, seq),
        CONSTRAINT fk_adverse_event_states_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_adverse_event_states_adverse_event_id_adverse_events FOREIGN KEY(adverse_event_id) REFERENCES adverse_events (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE anaesthetic_removals (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        anaesthetic_id BLOB NOT NULL,
        off_utc_us INTEGER NOT NULL,
        cleaned INTEGER NOT NULL,
        CONSTRAINT pk_anaesthetic_removals PRIMARY KEY (id),
        CONSTRAINT ck_anaesthetic_removals_cleaned CHECK (cleaned IN (0, 1)),
        CONSTRAINT uq_anaesthetic_removals_anaesthetic_id UNIQUE (anaesthetic_id),
        CONSTRAINT fk_anaesthetic_removals_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_anaesthetic_removals_anaesthetic_id_anaesthetics FOREIGN KEY(anaesthetic_id) REFERENCES anaesthetics (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE cartridge_discards (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        cartridge_use_id BLOB NOT NULL,
        discarded_utc_us INTEGER NOT NULL,
        sharps INTEGER NOT NULL,
        CONSTRAINT pk_cartridge_discards PRIMARY KEY (id),
        CONSTRAINT ck_cartridge_discards_sharps CHECK (sharps IN (0, 1)),
        CONSTRAINT uq_cartridge_discards_cartridge_use_id UNIQUE (cartridge_use_id),
        CONSTRAINT fk_cartridge_discards_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_cartridge_discards_cartridge_use_id_cartridge_uses FOREIGN KEY(cartridge_use_id) REFERENCES cartridge_uses (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE follow_up_states (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        follow_up_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        state TEXT NOT NULL,
        note_sealed BLOB,
        CONSTRAINT pk_follow_up_states PRIMARY KEY (id),
        CONSTRAINT ck_follow_up_states_state CHECK (state IN ('done', 'missed', 'cancelled')),
        CONSTRAINT uq_follow_up_states_follow_up_id_seq UNIQUE (follow_up_id, seq),
        CONSTRAINT fk_follow_up_states_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_follow_up_states_follow_up_id_follow_ups FOREIGN KEY(follow_up_id) REFERENCES follow_ups (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE pass_changes (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        session_id BLOB NOT NULL,
        pass_id BLOB NOT NULL,
        reason_sealed BLOB NOT NULL,
        CONSTRAINT pk_pass_changes PRIMARY KEY (id),
        CONSTRAINT fk_pass_changes_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_pass_changes_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id),
        CONSTRAINT fk_pass_changes_pass_id_passes FOREIGN KEY(pass_id) REFERENCES passes (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_pass_changes_pass_id ON pass_changes (pass_id)
    """,
    """
    CREATE INDEX ix_pass_changes_session_id ON pass_changes (session_id)
    """,
    """
    CREATE TABLE signature_sessions (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        signature_id BLOB NOT NULL,
        session_id BLOB NOT NULL,
        CONSTRAINT pk_signature_sessions PRIMARY KEY (id),
        CONSTRAINT uq_signature_sessions_signature_id_session_id UNIQUE (signature_id, session_id),
        CONSTRAINT fk_signature_sessions_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_signature_sessions_signature_id_signatures FOREIGN KEY(signature_id) REFERENCES signatures (id),
        CONSTRAINT fk_signature_sessions_session_id_sessions FOREIGN KEY(session_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_signature_sessions_session_id ON signature_sessions (session_id)
    """,
    """
    CREATE TABLE pass_parts (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        change_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        from_clock_ms INTEGER NOT NULL,
        to_clock_ms INTEGER NOT NULL,
        zone TEXT NOT NULL,
        direction TEXT,
        CONSTRAINT pk_pass_parts PRIMARY KEY (id),
        CONSTRAINT ck_pass_parts_direction CHECK (direction IN ('horizontal', 'vertical', 'diagonal_left', 'diagonal_right', 'circular', 'stamp')),
        CONSTRAINT ck_pass_parts_clock CHECK (to_clock_ms > from_clock_ms),
        CONSTRAINT uq_pass_parts_change_id_seq UNIQUE (change_id, seq),
        CONSTRAINT fk_pass_parts_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_pass_parts_change_id_pass_changes FOREIGN KEY(change_id) REFERENCES pass_changes (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE sessions_new (
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
        course_id BLOB,
        operator_id BLOB,
        resumes_id BLOB,
        CONSTRAINT pk_sessions PRIMARY KEY (id),
        CONSTRAINT ck_sessions_purpose CHECK (purpose IN ('bench', 'treatment')),
        CONSTRAINT ck_sessions_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_sessions_end_reason CHECK (end_reason IN ('closed', 'interrupted')),
        CONSTRAINT ck_sessions_ended CHECK ((ended_utc_us IS NULL) = (end_reason IS NULL)),
        CONSTRAINT ck_sessions_client CHECK ((purpose = 'treatment') = (client_id IS NOT NULL)),
        CONSTRAINT fk_sessions_boot_id_boots FOREIGN KEY(boot_id) REFERENCES boots (id),
        CONSTRAINT fk_sessions_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id),
        CONSTRAINT fk_sessions_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id),
        CONSTRAINT fk_sessions_course_id_courses FOREIGN KEY(course_id) REFERENCES courses (id),
        CONSTRAINT fk_sessions_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_sessions_resumes_id_sessions FOREIGN KEY(resumes_id) REFERENCES sessions (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    INSERT INTO sessions_new (id, boot_id, pen_id, client_id, purpose, origin, opened_utc_us, opened_boot_us, ended_utc_us, end_reason)
    SELECT id, boot_id, pen_id, client_id, purpose, origin, opened_utc_us, opened_boot_us, ended_utc_us, end_reason FROM sessions
    """,
    """
    DROP TABLE sessions
    """,
    """
    ALTER TABLE sessions_new RENAME TO sessions
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
    CREATE TABLE passes_new (
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
        direction TEXT,
        CONSTRAINT pk_passes PRIMARY KEY (id),
        CONSTRAINT ck_passes_kind CHECK (kind IN ('granted', 'uncommanded')),
        CONSTRAINT ck_passes_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT ck_passes_end_reason CHECK (end_reason IN ('ended', 'paused', 'stopped', 'zone_changed', 'lost', 'lease_expired', 'interrupted')),
        CONSTRAINT ck_passes_contact_kind CHECK (contact_kind IN ('measured', 'inferred', 'unknown')),
        CONSTRAINT ck_passes_direction CHECK (direction IN ('horizontal', 'vertical', 'diagonal_left', 'diagonal_right', 'circular', 'stamp')),
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
    INSERT INTO passes_new (id, session_id, pen_id, cartridge_id, seq, kind, zone, origin, depth_set_um, rate_set_mhz, needles, area_mm2, opened_utc_us, opened_boot_us, opened_clock_ms, ended_utc_us, ended_clock_ms, end_reason, duration_ms, contact_ms, contact_kind, unknown_ms, strokes, contact_strokes, density_cm2, depth_min_um, depth_mean_um, depth_max_um, current_max_ma, samples, lost_samples)
    SELECT id, session_id, pen_id, cartridge_id, seq, kind, zone, origin, depth_set_um, rate_set_mhz, needles, area_mm2, opened_utc_us, opened_boot_us, opened_clock_ms, ended_utc_us, ended_clock_ms, end_reason, duration_ms, contact_ms, contact_kind, unknown_ms, strokes, contact_strokes, density_cm2, depth_min_um, depth_mean_um, depth_max_um, current_max_ma, samples, lost_samples FROM passes
    """,
    """
    DROP TABLE passes
    """,
    """
    ALTER TABLE passes_new RENAME TO passes
    """,
    """
    CREATE INDEX ix_passes_cartridge_id ON passes (cartridge_id)
    """,
    """
    CREATE INDEX ix_passes_open ON passes (id) WHERE ended_utc_us IS NULL
    """,
)


def upgrade() -> None:
    """Make the new tables, and sessions and passes anew with all that is in them."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """There is no way down: restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
