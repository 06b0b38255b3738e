"""The register for screens is what the queries of the command line find, in another shape."""

from __future__ import annotations

from records.filled import value

from devicectl.records import clinic
from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.register import list_clients, list_protocols


def enter(world, table, by=None, **values):
    values.setdefault("id", world.ids.uuid7())
    world.do(Chain(b"k" * 32).entered(Entry(table, values, by, world.clock())))
    return values["id"]


def furnished(world):
    """One protocol and who entered it."""
    known = {}
    for table in (t.operators, t.protocols):
        fresh = world.ids.uuid7()
        row = {column.name: value(table, column, known, fresh) for column in table.columns}
        known[table.name] = enter(world, table, row.get("operator_id"), **row)
    return known


def test_an_open_course_stands_before_a_newer_one_that_has_ended(world):
    known = furnished(world)
    client = enter(world, t.clients, code="late", training=0, created_utc_us=world.clock())
    protocol = {"protocol_id": known["protocols"], "indication": "aga_men", "scale": "norwood", "grade": "IV"}
    wanted = {"sessions_planned": 4, "min_days": 7, "client_id": client, **protocol}
    by = known["operators"]
    open_one = enter(world, t.courses, by, **wanted)
    ended = enter(world, t.courses, by, **wanted)
    enter(world, t.course_ends, by, course_id=ended, end_reason="completed")
    (one,) = world.do(lambda c: list_clients(c, "LATE"))
    assert (one.code, one.training, one.treatments) == ("late", False, ())
    assert one.course is not None
    assert (one.course.id, one.course.ended, one.course.sessions) == (open_one, False, 0)
    rows = world.do(lambda c: clinic.clients(c))
    assert [row["code"] for row in rows] == [one.code for one in world.do(list_clients)]
    assert next(row for row in rows if row["code"] == "late")["course"]["id"] == open_one


def test_of_each_protocol_the_newest_version(world):
    known = furnished(world)
    first = world.do(lambda c: c.execute(t.protocols.select()).mappings().one())
    newer = {**first, "id": world.ids.uuid7(), "version": 2, "source": "copy", "copied_from_id": known["protocols"]}
    world.do(Chain(b"k" * 32).entered(Entry(t.protocols, newer, newer["operator_id"], world.clock())))
    (found,) = world.do(list_protocols)
    assert (found.id, found.version, found.zones) == (newer["id"], 2, ())
    assert not found.shipped
    assert [row["version"] for row in world.do(lambda c: clinic.protocols(c, first["name"]))] == [2, 1]
