"""A signature covers all of a session, holds while what may still happen happens, and breaks when anything is edited."""

from __future__ import annotations

import hashlib
import json
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from devicectl.access import signing
from devicectl.records import amendments, audit, bound, jobs, rows, signed
from devicectl.records import tables as t
from devicectl.records.canonical import canonical
from devicectl.records.errors import RecordRefused
from devicectl.records.signed import covered


def payload_of(practice, made: signing.Signed, meaning: str = "performed") -> dict:
    row = practice.world.do(lambda c: c.execute(t.signatures.select().where(t.signatures.c.id == made.id)).one())
    return practice.world.do(
        lambda c: signed.payload(
            c, covered(c, row.session_id), made.anchor, meaning=meaning, operator=row.operator_id, name=row.name,
            at_utc_us=row.at_utc_us,
        )
    )  # fmt: skip


def test_the_payload_holds_all_of_the_session(practice):
    practice.treat()
    content = payload_of(practice, practice.sign())
    found = content["rows"]
    assert {name for name, some in found.items() if some} == {
        "sessions", "passes", "pass_segments", "telemetry_blocks", "commands", "alarms", "events", "stops", "consents",
        "skin_preparations", "notes", "clients", "pens",
    }  # fmt: skip
    assert [len(found[name]) for name in ("passes", "telemetry_blocks", "commands", "consents")] == [3, 3, 3, 1]
    text = canonical(content).decode()
    assert "data_sha256" in text
    assert "itches" not in text
    assert json.loads(text)["meaning"] == "performed"
    # What may still change by right is covered by what is fixed of it.
    assert "acknowledged_utc_us" not in found["alarms"][0]
    assert [("outcome" in one) for one in found["commands"]] == [True, True, False]


def test_anybody_can_verify_with_the_public_key_of_the_record(practice):
    practice.treat()
    made = practice.sign()
    row = practice.world.do(
        lambda c: c.execute(
            t.signatures.join(t.station_keys, t.station_keys.c.id == t.signatures.c.key_id).select()
        ).one()
    )
    digest = hashlib.sha256(canonical(payload_of(practice, made))).digest()
    Ed25519PublicKey.from_public_bytes(row.public_key).verify(row.signature, digest)
    assert row.payload_sha256 == digest
    assert (row.audit_seq, row.audit_hash) == (made.anchor.seq, made.anchor.hash)


def test_a_signed_session_takes_nothing_more_but_amendments_and_reviews(practice):
    session = practice.treat()
    practice.sign()
    for table, values in (
        (t.notes, {"note_sealed": b"x"}),
        (t.skin_preparations, {"product": "x", "lot": "y"}),
        (t.zone_results, {"zone": "VTX", "skipped": 0}),
    ):
        with pytest.raises(RecordRefused, match="signed"):
            practice.enter(table, practice.adams, session_id=session, **values)
    with pytest.raises(RecordRefused, match="closed"):
        practice.world.add_pass()
    practice.sign(meaning="reviewed", by=practice.brown)
    assert practice.verdict().sound


def test_what_happens_by_right_after_signing_breaks_nothing(practice):
    session = practice.treat()
    practice.sign()
    world = practice.world
    world.do(jobs.alarm_acknowledged(practice.alarm, world.clock()))
    world.do(jobs.alarm_cleared(practice.alarm, world.clock()))
    world.do(jobs.command_settled(rows_settled(practice.command, world.clock())))
    # A stop that the disk did not take then, with its own time.
    stop = rows.StopRow(practice.new(), session, world.pen, "space", 1, 1, 400, None, False)
    late = bound.kept_late(practice.chain, jobs.stop_logged(stop), t.stops, stop.id, world.clock())
    world.do(late)
    world.do(late)
    world.do(jobs.stop_completed(stop.id, 900))
    world.session = world.add_session()
    practice.note("the next time")
    practice.enter(
        t.follow_ups, practice.adams, client_id=world.client, session_id=session, kind="day7", due_date="2027-01-31"
    )
    practice.sign(session, meaning="reviewed", by=practice.brown)
    verdict = practice.verdict()
    assert verdict.damages == ()
    assert verdict.signatures == 2


def rows_settled(id: UUID, at: int):
    from records.conftest import Settled

    return Settled(id, "confirmed", "", 0, at)


def test_one_signature_covers_the_sessions_that_were_resumed(practice):
    world = practice.world
    first = world.session
    key = world.add_pass()
    world.do(world.block(key, 0, sealed=True))
    world.end_pass(key)
    world.do(jobs.session_closed(first, world.clock(), "interrupted"))
    row = rows.SessionRow(practice.new(), world.store.boot_id, world.pen, world.client, "treatment", world.clock(), 5,
                          resumes_id=first)  # fmt: skip
    world.do(jobs.session_opened(row))
    with pytest.raises(RecordRefused, match="was resumed"):
        practice.sign(first)
    world.session = row.id
    world.seq = 0
    practice.treat()
    made = practice.sign()
    assert made.sessions == (row.id, first)
    assert len(payload_of(practice, made)["rows"]["passes"]) == 4
    with pytest.raises(RecordRefused, match="signed"):
        practice.enter(t.skin_preparations, practice.adams, session_id=first, product="x", lot="y")
    assert practice.verdict().sound


