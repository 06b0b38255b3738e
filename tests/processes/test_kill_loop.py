"""``kill -9`` of the station, of the client, of both, at random moments of a running session.

After each: the motor lost its current within its lease, nothing that was acknowledged is missing or changed, the file is
sound, the open command was settled with the pen, and nothing moved before somebody started it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import statistics
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from .harness import AT_WORST_S, LEASE_S, LONG_S, PASS_LINE, Child, Nursery, Pen, Place, reachable, until

KILLS: Final = int(os.environ.get("KILLS", "18"))
LANES: Final = 3
FINAL: Final = ("confirmed", "rejected", "not_sent", "assumed_executed")


class Ledger:
    """What the clients of one lane were told, and what must therefore be in the database for ever."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.closed: set[str] = set()
        self.passes: dict[tuple[str, int], tuple[str, str]] = {}
        self.commands: Counter[tuple[str, str, int]] = Counter()
        self.notes: Counter[tuple[str, str]] = Counter()
        self.asked: list[float] = []
        self.last: str | None = None
        self.running = False
        self.frozen: dict[tuple[str, Any], Any] = {}

    def read(self, lines: list[dict[str, Any]]) -> None:
        """Take in one client's file."""
        session: str | None = None
        self.running = False
        for line in lines:
            if line.get("asks") == "run.start":
                self.asked.append(line["t"])
            elif "log" in line and line["session"] is not None:
                found = PASS_LINE.match(line["log"])
                if found:
                    self.passes[line["session"], int(found["seq"])] = (found["zone"], found["reason"].replace(" ", "_"))
            elif "settled" in line:
                session = line["session"]
            elif "reopened" in line:
                session = line["reopened"]
            elif "done" in line:
                session = self._done(line, session)
        self.last = session

    def _done(self, line: dict[str, Any], session: str | None) -> str | None:
        method, answer = line["done"], line["answer"]
        if method == "session.open":
            session = str(answer["session"])
            self.sessions.add(session)
        elif method == "session.close":
            assert session is not None
            self.closed.add(session)
            return None
        elif method == "setpoint" and session is not None:
            for name, action, wanted in (("depth", "set_depth", "depth_um"), ("rate", "set_rate", "rate_mhz")):
                if name in answer and answer[name]["outcome"] == "confirmed" and not answer[name]["text"]:
                    self.commands[session, action, line["params"][wanted]] += 1
        elif method == "note" and session is not None:
            self.notes[session, line["params"]["digits"]] += 1
        elif method == "run.start":
            self.running = answer["outcome"] == "confirmed"
            if self.running and session is not None:
                self.commands[session, "start", 180_000] += 1
        elif method == "run.end" and answer["outcome"] == "confirmed":
            self.running = False
        return session

    # -- compared with the database

    def check(self, place: Place) -> None:
        """Everything acknowledged is there, and what is closed never changed."""
        sessions = {self._id(r["id"]): r for r in place.rows("select * from sessions")}
        assert self.sessions <= set(sessions), "a session is missing"
        for key in self.closed:
            assert sessions[key]["end_reason"] == "closed", (key, sessions[key])
        passes = {(self._id(r["session_id"]), r["seq"]): r for r in place.rows("select * from passes")}
        for name, (zone, reason) in self.passes.items():
            assert name in passes, f"pass {name} ({zone}, {reason}) was acknowledged and is not there"
            assert (passes[name]["zone"], passes[name]["end_reason"]) == (zone, reason), (
                f"{name}: acknowledged as {reason}, stored as {passes[name]['end_reason']}"
            )
        have: Counter[tuple[str, str, int]] = Counter()
        for row in place.rows("select * from commands where session_id is not null"):
            if row["outcome"] in ("confirmed", "assumed_executed", "unknown", None):
                have[self._id(row["session_id"]), row["action"], row["value"]] += 1
        assert not self.commands - have, f"commands are missing: {self.commands - have}"
        notes = Counter(
            (self._id(r["session_id"]), r["text"]) for r in place.rows("select * from events where code = 'note'")
        )
        assert not self.notes - notes, f"notes are missing: {self.notes - notes}"
        self._unchanged(place)

    def _unchanged(self, place: Place) -> None:
        now: dict[tuple[str, Any], Any] = {}
        for table, closed in (("sessions", "ended_utc_us is not null"), ("passes", "ended_utc_us is not null")):
            for row in place.rows(f"select * from {table} where {closed}"):
                now[table, row["id"]] = tuple(row.values())
        for row in place.rows("select * from commands where outcome is not null and outcome <> 'unknown'"):
            now["commands", row["id"]] = tuple(row.values())
        for row in place.rows("select * from telemetry_blocks where sealed = 1"):
            now["blocks", (row["pass_id"], row["seq"])] = hashlib.sha256(row["data"]).digest()
        for name, value in self.frozen.items():
            assert now.get(name) == value, f"{name} was closed and has changed"
        self.frozen = now

    @staticmethod
    def _id(data: bytes | None) -> str:
        import uuid

        return "" if data is None else str(uuid.UUID(bytes=data))


