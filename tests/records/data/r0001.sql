PRAGMA application_id = 1145262641;
BEGIN TRANSACTION;
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
    ;
INSERT INTO "alarms" VALUES(X'01A0C4506C1A7055BEDC41CD986E86CB',X'01A0C4506C08717AA0C31C70CDCC6929',X'01A0C4506C0473B9A08078AF73AB4876','simulated','battery','low','The battery is low: 9 %.',1790000000027000,3,NULL,1790000000028000);
INSERT INTO "alarms" VALUES(X'01A0C4506C3273B69C31A96E5387F613',X'01A0C4506C227533A7E1562928518867',X'01A0C4506C0473B9A08078AF73AB4876','simulated','battery','low','The battery is low: 9 %.',1790000000051000,3,NULL,1790000000052000);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
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
    ;
INSERT INTO "boots" VALUES(X'01A0C4506C0376DAB1FF7A01EC99108D',X'01A0C4506C02739EA3D34F89DDA1494C',1790000000001000,NULL,'0.1.0','3.11.7','3.40.1','Linux');
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
    ;
INSERT INTO "cartridges" VALUES(X'01A0C4506C0A73CEA74B19FBA13FFE79','R14','C-1','L1','2028-01-31',14,'simulated',1790000000011000);
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
    ;
INSERT INTO "clients" VALUES(X'01A0C4506C0676D78C275ADE965EDA32','T-1',1,1790000000007000);
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
    ;
INSERT INTO "commands" VALUES(X'01A0C4506C10739289132BE74DABB481',X'01A0C4506C0473B9A08078AF73AB4876',NULL,'simulated',4000000000,1,'start',180000,1790000000017000,9,'confirmed','',0,1790000000018000);
INSERT INTO "commands" VALUES(X'01A0C4506C17771FA89ADFD8B1852F27',X'01A0C4506C0473B9A08078AF73AB4876',NULL,'simulated',4000000000,2,'start',180000,1790000000024000,9,'confirmed','',0,1790000000025000);
INSERT INTO "commands" VALUES(X'01A0C4506C287081824822990F3EBDD3',X'01A0C4506C0473B9A08078AF73AB4876',NULL,'simulated',4000000000,1,'start',180000,1790000000041000,9,'confirmed','',0,1790000000042000);
INSERT INTO "commands" VALUES(X'01A0C4506C2F74CCB1CC873007B37E14',X'01A0C4506C0473B9A08078AF73AB4876',NULL,'simulated',4000000000,2,'start',180000,1790000000048000,9,'confirmed','',0,1790000000049000);
INSERT INTO "commands" VALUES(X'01A0C4506C3F753D9A08A9AC4735AF1C',X'01A0C4506C0473B9A08078AF73AB4876',NULL,'simulated',4000000000,99,'start',180000,1790000000064000,9,NULL,NULL,NULL,NULL);
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
    ;
INSERT INTO "events" VALUES(X'01A0C4506C1D732B9CFDDE2AF6FA5DB8',X'01A0C4506C08717AA0C31C70CDCC6929',X'01A0C4506C0473B9A08078AF73AB4876','simulated','note','two – ''quoted'' and µ','{}',1790000000030000,3);
INSERT INTO "events" VALUES(X'01A0C4506C3574BA8C80253AD7A94DED',X'01A0C4506C227533A7E1562928518867',X'01A0C4506C0473B9A08078AF73AB4876','simulated','note','two – ''quoted'' and µ','{}',1790000000054000,3);
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
    ;
INSERT INTO "pass_segments" VALUES(X'01A0C4506C0C765886061E642FA91425',0,'measured',1,1000,1980);
INSERT INTO "pass_segments" VALUES(X'01A0C4506C1370B9B3D1374F89E7D15F',0,'measured',1,1000,1980);
INSERT INTO "pass_segments" VALUES(X'01A0C4506C24701EA1D0FFADD4EA65D0',0,'measured',1,1000,1980);
INSERT INTO "pass_segments" VALUES(X'01A0C4506C2B71858F7BFE8EE12B2B8F',0,'measured',1,1000,1980);
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
    ;