def test_who_may_sign_what(practice):
    world = practice.world
    with pytest.raises(RecordRefused, match="still open"):
        practice.sign()
    practice.treat()
    with pytest.raises(RecordRefused, match="not signed it yet"):
        practice.sign(meaning="reviewed")
    with pytest.raises(RecordRefused, match="means one of"):
        practice.sign(meaning="approved")
    practice.sign()
    with pytest.raises(RecordRefused, match="signed already"):
        practice.sign(by=practice.brown)
    bench = world.session_row(world.pen, None, "bench")
    world.do(jobs.session_opened(bench))
    world.do(jobs.session_closed(bench.id, world.clock()))
    with pytest.raises(RecordRefused, match="bench"):
        practice.sign(bench.id)
    with pytest.raises(RecordRefused, match="no such session"):
        practice.sign(UUID(int=1))
    assert practice.verdict().signatures == 1


def test_a_refused_signature_leaves_nothing_in_the_chain(practice):
    before = practice.world.do(audit.head)
    with pytest.raises(RecordRefused):
        practice.sign()
    assert practice.world.do(audit.head) == before


# -- amendments


def amend(practice, table, row, field, new, session=None, reason="typed wrong"):
    id = practice.new()
    sealed = practice.cipher.seal(practice.world.client, reason, "amendments", "reason_sealed", id)
    return practice.world.do(
        amendments.amended(
            practice.chain, id, session=session or practice.world.session, table=table, row=row, field=field, new=new,
            reason_sealed=sealed, by=practice.adams, at_utc_us=practice.world.clock(),
        )
    )  # fmt: skip


def only(practice, table) -> UUID:
    return practice.world.do(lambda c: c.execute(table.select()).one().id)


def test_the_newest_value_stands_beside_the_old_ones(practice):
    practice.treat()
    practice.sign()
    row = only(practice, t.skin_preparations)
    for lot in ("L2", "L3"):
        amend(practice, "skin_preparations", row, "lot", lot)
    found = practice.world.do(lambda c: amendments.amendments_of(c, [practice.world.session]))
    assert [(one.old, one.new) for one in found] == [("L1", "L2"), ("L2", "L3")]
    assert practice.world.do(lambda c: amendments.current(c, "skin_preparations", row, "lot")) == "L3"
    assert practice.world.do(lambda c: c.execute(t.skin_preparations.select()).one().lot) == "L1"
    assert practice.verdict().sound


def test_a_sealed_text_is_amended_as_ciphertext(practice):
    practice.treat()
    practice.sign()
    (text, row), *_ = practice.notes.items()
    client = practice.world.client
    amend(
        practice, "notes", row, "note_sealed", practice.cipher.seal(client, "behind both", "notes", "note_sealed", row)
    )
    (found,) = practice.world.do(lambda c: amendments.amendments_of(c, [practice.world.session]))
    assert practice.cipher.open(client, found.old, "notes", "note_sealed", row) == text
    assert practice.cipher.open(client, found.new, "notes", "note_sealed", row) == "behind both"
    assert practice.cipher.open(client, found.reason_sealed, "amendments", "reason_sealed", found.id) == "typed wrong"


def test_what_cannot_be_amended(practice):
    session = practice.treat()
    row = only(practice, t.skin_preparations)
    with pytest.raises(RecordRefused, match="not signed yet"):
        amend(practice, "skin_preparations", row, "lot", "L2")
    made = practice.sign()
    for table, key, field, new in (
        ("skin_preparations", row, "session_id", "x"),
        ("skin_preparations", row, "at_utc_us", 5),
        ("skin_preparations", row, "lot; DROP TABLE audit", "x"),
        ("passes", row, "depth_set_um", 5),
        ("signatures", made.id, "name", "Dr. Brown"),
        ("audit", row, "hash", b"x"),
        ("nowhere", row, "x", "x"),
        ("skin_preparations", UUID(int=4), "lot", "L2"),
        ("skin_preparations", row, "lot", "L1"),
        ("skin_preparations", row, "lot", None),
        ("skin_preparations", row, "lot", 7),
        ("consents", only(practice, t.consents), "photos", "yes"),
    ):
        with pytest.raises(RecordRefused):
            amend(practice, table, key, field, new)
    practice.world.session = practice.world.add_session()
    with pytest.raises(RecordRefused, match="no such entry"):
        amend(practice, "skin_preparations", row, "lot", "L2")
    assert practice.world.do(lambda c: amendments.amendments_of(c, [session])) == []


def test_every_table_of_a_session_can_be_amended_or_says_why_not():
    for table in t.metadata.sorted_tables:
        fields = amendments.amendable(table.name)
        for field in fields:
            assert not table.c[field].foreign_keys
        has = "session_id" in table.c or table.name in amendments._CHILD_TABLES
        firm = {*amendments._FIRM, *signed.MACHINE} - {"passes"}
        assert bool(fields) == (has and table.name not in firm), table.name


def test_the_zone_of_a_signed_pass_is_amended_and_its_figures_never(practice):
    practice.treat()
    practice.sign()
    row = practice.world.do(lambda c: c.execute(t.passes.select().where(t.passes.c.seq == 2)).one().id)
    amend(practice, "passes", row, "zone", "MID")
    assert practice.world.do(lambda c: amendments.current(c, "passes", row, "zone")) == "MID"
    for field in ("depth_max_um", "strokes", "session_id"):
        with pytest.raises(RecordRefused, match="no field"):
            amend(practice, "passes", row, field, 5)
    assert practice.verdict().sound