class Lane:
    """One workstation that lives through many kills: one pen, one database."""

    def __init__(self, nursery: Nursery, seed: str) -> None:
        self.nursery, self.seed = nursery, seed
        self.chance = random.Random(seed)
        self.place = Place()
        self.ledger = Ledger()
        self.offs: dict[str, list[float]] = {"station": [], "client": [], "both": []}
        self.kills: Counter[str] = Counter()
        self.open_commands: list[bytes] = []
        self.found_open: Counter[str] = Counter()
        self.interrupted = 0
        self.orphan: float | None = None
        self.problem = ""
        self.events: list[str] = []
        self.pen: Pen | None = None
        self.number = 0
        self.station: Child | None = None
        self.client: Child | None = None
        self.file = Path()

    def live(self, kills: int) -> None:
        """The whole life; what goes wrong is kept in ``problem``."""
        try:
            pen = self.pen = self.place.pen(seed=self.chance.randrange(1, 9999))
            for self.number in range(1, kills + 1):
                self.once(pen)
        except BaseException:
            self.problem = f"seed {self.seed!r}, kill {self.number}:\n{traceback.format_exc()}{self.words()}"
        finally:
            for child in (self.client, self.station):
                if child is not None:
                    child.kill()
            self.place.close()

    def words(self) -> str:
        """What the processes said last."""
        logs = [child.log.read_text()[-1500:] for child in (self.station, self.client) if child is not None]
        told = self.file.read_text()[-1500:] if self.file != Path() else ""
        truth = "\n".join(self.pen.truth()[-12:]) if self.pen is not None else ""
        return "\n".join(["-- station, client, acknowledged, pen, events:", *logs, told, truth, *self.events[-8:]])

    def lines(self) -> list[dict[str, Any]]:
        """What the present client has written so far."""
        return [json.loads(line) for line in self.file.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def seen(self, key: str) -> bool:
        lines = self.lines()
        assert not any("failed" in line for line in lines), lines[-1]
        return any(key in line for line in lines)

    def once(self, pen: Pen) -> None:
        if self.station is None:
            self.station = self.nursery.fork("station", self.place)
        began = time.monotonic()
        self.file = self.place.new_file("acknowledged")
        name = f"{self.seed} {self.number}"
        self.client = self.nursery.fork("client", self.place, "dashboard", pen.address, str(self.file), name)
        until(lambda: self.seen("settled"), "the client has the pen, and the last command is settled")
        self.after_crash(began, pen)
        when = self.chance.random()
        if when < 0.6:
            until(lambda: self.seen("running"), "the pen runs")
            time.sleep(self.chance.uniform(0.0, 0.9))
        elif when < 0.7:
            until(lambda: self.seen("running"), "the pen runs")
            time.sleep(self.chance.uniform(1.5, 3.5))
        elif when < 0.85:
            until(lambda: self.seen("asks"), "a start is asked for")
            time.sleep(self.chance.uniform(0.0, 0.15))
        else:
            time.sleep(self.chance.uniform(0.0, 0.7))
        self.kill(pen, self.chance.choices(("station", "client", "both"), (13, 3, 4))[0])

    def after_crash(self, began: float, pen: Pen) -> None:
        """What must be so once a client has the pen again."""
        for key in self.open_commands:
            self.was_settled(key)
        self.open_commands = []
        settled = next(line for line in self.lines() if "settled" in line)
        if self.orphan is None:
            assert not pen.starts(began, settled["t"]), "the motor turned before anybody started it"
        else:
            # The START of the client before may still have been on its way when that one was killed.
            pen.off_within(self.orphan, AT_WORST_S)
        self.place.sound()

    def was_settled(self, key: bytes) -> None:
        """A command that the crash left open has a final outcome, and nothing new was sent before it had."""
        row = until(lambda: self.settled(key), "the command that was open is settled in the record")
        self.found_open[f"{row['action']}: {row['outcome']}"] += 1
        newer = self.place.rows(
            "select * from commands where id > ? and intended_utc_us < ?", key, row["settled_utc_us"]
        )
        strange = [n for n in newer if n["id"] not in self.open_commands]
        assert not strange, [(n["cmd_id"], n["action"], n["value"], n["outcome"]) for n in (row, *strange)]

    def settled(self, key: bytes) -> dict[str, Any] | None:
        """A command's row once its outcome is final."""
        (row,) = self.place.rows("select * from commands where id = ?", key)
        return row if row["outcome"] in FINAL else None

    def kill(self, pen: Pen, who: str) -> None:
        assert self.station is not None
        assert self.client is not None
        victims = {"station": (self.station,), "client": (self.client,), "both": (self.station, self.client)}[who]
        at = time.monotonic()
        for victim in victims:
            victim.shoot()
        after = time.monotonic()
        for victim in victims:
            victim.wait()
        self.kills[who] += 1
        self.events.append(f"{at:.4f} to {after:.4f} kill -9 {who}, all ended at {time.monotonic():.4f}")
        if who == "station":
            # The client notices, says so and ends by itself.
            assert self.client.wait() == 0, self.client.log.read_text()[-2000:]
            assert self.seen("over")
        moving = pen.driven_at(at)
        self.orphan = after if who == "client" else None
        off = pen.off_within(after, AT_WORST_S if who == "client" else LEASE_S)
        if moving:
            self.offs[who].append(off)
        time.sleep(0.02)
        self.ledger.read(self.lines())
        self.check_starts(pen)
        if who == "client":
            self.client = None
            return
        self.after_station(pen)

    def check_starts(self, pen: Pen) -> None:
        """Every time the motor got current, a start had been asked for, once, and not long before."""
        asked = sorted(self.ledger.asked)
        for start in pen.starts(0.0, time.monotonic()):
            before = [t for t in asked if t < start]
            assert before, f"nobody asked for the start at {start}"
            asked.remove(before[-1])

    def after_station(self, pen: Pen) -> None:
        """The next station on the same database, before any client has come."""
        before = self.place.rows("select id from passes where ended_utc_us is null")
        left = self.place.rows("select id from sessions where ended_utc_us is null")
        still_open = "select id from commands where outcome is null or outcome = 'unknown'"
        self.open_commands = [row["id"] for row in self.place.rows(still_open)]
        self.interrupted += len(before)
        started = time.monotonic()
        self.station = self.nursery.fork("station", self.place)
        self.client = None
        until(lambda: reachable(self.place.paths), "the station listens again")
        assert not self.place.rows("select id from passes where ended_utc_us is null")
        assert not self.place.rows("select id from sessions where ended_utc_us is null")
        for table, rows in (("passes", before), ("sessions", left)):
            for row in rows:
                (now,) = self.place.rows(f"select end_reason from {table} where id = ?", row["id"])
                assert now["end_reason"] == "interrupted", (table, now)
        assert len(left) <= 1
        self.ledger.check(self.place)
        assert not pen.starts(started, time.monotonic()), "the motor turned although nobody was there"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_kill_loop(seed: int, nursery: Nursery) -> None:
    lanes = [Lane(nursery, f"{seed}.{number}") for number in range(1, LANES + 1)]
    threads = [threading.Thread(target=lane.live, args=(KILLS,)) for lane in lanes]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(540)
    assert not any(thread.is_alive() for thread in threads), f"still busy after {LONG_S} s"
    report(lanes, time.monotonic() - began)
    problems = [lane.problem for lane in lanes if lane.problem]
    assert not problems, "\n".join(problems)
    assert sum(sum(lane.kills.values()) for lane in lanes) == LANES * KILLS
    assert sum(len(lane.ledger.passes) for lane in lanes) > 0
    assert sum(lane.interrupted for lane in lanes) > 0
    offs = [off for lane in lanes for who in ("station", "both") for off in lane.offs[who]]
    assert statistics.median(offs) <= LEASE_S + 0.05


def report(lanes: list[Lane], seconds: float) -> None:
    """Shown with ``-s`` and when the test fails."""
    kills: Counter[str] = Counter()
    for lane in lanes:
        kills += lane.kills
    print(f"\n{sum(kills.values())} kills in {seconds:.0f} s: {dict(kills)}")
    for who in kills:
        offs = sorted(off for lane in lanes for off in lane.offs[who])
        if offs:
            middle = statistics.median(offs)
            print(
                f"  {who}: {len(offs)} while turning, off after {middle * 1e3:.0f} ms (median), {offs[-1] * 1e3:.0f} ms (worst)"
            )
    passes = sum(len(lane.ledger.passes) for lane in lanes)
    commands = sum(sum(lane.ledger.commands.values()) for lane in lanes)
    notes = sum(sum(lane.ledger.notes.values()) for lane in lanes)
    found = sum((lane.found_open for lane in lanes), Counter())
    print(f"  acknowledged: {passes} passes, {commands} commands, {notes} notes")
    print(f"  {sum(lane.interrupted for lane in lanes)} passes interrupted; commands found open: {dict(found)}")
