"""``kill -9`` of the station, or of it and the screen, at every step of a treatment: nothing that was acknowledged is lost
or doubled, and nothing that was signed changes."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from devicectl.access.opening import read_keys
from devicectl.access.signing import verify
from devicectl.records.reader import Reader
from devicectl.treatment.rehearsal import before

from .harness import Pen, Place, Puppet, Station, until

PIN = "480917"
PROTOCOL: dict[str, Any] = {
    "name": "Crown",
    "citation": "Written for this test",
    "sessions": "6",
    "min_days": "14",
    "zones": [{"zone": "VTX", "depth_um": "0.5", "rate_mhz": "100", "passes": "horizontal 1"}],
}
COURSE: dict[str, Any] = {
    "protocol": "Crown", "indication": "aga_men", "scale": "norwood", "grade": "III vertex", "sessions_planned": "6",
    "min_days": "14",
}  # fmt: skip


@dataclass
class Story:
    """A treatment that goes on whatever is killed. ``kept``: how many rows each table must hold by now."""

    place: Place
    chance: random.Random
    screen_too: bool
    pen: Pen = field(init=False)
    station: Station = field(init=False)
    client: Puppet = field(init=False)
    kept: dict[str, int] = field(default_factory=dict)
    session: str | None = None

    def begin(self) -> None:
        self.station = self.place.station()
        self.pen = self.place.pen()
        self.client = self.place.client()
        self.client.ask("operator.add", name="Ada", role="administrator", pin=PIN)
        self.come_back()

    def come_back(self) -> None:
        """Sign in, and go on where the treatment was."""
        self.client.ask("operator.sign_in", name="Ada", pin=PIN)
        self.client.ask("pen.open", address=self.pen.address, wait_s=20.0)
        self.client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
        if self.session is not None:
            self.session = self.client.ask("session.open", purpose="treatment", resumes="last")["session"]

    def kill(self) -> None:
        self.station.kill()
        if self.screen_too:
            self.client.kill()
        else:
            self.client.wait_lost()
            self.client.kill()
        self.station = self.place.station()
        self.client = self.place.client()

    def counts(self) -> dict[str, int]:
        return {name: self.place.rows(f"select count(*) as n from {name}")[0]["n"] for name in self.kept}

    def form(self, name: str, table: str, values: Any, rows: int = 1, **more: Any) -> None:
        """Submit a form with a kill behind the request, then make sure that it is there once."""
        self.kept.setdefault(table, 0)
        self.client.send("form.submit", form=name, values=values, **more)
        time.sleep(self.chance.random() * 0.03)
        self.kill()
        self.come_back()
        there = self.place.rows(f"select count(*) as n from {table}")[0]["n"]
        # Not acknowledged: stored whole, or not at all.
        assert there in (self.kept[table], self.kept[table] + rows), (name, there)
        if there == self.kept[table]:
            self.client.ask("form.submit", form=name, values=values, **more)
        self.kept[table] += rows
        assert self.counts() == self.kept
        # Acknowledged: there after the next kill too.
        self.kill()
        self.come_back()
        assert self.counts() == self.kept, name


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("screen_too", [False, True], ids=["station", "station-and-screen"])
def test_every_step_of_a_treatment_outlives_kill_9(place: Place, screen_too: bool) -> None:
    story = Story(place, random.Random(f"steps {screen_too}"), screen_too)
    story.begin()
    story.form("client", "clients", {"code": "T-1", "training": "yes"})
    story.form("protocol", "protocols", PROTOCOL)
    story.form("course", "courses", COURSE, client="T-1")
    story.session = story.client.ask("session.open", purpose="treatment", client="T-1")["session"]
    pen = story.client.view()["pen"]
    forms = before(pen["cartridge_lot"], pen["cartridge_serial"], pen["cartridge_expiry"])
    tables = ("consents", "checklist_answers", "cartridge_uses", "skin_preparations", "pen_checks")
    for (name, values), table in zip(forms.items(), tables, strict=True):
        story.form(name, table, values, len(values["answers"]) if name == "checklist" else 1)
    needled(story)
    story.form("zone_result", "zone_results", {"zone": "VTX", "end_point": "mild_erythema", "pain": "2"})
    story.form("cartridge_discarded", "cartridge_discards", {"sharps": "yes"})
    story.client.ask("session.close")
    story.session = None
    sign_over_kills(story)
    place.sound()


@pytest.mark.timeout(120)
def test_a_treatment_goes_on_after_its_station_was_ended_in_order(place: Place) -> None:
    story = Story(place, random.Random("in order"), screen_too=False)
    story.begin()
    story.client.ask("form.submit", form="client", values={"code": "T-1", "training": "yes"})
    first = story.client.ask("session.open", purpose="treatment", client="T-1")["session"]
    story.client.ask("form.submit", form="consent", values={"photos": "no"})
    story.station.signal(signal.SIGTERM)
    assert story.station.wait() == 0, story.station.words
    story.client.wait_lost()
    story.client.kill()
    assert place.rows("select end_reason from sessions") == [{"end_reason": "interrupted"}]
    story.station, story.client = place.station(), place.client()
    story.session = first
    story.come_back()
    assert story.session != first
    (resumed,) = place.rows("select lower(hex(resumes_id)) as id from sessions where resumes_id is not null")
    assert resumed["id"] == first.replace("-", "")
    story.client.ask("session.close")
    ends = place.rows("select end_reason from sessions order by opened_utc_us")
    assert [row["end_reason"] for row in ends] == ["interrupted", "closed"]
    place.sound()


def needled(story: Story) -> None:
    """A pass, and a kill in the midst of the next: the motor stops, and what was measured is there."""
    story.client.until(
        lambda v: all(g["passed"] for g in v["gates"] if g["name"] not in ("arrived",)), "the gates are open"
    )
    story.client.run(story.pen)
    time.sleep(2.5)
    story.client.ask("run.end")
    done = "select count(*) as n from passes where ended_utc_us is not null and contact_ms > 0"
    until(lambda: story.place.rows(done)[0]["n"] == 1, "the pass is stored")
    story.client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
    story.client.run(story.pen)
    time.sleep(1.5)
    killed = time.monotonic()
    story.kill()
    story.pen.wait_off(killed)
    story.come_back()
    assert story.place.rows(done)[0]["n"] == 2
    if story.client.view()["pen"]["latched"]:
        story.client.reset()


def sign_over_kills(story: Story) -> None:
    """The signature is there once, whole, and holds; so it does after more kills and an amendment."""
    sign: dict[str, Any] = {"session": "last", "pin": PIN, "reason": "killed many times"}
    for _ in range(8):
        story.client.send("session.sign", **sign)
        time.sleep(0.1 + story.chance.random() * 0.5)
        story.kill()
        story.client.ask("operator.sign_in", name="Ada", pin=PIN)
        if story.place.rows("select count(*) as n from signatures")[0]["n"]:
            break
    else:
        story.client.ask("session.sign", **sign)
    signed = signatures(story)
    assert len(signed) == 1
    pain = story.place.rows("select hex(id) as id from zone_results")[0]["id"]
    values = {"table": "zone_results", "row": pain, "field": "pain", "value": "4", "reason": "misheard"}
    story.client.ask("session.amend", session="last", values=values)
    assert "signed" in story.client.refusal(
        "form.submit", form="zone_result", session="last", values={"zone": "VTX", "end_point": "erythema"}
    )
    story.kill()
    assert signatures(story) == signed
    assert story.place.rows("select count(*) as n from amendments")[0]["n"] == 1
    assert story.place.rows("select pain from zone_results")[0]["pain"] == 2


def signatures(story: Story) -> list[dict[str, Any]]:
    """The signatures, each of which holds; and the keys that made them are still those of the record."""
    assert read_keys(story.place.location).public_key
    found = story.place.rows("select id, hex(signature) as signature, hex(payload_sha256) as payload from signatures")
    with Reader(story.place.location) as reader:
        for row in found:
            assert reader.run(partial(verify, signature=UUID(bytes=row["id"]))) == []
    return found
