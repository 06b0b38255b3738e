"""Calibrations of pens, and what a pass was told and did about depth. Only new tables; what is there is not touched.

Written as SQL, so that the history does not change when the tables of the program do.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS: Final = (
    """
    CREATE TABLE calibrations (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        pen_id BLOB NOT NULL,
        origin TEXT NOT NULL,
        cartridge_type TEXT NOT NULL,
        cartridge_lot TEXT NOT NULL,
        technician TEXT NOT NULL,
        place TEXT NOT NULL,
        temperature_milli INTEGER NOT NULL,
        humidity_milli INTEGER NOT NULL,
        depth_least_um INTEGER NOT NULL,
        depth_most_um INTEGER NOT NULL,
        depth_limit_um INTEGER NOT NULL,
        depth_step_um INTEGER NOT NULL,
        rate_least_mhz INTEGER NOT NULL,
        rate_most_mhz INTEGER NOT NULL,
        found_key INTEGER NOT NULL,
        found_knots TEXT NOT NULL,
        "plan" TEXT NOT NULL,
        CONSTRAINT pk_calibrations PRIMARY KEY (id),
        CONSTRAINT ck_calibrations_origin CHECK (origin IN ('hardware', 'simulated', 'replay')),
        CONSTRAINT fk_calibrations_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_calibrations_pen_id_pens FOREIGN KEY(pen_id) REFERENCES pens (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_calibrations_pen_id_at_utc_us ON calibrations (pen_id, at_utc_us)
    """,
    """
    CREATE TABLE calibration_standards (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        calibration_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        name TEXT NOT NULL,
        serial TEXT NOT NULL,
        certificate TEXT NOT NULL,
        due_date TEXT NOT NULL,
        unit TEXT NOT NULL,
        mpe_micro INTEGER NOT NULL,
        resolution_micro INTEGER NOT NULL,
        uncertainty_micro INTEGER NOT NULL,
        CONSTRAINT pk_calibration_standards PRIMARY KEY (id),
        CONSTRAINT ck_calibration_standards_due_date CHECK (due_date = date(due_date) AND length(due_date) = 10),
        CONSTRAINT ck_calibration_standards_unit CHECK (unit IN ('mm', 'Hz')),
        CONSTRAINT ck_calibration_standards_mpe_micro CHECK (mpe_micro >= 0),
        CONSTRAINT ck_calibration_standards_resolution_micro CHECK (resolution_micro >= 0),
        CONSTRAINT ck_calibration_standards_uncertainty_micro CHECK (uncertainty_micro >= 0),
        CONSTRAINT uq_calibration_standards_calibration_id_seq UNIQUE (calibration_id, seq),
        CONSTRAINT fk_calibration_standards_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_calibration_standards_calibration_id_calibrations FOREIGN KEY(calibration_id) REFERENCES calibrations (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_calibration_standards_certificate ON calibration_standards (certificate)
    """,
    """
    CREATE TABLE calibration_readings (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        calibration_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        round INTEGER NOT NULL,
        measurand TEXT NOT NULL,
        step INTEGER NOT NULL,
        set_to_micro INTEGER NOT NULL,
        direction TEXT NOT NULL,
        value_micro INTEGER NOT NULL,
        typed TEXT NOT NULL,
        source TEXT NOT NULL,
        commanded_um INTEGER,
        read_back_um INTEGER,
        remark TEXT NOT NULL,
        CONSTRAINT pk_calibration_readings PRIMARY KEY (id),
        CONSTRAINT ck_calibration_readings_measurand CHECK (measurand IN ('protrusion-static', 'protrusion-dynamic', 'rate-no-load', 'rate-light-load')),
        CONSTRAINT ck_calibration_readings_direction CHECK (direction IN ('up', 'down')),
        CONSTRAINT ck_calibration_readings_source CHECK (source IN ('typed', 'keyboard', 'gauge', 'file')),
        CONSTRAINT ck_calibration_readings_round CHECK (round >= 0),
        CONSTRAINT ck_calibration_readings_step CHECK (step >= 0),
        CONSTRAINT ck_calibration_readings_value_micro CHECK (value_micro >= 0),
        CONSTRAINT uq_calibration_readings_calibration_id_seq UNIQUE (calibration_id, seq),
        CONSTRAINT fk_calibration_readings_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_calibration_readings_calibration_id_calibrations FOREIGN KEY(calibration_id) REFERENCES calibrations (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE calibration_withdrawals (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        reading_id BLOB NOT NULL,
        reason TEXT NOT NULL,
        CONSTRAINT pk_calibration_withdrawals PRIMARY KEY (id),
        CONSTRAINT ck_calibration_withdrawals_reason CHECK (length(reason) > 0),
        CONSTRAINT uq_calibration_withdrawals_reading_id UNIQUE (reading_id),
        CONSTRAINT fk_calibration_withdrawals_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_calibration_withdrawals_reading_id_calibration_readings FOREIGN KEY(reading_id) REFERENCES calibration_readings (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE calibration_evaluations (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        calibration_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        round INTEGER NOT NULL,
        measurand TEXT NOT NULL,
        verdict TEXT NOT NULL,
        detail TEXT NOT NULL,
        CONSTRAINT pk_calibration_evaluations PRIMARY KEY (id),
        CONSTRAINT ck_calibration_evaluations_measurand CHECK (measurand IN ('protrusion-static', 'protrusion-dynamic', 'rate-no-load', 'rate-light-load')),
        CONSTRAINT ck_calibration_evaluations_verdict CHECK (verdict IN ('pass', 'conditional pass', 'conditional fail', 'fail')),
        CONSTRAINT ck_calibration_evaluations_round CHECK (round >= 0),
        CONSTRAINT uq_calibration_evaluations_calibration_id_seq UNIQUE (calibration_id, seq),
        CONSTRAINT fk_calibration_evaluations_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_calibration_evaluations_calibration_id_calibrations FOREIGN KEY(calibration_id) REFERENCES calibrations (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE calibration_corrections (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        calibration_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        kind TEXT NOT NULL,
        cartridge_key INTEGER NOT NULL,
        table_key INTEGER NOT NULL,
        knots TEXT NOT NULL,
        CONSTRAINT pk_calibration_corrections PRIMARY KEY (id),
        CONSTRAINT ck_calibration_corrections_kind CHECK (kind IN ('linear', 'piecewise', 'none')),
        CONSTRAINT uq_calibration_corrections_calibration_id_seq UNIQUE (calibration_id, seq),
        CONSTRAINT fk_calibration_corrections_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_calibration_corrections_calibration_id_calibrations FOREIGN KEY(calibration_id) REFERENCES calibrations (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE calibration_correction_results (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        correction_id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        text TEXT NOT NULL,
        held_key INTEGER,
        held TEXT,
        CONSTRAINT pk_calibration_correction_results PRIMARY KEY (id),
        CONSTRAINT ck_calibration_correction_results_outcome CHECK (outcome IN ('confirmed', 'rejected', 'not_sent', 'unknown', 'assumed_executed')),
        CONSTRAINT uq_calibration_correction_results_correction_id_seq UNIQUE (correction_id, seq),
        CONSTRAINT fk_calibration_correction_results_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_calibration_correction_results_correction_id_calibration_corrections FOREIGN KEY(correction_id) REFERENCES calibration_corrections (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE calibration_ends (
        id BLOB NOT NULL,
        at_utc_us INTEGER NOT NULL,
        operator_id BLOB,
        calibration_id BLOB NOT NULL,
        how TEXT NOT NULL,
        reason TEXT NOT NULL,
        verdict_found TEXT,
        verdict_left TEXT,
        method TEXT,
        issued_date TEXT,
        expires_date TEXT,
        months INTEGER,
        sessions INTEGER,
        motor_milli_hours INTEGER,
        table_key INTEGER,
        content_sha256 TEXT,
        binding_sha256 TEXT,
        name TEXT,
        key_id BLOB,
        signature BLOB,
        CONSTRAINT pk_calibration_ends PRIMARY KEY (id),
        CONSTRAINT ck_calibration_ends_how CHECK (how IN ('finished', 'abandoned')),
        CONSTRAINT ck_calibration_ends_verdict_found CHECK (verdict_found IN ('pass', 'conditional pass', 'conditional fail', 'fail')),
        CONSTRAINT ck_calibration_ends_verdict_left CHECK (verdict_left IN ('pass', 'conditional pass', 'conditional fail', 'fail')),
        CONSTRAINT ck_calibration_ends_issued_date CHECK (issued_date = date(issued_date) AND length(issued_date) = 10),
        CONSTRAINT ck_calibration_ends_expires_date CHECK (expires_date = date(expires_date) AND length(expires_date) = 10),
        CONSTRAINT ck_calibration_ends_finished CHECK ((verdict_found IS NULL) = (verdict_left IS NULL) AND (verdict_found IS NULL) = (method IS NULL) AND (verdict_found IS NULL) = (issued_date IS NULL) AND (verdict_found IS NULL) = (expires_date IS NULL) AND (verdict_found IS NULL) = (months IS NULL) AND (verdict_found IS NULL) = (table_key IS NULL) AND (verdict_found IS NULL) = (content_sha256 IS NULL) AND (verdict_found IS NULL) = (binding_sha256 IS NULL) AND (verdict_found IS NULL) = (name IS NULL) AND (verdict_found IS NULL) = (key_id IS NULL) AND (verdict_found IS NULL) = (signature IS NULL)),
        CONSTRAINT ck_calibration_ends_signed CHECK ((how = 'finished') = (signature IS NOT NULL)),
        CONSTRAINT uq_calibration_ends_calibration_id UNIQUE (calibration_id),
        CONSTRAINT fk_calibration_ends_operator_id_operators FOREIGN KEY(operator_id) REFERENCES operators (id),
        CONSTRAINT fk_calibration_ends_calibration_id_calibrations FOREIGN KEY(calibration_id) REFERENCES calibrations (id),
        CONSTRAINT fk_calibration_ends_key_id_station_keys FOREIGN KEY(key_id) REFERENCES station_keys (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE pass_settings (
        pass_id BLOB NOT NULL,
        calibration_id BLOB,
        depth_target_um INTEGER,
        depth_commanded_um INTEGER,
        depth_read_back_um INTEGER,
        CONSTRAINT pk_pass_settings PRIMARY KEY (pass_id),
        CONSTRAINT fk_pass_settings_pass_id_passes FOREIGN KEY(pass_id) REFERENCES passes (id),
        CONSTRAINT fk_pass_settings_calibration_id_calibrations FOREIGN KEY(calibration_id) REFERENCES calibrations (id)
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ix_pass_settings_calibration_id ON pass_settings (calibration_id)
    """,
)


def upgrade() -> None:
    """Make the new tables."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """There is no way down: restore the backup made before the upgrade."""
    raise NotImplementedError("restore the backup made before the upgrade")
