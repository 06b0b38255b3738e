"""A whole treatment by commands alone, and what each of them says to bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devicectl.cli.exits import Exit

from .conftest import House, Simulator

GTIN = "09521234543213"
SECRET = "Zoe Angstrom"


@pytest.fixture(scope="module")
def clinic(shared_house: House) -> Iterator[House]:
    """A house with an administrator, who signs in wherever a command asks for it."""
    shared_house.hire("Ida Bergman", "480917")
    return shared_house


@pytest.fixture(scope="module")
def pen(clinic: House) -> Simulator:
    return clinic.simulate("pty", "--seed", "11")


def done(house: House, *arguments: str, typed: str | None = None) -> Any:
    """What a command answers as JSON, after checking that it did it."""
    result = house.finish(house.start(*arguments, "--json", stdin=-1), typed or "")
    assert result.code == Exit.DONE, (arguments, result.err, result.out)
    return result.json


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_whole_treatment_without_a_screen(clinic: House, pen: Simulator, tmp_path: Path) -> None:
    # The client, severity and course.
    assert done(clinic, "clients", "add", "T-1", "--training")["id"]
    done(
        clinic, "clients", "identity", "T-1", "--values", "-", typed=json.dumps({"name": SECRET, "born": "1984-03-09"})
    )
    done(clinic, "clients", "identity", "T-1", "--set", "allergies=latex")
    assert done(clinic, "clients", "identity", "T-1")["identity"] == {
        "name": SECRET,
        "born": "1984-03-09",
        "allergies": "latex",
    }
    done(clinic, "clients", "enter", "assessment", "T-1", "--scale", "norwood", "--grade", "iii vertex")
    zones = ("--zones", "zone=VTX; depth_um=1,2 mm; passes=horizontal 2", "--without", "MID")
    done(clinic, "protocols", "copy", "Dhurat 2013", "Ours", *zones)
    (ours,) = [row for row in done(clinic, "protocols", "list") if row["name"] == "Ours"]
    assert {zone["zone"]: zone["depth_um"] for zone in ours["zones"]}["VTX"] == 1_200
    assert "MID" not in [zone["zone"] for zone in ours["zones"]]
    done(clinic, "courses", "open", "T-1", "--protocol", "Ours", "--scale", "norwood", "--grade", "III vertex")
    (course,) = done(clinic, "courses", "list")
    assert (course["sessions_planned"], course["min_days"], course["code"]) == (12, 7, "T-1")

    # Before.
    session = done(clinic, "sessions", "open", pen.address, "--client", "T-1")["session"]
    done(clinic, "sessions", "enter", "consent", "--no-photos")
    asked = "item=diabetes; answer=yes; reason=asked Dr Brandt"
    done(clinic, "sessions", "enter", "checklist", "--changed", "first", "--all-no", "--answers", asked)
    done(
        clinic, "sessions", "enter", "anaesthetic", "--product", "Lidocaine 4 %", "--lot", "L1", "--strength", "4",
        "--grams", "2,5", "--area", "25", "--no-occluded", "--dwell-min", "0",
    )  # fmt: skip
    done(clinic, "sessions", "enter", "anaesthetic-off", "--cleaned")
    cartridge = {"gtin": GTIN, "lot": "AB-1", "expiry": "2099-12", "serial": "S7"}
    (tmp_path / "cartridge.json").write_text(json.dumps(cartridge))
    done(clinic, "sessions", "enter", "cartridge", "--values", str(tmp_path / "cartridge.json"))
    done(clinic, "sessions", "enter", "skin-preparation", "--product", "Octenidine")
    done(clinic, "check", pen.address, "--body", "--cartridge", "--needles", "--stop", "--sound")
    steps = {one["name"]: one["state"] for one in done(clinic, "sessions", "chart")["chart"]["steps"]}
    assert {steps[name] for name in ("consent", "checklist", "cartridge")} == {"done"}, steps

    # After; the motor has a screen of its own.
    done(clinic, "sessions", "enter", "zone-result", "--zone", "vtx", "--end-point", "mild_erythema", "--pain", "3")
    done(clinic, "sessions", "enter", "note", "--values", "-", typed='{"note": "Told of a sore spot"}')
    topical = ("--product", "Saline", "--lot", "9", "--expiry", "2099-01", "--amount", "1,5 ml", "--sterile")
    done(clinic, "sessions", "enter", "topical", *topical)
    event = ("--term", "vasovagal", "--grade", "1", "--no-expected", "--related", "--action", "observed")
    happened = done(clinic, "clients", "enter", "adverse-event", "T-1", "--session", "last", *event)
    over = ("--about", happened["id"][-8:], "--outcome", "resolved", "--resolved-date", "today")
    done(clinic, "clients", "enter", "adverse-event-state", "T-1", *over)
    done(clinic, "sessions", "enter", "cartridge-discarded", "--sharps")
    done(clinic, "sessions", "close", pen.address)

    # Signature, which wants a reason because nothing was needled.
    lacking = clinic.run("sessions", "sign", session[-8:], "--json")
    assert (lacking.code, lacking.json["error"]["code"]) == (Exit.FAILED, "incomplete")
    assert lacking.json["error"]["fields"]
    signed = done(clinic, "sessions", "sign", "last", "--reason", "rehearsal without a motor")
    assert signed["sessions"] == [session]
    refused = clinic.run("sessions", "enter", "note", "--session", "last", "--phrase", "21")
    assert refused.code != Exit.DONE
    assert "signed" in refused.sentence

    # Amended, and shown with both values.
    shown = done(clinic, "sessions", "show", "last")
    assert len(shown["entered"]["zone_results"]) == 1
    change = ("--row", "1", "--field", "pain", "--value", "4", "--reason", "typed wrongly")
    done(clinic, "sessions", "amend", "last", "--table", "zone result", *change)
    shown = done(clinic, "sessions", "show", "last")
    (amendment,) = shown["amendments"]
    assert (amendment["field"], amendment["old"], amendment["new"]) == ("pain", 3, 4)
    assert shown["entered"]["zone_results"][0]["pain"] == 3
    assert (shown["origin"], "not a cleared" in shown["disclaimer"]) == ("simulated", True)
    assert [one["meaning"] for one in shown["signatures"]] == ["performed"]
    assert ({row["note"] for row in shown["entered"]["notes"]}, shown["texts"]) == ({"sealed"}, "sealed")
    text = clinic.run("sessions", "show", "last").out
    for word in ("Mild erythema", "Octenidine", "Diabetes", "performed", "AB-1", "SIMULATED"):
        assert word in text, word
    assert "sore spot" not in text
    assert "Brandt" not in text

    opened = done(clinic, "sessions", "show", "last", "--texts")
    assert opened["texts"] == "opened"
    assert "Told of a sore spot" in {row["note"] for row in opened["entered"]["notes"]}
    (amendment,) = opened["amendments"]
    assert amendment["reason"] == "typed wrongly"
    plain = clinic.run("sessions", "show", "last", "--texts").out
    assert "asked Dr Brandt" in plain
    assert "sealed" not in plain
    logs = list(clinic.database.parent.rglob("*.log*"))
    assert logs
    assert not any("sore spot" in one.read_text() or "Brandt" in one.read_text() for one in logs)

    # Follow-ups were laid down; a recall finds the client.
    due = done(clinic, "follow-ups", "due", "--days", "400")
    assert {row["code"] for row in due} == {"T-1"}
    done(clinic, "follow-ups", "done", due[0]["id"][-8:])
    assert len(done(clinic, "follow-ups", "due", "--days", "400")) == len(due) - 1
    assert done(clinic, "cartridges", "find", "--lot", "AB-1")["clients"] == ["T-1"]
    assert done(clinic, "cartridges", "find", "--lot", "AB-2")["clients"] == []
    assert done(clinic, "audit", "verify")["sound"] is True

    # The course ends; the client is erased.
    assert done(clinic, "courses", "overdue", "--days", "0") == []
    done(clinic, "courses", "end", "T-1", "--end-reason", "wish")
    at_a_glance = done(clinic, "clients", "show", "T-1")
    assert (at_a_glance["training"], at_a_glance["erased"], len(at_a_glance["sessions"])) == (True, False, 1)
    assert at_a_glance["adverse_events"][0]["state"]["outcome"] == "resolved"
    asked_first = clinic.run("clients", "erase", "T-1", "--reason", "requested")
    assert (asked_first.code, "--yes" in asked_first.sentence) == (Exit.FAILED, True)
    assert done(clinic, "clients", "erase", "T-1", "--reason", "requested", "--yes")["erased"] is True
    gone = clinic.run("clients", "identity", "T-1")
    assert (gone.code, "erased" in gone.sentence) == (Exit.RECORD, True)
    assert "erased" in clinic.run("clients", "list", "T-1").out
    assert SECRET.encode() not in clinic.database.read_bytes()