INSERT INTO "passes" VALUES(X'01A0C4506C0C765886061E642FA91425',X'01A0C4506C08717AA0C31C70CDCC6929',X'01A0C4506C0473B9A08078AF73AB4876',NULL,1,'granted','VTX','simulated',1000,100000,14,5000,1790000000013000,7,1000,1790000000015000,1980,'ended',980,980,'measured',0,98,98,27,1000,1000,1000,300,50,0);
INSERT INTO "passes" VALUES(X'01A0C4506C1370B9B3D1374F89E7D15F',X'01A0C4506C08717AA0C31C70CDCC6929',X'01A0C4506C0473B9A08078AF73AB4876',NULL,2,'granted','VTX','simulated',1000,100000,14,5000,1790000000020000,7,1000,1790000000022000,1980,'ended',980,980,'measured',0,98,98,27,1000,1000,1000,300,50,0);
INSERT INTO "passes" VALUES(X'01A0C4506C24701EA1D0FFADD4EA65D0',X'01A0C4506C227533A7E1562928518867',X'01A0C4506C0473B9A08078AF73AB4876',NULL,1,'granted','VTX','simulated',1000,100000,14,5000,1790000000037000,7,1000,1790000000039000,1980,'ended',980,980,'measured',0,98,98,27,1000,1000,1000,300,50,0);
INSERT INTO "passes" VALUES(X'01A0C4506C2B71858F7BFE8EE12B2B8F',X'01A0C4506C227533A7E1562928518867',X'01A0C4506C0473B9A08078AF73AB4876',NULL,2,'granted','VTX','simulated',1000,100000,14,5000,1790000000044000,7,1000,1790000000046000,1980,'ended',980,980,'measured',0,98,98,27,1000,1000,1000,300,50,0);
INSERT INTO "passes" VALUES(X'01A0C4506C3C754C9D44E48D15C1D2DF',X'01A0C4506C3A725A804B43A97FF12229',X'01A0C4506C0473B9A08078AF73AB4876',NULL,1,'granted','VTX','simulated',1000,100000,14,5000,1790000000061000,7,1000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
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
    ;
INSERT INTO "pens" VALUES(X'01A0C4506C0473B9A08078AF73AB4876','Open','Reference','S1','1.0.0','A','simulated',1790000000005000);
INSERT INTO "pens" VALUES(X'01A0C4506C4177FBBFB9696C8D1FE1DA','Open','Reference','S2','1.0.0','A','simulated',1790000000066000);
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
    ;
INSERT INTO "sessions" VALUES(X'01A0C4506C08717AA0C31C70CDCC6929',X'01A0C4506C0376DAB1FF7A01EC99108D',X'01A0C4506C0473B9A08078AF73AB4876',X'01A0C4506C0676D78C275ADE965EDA32','treatment','simulated',1790000000009000,5,1790000000033000,'closed');
INSERT INTO "sessions" VALUES(X'01A0C4506C227533A7E1562928518867',X'01A0C4506C0376DAB1FF7A01EC99108D',X'01A0C4506C0473B9A08078AF73AB4876',X'01A0C4506C0676D78C275ADE965EDA32','treatment','simulated',1790000000035000,5,1790000000057000,'closed');
INSERT INTO "sessions" VALUES(X'01A0C4506C3A725A804B43A97FF12229',X'01A0C4506C0376DAB1FF7A01EC99108D',X'01A0C4506C0473B9A08078AF73AB4876',X'01A0C4506C0676D78C275ADE965EDA32','treatment','simulated',1790000000059000,5,NULL,NULL);
INSERT INTO "sessions" VALUES(X'01A0C4506C437774855334AAD7185DDA',X'01A0C4506C0376DAB1FF7A01EC99108D',X'01A0C4506C4177FBBFB9696C8D1FE1DA',NULL,'bench','simulated',1790000000068000,5,NULL,NULL);
CREATE TABLE stations (
        id BLOB NOT NULL,
        name TEXT NOT NULL,
        created_utc_us INTEGER NOT NULL,
        CONSTRAINT pk_stations PRIMARY KEY (id)
    )
     WITHOUT ROWID,
     STRICT
    ;
INSERT INTO "stations" VALUES(X'01A0C4506C02739EA3D34F89DDA1494C','station',1790000000001000);
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
    ;
INSERT INTO "stops" VALUES(X'01A0C4506C1F753BA765611FBD299753',X'01A0C4506C08717AA0C31C70CDCC6929',X'01A0C4506C0473B9A08078AF73AB4876','simulated','space',1790000000032000,1,400,90000,1);
INSERT INTO "stops" VALUES(X'01A0C4506C377427A8FA8A133BD03346',X'01A0C4506C227533A7E1562928518867',X'01A0C4506C0473B9A08078AF73AB4876','simulated','space',1790000000056000,1,400,90000,1);
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
    ;
INSERT INTO "telemetry_blocks" VALUES(X'01A0C4506C0C765886061E642FA91425',0,'simulated',1,50,1000,1980,1000,1000,100000,250,1790000000014000,X'5401080032000000789C7BC1CC00068C22A48217309D0CA482056D8C64EAFCC540AE9D323CE4EAB4E1275727231A4D0F9D009E710849682C0133');
INSERT INTO "telemetry_blocks" VALUES(X'01A0C4506C1370B9B3D1374F89E7D15F',0,'simulated',1,50,1000,1980,1000,1000,100000,250,1790000000021000,X'5401080032000000789C7BC1CC00068C22A48217309D0CA482056D8C64EAFCC540AE9D323CE4EAB4E1275727231A4D0F9D009E710849682C0133');
INSERT INTO "telemetry_blocks" VALUES(X'01A0C4506C24701EA1D0FFADD4EA65D0',0,'simulated',1,50,1000,1980,1000,1000,100000,250,1790000000038000,X'5401080032000000789C7BC1CC00068C22A48217309D0CA482056D8C64EAFCC540AE9D323CE4EAB4E1275727231A4D0F9D009E710849682C0133');
INSERT INTO "telemetry_blocks" VALUES(X'01A0C4506C2B71858F7BFE8EE12B2B8F',0,'simulated',1,50,1000,1980,1000,1000,100000,250,1790000000045000,X'5401080032000000789C7BC1CC00068C22A48217309D0CA482056D8C64EAFCC540AE9D323CE4EAB4E1275727231A4D0F9D009E710849682C0133');
INSERT INTO "telemetry_blocks" VALUES(X'01A0C4506C3C754C9D44E48D15C1D2DF',0,'simulated',0,50,1000,1980,1000,1000,100000,250,1790000000062000,X'540108003200000078017BC1CC00068C22A48217309D1003482017B43142EC24410F44E92FA80E887E52B4CBF0405493AED3869F5C9D30BB6034F1EE85E980D1C4EB04009E71084902EDD57D');
CREATE INDEX ix_cartridges_lot ON cartridges (lot)
    ;
CREATE INDEX ix_sessions_client_id_opened_utc_us ON sessions (client_id, opened_utc_us)
    ;
CREATE INDEX ix_sessions_open ON sessions (id) WHERE ended_utc_us IS NULL
    ;
CREATE INDEX ix_sessions_opened_utc_us ON sessions (opened_utc_us)
    ;
CREATE INDEX ix_alarms_raised_utc_us ON alarms (raised_utc_us)
    ;
CREATE INDEX ix_alarms_session_id ON alarms (session_id)
    ;
CREATE INDEX ix_commands_open ON commands (pen_id) WHERE outcome IS NULL OR outcome = 'unknown'
    ;
CREATE INDEX ix_commands_session_id ON commands (session_id)
    ;
CREATE INDEX ix_events_at_utc_us ON events (at_utc_us)
    ;
CREATE INDEX ix_events_session_id ON events (session_id)
    ;
CREATE INDEX ix_passes_cartridge_id ON passes (cartridge_id)
    ;
CREATE INDEX ix_passes_open ON passes (id) WHERE ended_utc_us IS NULL
    ;
CREATE INDEX ix_stops_at_utc_us ON stops (at_utc_us)
    ;
CREATE INDEX ix_stops_session_id ON stops (session_id)
    ;
CREATE TRIGGER guard_stations_replace BEFORE INSERT ON stations WHEN EXISTS (SELECT 1 FROM stations WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'stations: this entry exists'); END;
CREATE TRIGGER guard_stations_delete BEFORE DELETE ON stations BEGIN SELECT RAISE(ABORT, 'stations: nothing is ever deleted'); END;
CREATE TRIGGER guard_boots_replace BEFORE INSERT ON boots WHEN EXISTS (SELECT 1 FROM boots WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'boots: this entry exists'); END;
CREATE TRIGGER guard_boots_delete BEFORE DELETE ON boots BEGIN SELECT RAISE(ABORT, 'boots: nothing is ever deleted'); END;
CREATE TRIGGER guard_pens_replace BEFORE INSERT ON pens WHEN EXISTS (SELECT 1 FROM pens WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'pens: this entry exists'); END;
CREATE TRIGGER guard_pens_replace_manufacturer BEFORE INSERT ON pens WHEN EXISTS (SELECT 1 FROM pens WHERE manufacturer = NEW.manufacturer AND model = NEW.model AND serial = NEW.serial AND firmware = NEW.firmware AND hardware = NEW.hardware AND origin = NEW.origin) BEGIN SELECT RAISE(ABORT, 'pens: this entry exists'); END;
CREATE TRIGGER guard_pens_delete BEFORE DELETE ON pens BEGIN SELECT RAISE(ABORT, 'pens: nothing is ever deleted'); END;
CREATE TRIGGER guard_cartridges_replace BEFORE INSERT ON cartridges WHEN EXISTS (SELECT 1 FROM cartridges WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'cartridges: this entry exists'); END;
CREATE TRIGGER guard_cartridges_replace_type BEFORE INSERT ON cartridges WHEN EXISTS (SELECT 1 FROM cartridges WHERE type = NEW.type AND serial = NEW.serial AND lot = NEW.lot AND expiry = NEW.expiry AND needles = NEW.needles AND origin = NEW.origin) BEGIN SELECT RAISE(ABORT, 'cartridges: this entry exists'); END;
CREATE TRIGGER guard_cartridges_delete BEFORE DELETE ON cartridges BEGIN SELECT RAISE(ABORT, 'cartridges: nothing is ever deleted'); END;
CREATE TRIGGER guard_clients_replace BEFORE INSERT ON clients WHEN EXISTS (SELECT 1 FROM clients WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'clients: this entry exists'); END;
CREATE TRIGGER guard_clients_replace_code BEFORE INSERT ON clients WHEN EXISTS (SELECT 1 FROM clients WHERE code = NEW.code) BEGIN SELECT RAISE(ABORT, 'clients: this entry exists'); END;
CREATE TRIGGER guard_clients_delete BEFORE DELETE ON clients BEGIN SELECT RAISE(ABORT, 'clients: nothing is ever deleted'); END;
CREATE TRIGGER guard_sessions_replace BEFORE INSERT ON sessions WHEN EXISTS (SELECT 1 FROM sessions WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'sessions: this entry exists'); END;
CREATE TRIGGER guard_sessions_delete BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'sessions: nothing is ever deleted'); END;
CREATE TRIGGER guard_passes_replace BEFORE INSERT ON passes WHEN EXISTS (SELECT 1 FROM passes WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'passes: this entry exists'); END;
CREATE TRIGGER guard_passes_replace_session_id BEFORE INSERT ON passes WHEN EXISTS (SELECT 1 FROM passes WHERE session_id = NEW.session_id AND seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'passes: this entry exists'); END;
CREATE TRIGGER guard_passes_delete BEFORE DELETE ON passes BEGIN SELECT RAISE(ABORT, 'passes: nothing is ever deleted'); END;
CREATE TRIGGER guard_pass_segments_replace BEFORE INSERT ON pass_segments WHEN EXISTS (SELECT 1 FROM pass_segments WHERE pass_id = NEW.pass_id AND seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'pass_segments: this entry exists'); END;
CREATE TRIGGER guard_pass_segments_delete BEFORE DELETE ON pass_segments BEGIN SELECT RAISE(ABORT, 'pass_segments: nothing is ever deleted'); END;
CREATE TRIGGER guard_telemetry_blocks_replace BEFORE INSERT ON telemetry_blocks WHEN EXISTS (SELECT 1 FROM telemetry_blocks WHERE pass_id = NEW.pass_id AND seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'telemetry_blocks: this entry exists'); END;
CREATE TRIGGER guard_telemetry_blocks_replace_rowid BEFORE INSERT ON telemetry_blocks WHEN EXISTS (SELECT 1 FROM telemetry_blocks WHERE rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'telemetry_blocks: this entry exists'); END;
CREATE TRIGGER guard_telemetry_blocks_delete BEFORE DELETE ON telemetry_blocks BEGIN SELECT RAISE(ABORT, 'telemetry_blocks: nothing is ever deleted'); END;
CREATE TRIGGER guard_commands_replace BEFORE INSERT ON commands WHEN EXISTS (SELECT 1 FROM commands WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'commands: this entry exists'); END;
CREATE TRIGGER guard_commands_delete BEFORE DELETE ON commands BEGIN SELECT RAISE(ABORT, 'commands: nothing is ever deleted'); END;
CREATE TRIGGER guard_alarms_replace BEFORE INSERT ON alarms WHEN EXISTS (SELECT 1 FROM alarms WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'alarms: this entry exists'); END;
CREATE TRIGGER guard_alarms_delete BEFORE DELETE ON alarms BEGIN SELECT RAISE(ABORT, 'alarms: nothing is ever deleted'); END;
CREATE TRIGGER guard_events_replace BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'events: this entry exists'); END;
CREATE TRIGGER guard_events_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events: nothing is ever deleted'); END;
CREATE TRIGGER guard_stops_replace BEFORE INSERT ON stops WHEN EXISTS (SELECT 1 FROM stops WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'stops: this entry exists'); END;
CREATE TRIGGER guard_stops_delete BEFORE DELETE ON stops BEGIN SELECT RAISE(ABORT, 'stops: nothing is ever deleted'); END;
CREATE TRIGGER guard_stations_update BEFORE UPDATE ON stations BEGIN SELECT RAISE(ABORT, 'stations: entries never change'); END;
CREATE TRIGGER guard_pens_update BEFORE UPDATE ON pens BEGIN SELECT RAISE(ABORT, 'pens: entries never change'); END;
CREATE TRIGGER guard_cartridges_update BEFORE UPDATE ON cartridges BEGIN SELECT RAISE(ABORT, 'cartridges: entries never change'); END;
CREATE TRIGGER guard_clients_update BEFORE UPDATE ON clients BEGIN SELECT RAISE(ABORT, 'clients: entries never change'); END;
CREATE TRIGGER guard_events_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events: entries never change'); END;
CREATE TRIGGER guard_pass_segments_update BEFORE UPDATE ON pass_segments BEGIN SELECT RAISE(ABORT, 'pass_segments: entries never change'); END;
CREATE TRIGGER guard_boots_closed BEFORE UPDATE ON boots WHEN OLD.ended_utc_us IS NOT NULL BEGIN SELECT RAISE(ABORT, 'this boot has ended'); END;
CREATE TRIGGER guard_sessions_closed BEFORE UPDATE ON sessions WHEN OLD.ended_utc_us IS NOT NULL BEGIN SELECT RAISE(ABORT, 'this session is closed'); END;
CREATE TRIGGER guard_passes_closed BEFORE UPDATE ON passes WHEN OLD.ended_utc_us IS NOT NULL BEGIN SELECT RAISE(ABORT, 'this pass is closed'); END;
CREATE TRIGGER guard_telemetry_blocks_closed BEFORE UPDATE ON telemetry_blocks WHEN OLD.sealed = 1 BEGIN SELECT RAISE(ABORT, 'this telemetry block is sealed'); END;
CREATE TRIGGER guard_commands_closed BEFORE UPDATE ON commands WHEN OLD.outcome IS NOT NULL AND (OLD.outcome <> 'unknown' OR NEW.outcome IS NULL) BEGIN SELECT RAISE(ABORT, 'this command is settled'); END;
CREATE TRIGGER guard_stops_closed BEFORE UPDATE ON stops WHEN OLD.still = 1 OR NEW.still = 0 BEGIN SELECT RAISE(ABORT, 'this stop is complete'); END;
CREATE TRIGGER guard_alarms_closed BEFORE UPDATE ON alarms WHEN (OLD.cleared_utc_us IS NOT NULL AND NEW.cleared_utc_us IS NOT OLD.cleared_utc_us) OR (OLD.acknowledged_utc_us IS NOT NULL AND NEW.acknowledged_utc_us IS NOT OLD.acknowledged_utc_us) BEGIN SELECT RAISE(ABORT, 'this alarm was cleared or acknowledged before'); END;
CREATE TRIGGER guard_boots_fixed BEFORE UPDATE ON boots WHEN NEW.id IS NOT OLD.id OR NEW.station_id IS NOT OLD.station_id OR NEW.started_utc_us IS NOT OLD.started_utc_us OR NEW.version IS NOT OLD.version OR NEW.python IS NOT OLD.python OR NEW.sqlite IS NOT OLD.sqlite OR NEW.system IS NOT OLD.system BEGIN SELECT RAISE(ABORT, 'boots: what was opened does not change'); END;
CREATE TRIGGER guard_sessions_fixed BEFORE UPDATE ON sessions WHEN NEW.id IS NOT OLD.id OR NEW.boot_id IS NOT OLD.boot_id OR NEW.pen_id IS NOT OLD.pen_id OR NEW.client_id IS NOT OLD.client_id OR NEW.purpose IS NOT OLD.purpose OR NEW.origin IS NOT OLD.origin OR NEW.opened_utc_us IS NOT OLD.opened_utc_us OR NEW.opened_boot_us IS NOT OLD.opened_boot_us BEGIN SELECT RAISE(ABORT, 'sessions: what was opened does not change'); END;
CREATE TRIGGER guard_passes_fixed BEFORE UPDATE ON passes WHEN NEW.id IS NOT OLD.id OR NEW.session_id IS NOT OLD.session_id OR NEW.pen_id IS NOT OLD.pen_id OR NEW.cartridge_id IS NOT OLD.cartridge_id OR NEW.seq IS NOT OLD.seq OR NEW.kind IS NOT OLD.kind OR NEW.zone IS NOT OLD.zone OR NEW.origin IS NOT OLD.origin OR NEW.depth_set_um IS NOT OLD.depth_set_um OR NEW.rate_set_mhz IS NOT OLD.rate_set_mhz OR NEW.needles IS NOT OLD.needles OR NEW.area_mm2 IS NOT OLD.area_mm2 OR NEW.opened_utc_us IS NOT OLD.opened_utc_us OR NEW.opened_boot_us IS NOT OLD.opened_boot_us OR NEW.opened_clock_ms IS NOT OLD.opened_clock_ms BEGIN SELECT RAISE(ABORT, 'passes: what was opened does not change'); END;
CREATE TRIGGER guard_telemetry_blocks_fixed BEFORE UPDATE ON telemetry_blocks WHEN NEW.pass_id IS NOT OLD.pass_id OR NEW.seq IS NOT OLD.seq OR NEW.origin IS NOT OLD.origin OR NEW.from_clock_ms IS NOT OLD.from_clock_ms BEGIN SELECT RAISE(ABORT, 'telemetry_blocks: what was opened does not change'); END;
CREATE TRIGGER guard_commands_fixed BEFORE UPDATE ON commands WHEN NEW.id IS NOT OLD.id OR NEW.pen_id IS NOT OLD.pen_id OR NEW.session_id IS NOT OLD.session_id OR NEW.origin IS NOT OLD.origin OR NEW.pen_boot_id IS NOT OLD.pen_boot_id OR NEW.cmd_id IS NOT OLD.cmd_id OR NEW.action IS NOT OLD.action OR NEW.value IS NOT OLD.value OR NEW.intended_utc_us IS NOT OLD.intended_utc_us OR NEW.intended_boot_us IS NOT OLD.intended_boot_us BEGIN SELECT RAISE(ABORT, 'commands: what was opened does not change'); END;
CREATE TRIGGER guard_alarms_fixed BEFORE UPDATE ON alarms WHEN NEW.id IS NOT OLD.id OR NEW.session_id IS NOT OLD.session_id OR NEW.pen_id IS NOT OLD.pen_id OR NEW.origin IS NOT OLD.origin OR NEW.code IS NOT OLD.code OR NEW.priority IS NOT OLD.priority OR NEW.text IS NOT OLD.text OR NEW.raised_utc_us IS NOT OLD.raised_utc_us OR NEW.raised_boot_us IS NOT OLD.raised_boot_us BEGIN SELECT RAISE(ABORT, 'alarms: what was opened does not change'); END;
CREATE TRIGGER guard_stops_fixed BEFORE UPDATE ON stops WHEN NEW.id IS NOT OLD.id OR NEW.session_id IS NOT OLD.session_id OR NEW.pen_id IS NOT OLD.pen_id OR NEW.origin IS NOT OLD.origin OR NEW.source IS NOT OLD.source OR NEW.at_utc_us IS NOT OLD.at_utc_us OR NEW.at_boot_us IS NOT OLD.at_boot_us OR NEW.key_to_bytes_us IS NOT OLD.key_to_bytes_us BEGIN SELECT RAISE(ABORT, 'stops: what was opened does not change'); END;
CREATE TRIGGER guard_passes_parent BEFORE INSERT ON passes WHEN NEW.session_id IS NOT NULL AND (SELECT ended_utc_us FROM sessions WHERE id = NEW.session_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the session of this pass is closed'); END;
CREATE TRIGGER guard_pass_segments_parent BEFORE INSERT ON pass_segments WHEN (SELECT ended_utc_us FROM passes WHERE id = NEW.pass_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the pass of this segment is closed'); END;
CREATE TRIGGER guard_telemetry_blocks_parent BEFORE INSERT ON telemetry_blocks WHEN (SELECT ended_utc_us FROM passes WHERE id = NEW.pass_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the pass of this telemetry is closed'); END;
CREATE TRIGGER guard_sessions_origin BEFORE INSERT ON sessions WHEN NEW.origin IS NOT (SELECT origin FROM pens WHERE id = NEW.pen_id) BEGIN SELECT RAISE(ABORT, 'sessions: the origin is not that of the pen'); END;
CREATE TRIGGER guard_passes_origin BEFORE INSERT ON passes WHEN NEW.origin IS NOT (SELECT origin FROM pens WHERE id = NEW.pen_id) BEGIN SELECT RAISE(ABORT, 'passes: the origin is not that of the pen'); END;
CREATE TRIGGER guard_commands_origin BEFORE INSERT ON commands WHEN NEW.origin IS NOT (SELECT origin FROM pens WHERE id = NEW.pen_id) BEGIN SELECT RAISE(ABORT, 'commands: the origin is not that of the pen'); END;
CREATE TRIGGER guard_alarms_origin BEFORE INSERT ON alarms WHEN NEW.origin IS NOT (SELECT origin FROM pens WHERE id = NEW.pen_id) BEGIN SELECT RAISE(ABORT, 'alarms: the origin is not that of the pen'); END;
CREATE TRIGGER guard_events_origin BEFORE INSERT ON events WHEN NEW.origin IS NOT (SELECT origin FROM pens WHERE id = NEW.pen_id) BEGIN SELECT RAISE(ABORT, 'events: the origin is not that of the pen'); END;
CREATE TRIGGER guard_stops_origin BEFORE INSERT ON stops WHEN NEW.origin IS NOT (SELECT origin FROM pens WHERE id = NEW.pen_id) BEGIN SELECT RAISE(ABORT, 'stops: the origin is not that of the pen'); END;
CREATE TRIGGER guard_telemetry_blocks_origin BEFORE INSERT ON telemetry_blocks WHEN NEW.origin IS NOT (SELECT origin FROM passes WHERE id = NEW.pass_id) BEGIN SELECT RAISE(ABORT, 'telemetry_blocks: the origin is not that of the pass'); END;
CREATE TRIGGER guard_passes_pen BEFORE INSERT ON passes WHEN NEW.session_id IS NOT NULL AND NEW.pen_id IS NOT (SELECT pen_id FROM sessions WHERE id = NEW.session_id) BEGIN SELECT RAISE(ABORT, 'this pen is not the one of the session'); END;
CREATE TRIGGER guard_sessions_open_passes BEFORE UPDATE ON sessions WHEN NEW.ended_utc_us IS NOT NULL AND EXISTS (SELECT 1 FROM passes WHERE session_id = NEW.id AND ended_utc_us IS NULL) BEGIN SELECT RAISE(ABORT, 'a pass of this session is still open'); END;
CREATE TRIGGER guard_passes_open_blocks BEFORE UPDATE ON passes WHEN NEW.ended_utc_us IS NOT NULL AND EXISTS (SELECT 1 FROM telemetry_blocks WHERE pass_id = NEW.id AND sealed = 0) BEGIN SELECT RAISE(ABORT, 'a telemetry block of this pass is not sealed'); END;
CREATE TRIGGER guard_sessions_training BEFORE INSERT ON sessions WHEN NEW.client_id IS NOT NULL AND (SELECT training FROM clients WHERE id = NEW.client_id) IS NOT (NEW.origin <> 'hardware') BEGIN SELECT RAISE(ABORT, 'a simulated pen treats only training clients, and hardware never treats them'); END;
COMMIT;
