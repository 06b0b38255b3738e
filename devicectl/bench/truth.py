"""The record against the physics: what was really so in each pass that the record holds."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from devicectl.records.evidence import GAP_MS, INFERRED, MEASURED, UNKNOWN
from devicectl.records.telemetry_block import FLAG_DOUBTED, FLAG_GAP, BlockDamaged, decode
from drivers.api import PenInput, Telemetry
from drivers.motor import TURNING_MHZ, contradicts_itself
from drivers.penlink.messages import RATE_BITS, RATE_MASK, TelemetryMessage

from .stack import Seat, Stack

KEEP_S: Final = 600.0
"""How long a sample is remembered: longer than a pass with its pauses can take."""
STROKES_SHARE: Final = 0.005
STROKES_SLACK: Final = 2.0
"""Strokes by which a pass may differ besides: the ramp between two samples at either end."""
CONTACT_SHARE: Final = 0.02
EDGE_MS: Final = 20.0
"""Time between two samples: so much each begin and end of a contact may be off."""
RELABEL_MS: Final = 1000
RECOVER_S: Final = 5.0
"""Around trouble with the record, and after a station was killed, samples may be missing."""
LATER_S: Final = 3.0
"""So long after a sample its pass is in the record."""
RESTARTED_MS: Final = 1500
SHORT_MS: Final = 200
"""A shorter pass may begin with the sample from before its setpoint."""
SUM_STROKES: Final = 2000.0
SUM_CONTACT_MS: Final = 30_000.0
_SLACK_S: Final = 0.1


class Known(NamedTuple):
    """One sample as the pen sent it, and the truth at that instant. s, ms, µm, mHz, mA."""

    at: float
    clock: int
    depth: int
    rate: int
    current: int
    strokes: float
    touched_ms: float
    depth_true: float
    lies: bool
    contradicted: bool
    target: int


@dataclass(frozen=True, slots=True)
class PassTruth:
    """One pass: what is recorded, and what was so. Outside unknown stretches; ms, strokes, µm."""

    pen: int
    seq: int
    zone: str
    kind: str
    end_reason: str
    duration_ms: int
    measured_ms: int
    inferred_ms: int
    unknown_ms: int
    strokes: int
    strokes_true: float
    contact_ms: int
    contact_true_ms: float
    contact_edges: int
    contact_kind: str
    depth_um: int
    depth_true_um: float
    lies: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """Passes together, without those in which a sensor lied. ms, strokes; contact by what it was known by."""

    passes: int
    lying: int
    duration_ms: int
    measured_ms: int
    inferred_ms: int
    unknown_ms: int
    strokes: int
    strokes_true: float
    contact_ms: dict[str, int]
    contact_true_ms: dict[str, float]

    @classmethod
    def of(cls, passes: Sequence[PassTruth]) -> Sums:
        """Add them up."""
        true = [one for one in passes if not one.lies]
        return cls(
            len(passes),
            len(passes) - len(true),
            sum(one.duration_ms for one in passes),
            sum(one.measured_ms for one in passes),
            sum(one.inferred_ms for one in passes),
            sum(one.unknown_ms for one in passes),
            sum(one.strokes for one in true),
            sum(one.strokes_true for one in true),
            {k: sum(one.contact_ms for one in true if one.contact_kind == k) for k in (MEASURED, INFERRED)},
            {k: sum(one.contact_true_ms for one in true if one.contact_kind == k) for k in (MEASURED, INFERRED)},
        )


class Ledger:
    """Hears every sample of one pen at its source; :meth:`check` looks at passes that have ended since the last time."""

    def __init__(self, stack: Stack, seat: Seat, broken: Callable[[str, str], None]) -> None:
        self.passes: list[PassTruth] = []
        self._stack = stack
        self._seat = seat
        self._broken = broken
        self._known: dict[int, list[Known]] = {}
        self._order: deque[Known] = deque()
        self._seen: set[Any] = set()
        self._lie_from: int | None = None
        self._boot = -1
        self._heard: deque[tuple[float, int]] = deque()
        self._trusted_from = 0.0
        seat.sim.firmware.on_sample = self._sample
        self.listen()

    def listen(self) -> None:
        """Hear what the host hears of the pen, from the pen object of the present station."""
        self._trusted_from = self._stack.loop.time() + RECOVER_S
        self._seat.pen.subscribe(self._host_heard)

    def _host_heard(self, item: PenInput) -> None:
        if isinstance(item, Telemetry) and item.rate_mhz > TURNING_MHZ and item.at > self._trusted_from:
            desk = self._stack.desk(self._seat)
            if self._stack.disk.kind or desk is None or desk.recording.session_id is None:
                # What is done while the record is in trouble may be missing in it.
                self._trusted_from = item.at + RECOVER_S
            else:
                self._heard.append((item.at, item.clock_ms))

    def _sample(self, m: TelemetryMessage) -> None:
        sim = self._seat.sim
        firmware, body, faults = sim.firmware, sim.physics, sim.faults
        lies = faults.frozen_sensor or faults.lying_rate or bool(faults.lying_sensor) or faults.lying_current
        if firmware.boot_id != self._boot:
            self._boot, self._lie_from = firmware.boot_id, None
        # A frozen reading or a rate of 0 contradicts the counter or the current while the motor has current.
        seen_through = (faults.frozen_sensor or faults.lying_rate) and body.driven and body.turning
        if not seen_through:
            self._lie_from = None
        elif self._lie_from is None:
            self._lie_from = m.clock
        known = Known(
            sim.loop.time(), m.clock, m.depth, m.rate_current & RATE_MASK, m.rate_current >> RATE_BITS, body.strokes,
            body.touched_ms, body.depth, lies, self._lie_from is not None and m.clock - self._lie_from > RELABEL_MS,
            firmware.depth,
        )  # fmt: skip
        self._known.setdefault(m.clock, []).append(known)
        self._order.append(known)
        while self._order[0].at < known.at - KEEP_S:
            old = self._order.popleft()
            same = self._known[old.clock]
            same.remove(old)
            if not same:
                del self._known[old.clock]

    # -- looking

    def check(self) -> None:
        """Judge what has ended; raises nothing, tells what is wrong."""
        rows = self._stack.rows(
            "select q.* from passes q join pens p on p.id = q.pen_id where p.serial = :serial order by q.opened_boot_us",
            serial=self._seat.sim.serial,
        )
        for row in rows:
            if row["ended_utc_us"] is not None and row["id"] not in self._seen:
                self._seen.add(row["id"])
                self._pass(row)
        self._all_there(rows)

    def _all_there(self, rows: list[dict[str, Any]]) -> None:
        """What the host heard of a turning motor is in some pass."""
        until = self._stack.loop.time() - LATER_S
        spans = [
            (self._stack.loop_time(row["opened_boot_us"]) - 1, row["opened_clock_ms"], row["ended_clock_ms"] or 1 << 40)
            for row in rows
        ]
        while self._heard and self._heard[0][0] < until:
            at, clock = self._heard.popleft()
            if at > self._trusted_from and not any(
                opened <= at and begin <= clock <= end for opened, begin, end in spans
            ):
                self._broken("lost", f"the motor turned at {clock} ms of the pen's clock, and no pass has it")
                return

    def _at(self, clock: int, near: float) -> Known | None:
        """The sample of this clock that was sent last before ``near`` (loop time), with a little slack."""
        before = [known for known in self._known.get(clock, ()) if known.at <= near + _SLACK_S]
        return before[-1] if before else None

    def _pass(self, row: dict[str, Any]) -> None:
        first = self._at(row["opened_clock_ms"], self._stack.loop_time(row["opened_boot_us"]))
        if row["duration_ms"] < 0 or row["ended_clock_ms"] - row["opened_clock_ms"] != row["duration_ms"]:
            self._broken("figures", f"pass {row['seq']} claims {row['duration_ms']} ms")
        if first is None:
            self._broken("invented", f"pass {row['seq']} begins with a sample that the pen never sent")
            return
        segments = self._stack.rows(
            "select kind, contact, from_clock_ms, to_clock_ms from pass_segments where pass_id = :id order by seq",
            id=row["id"],
        )
        samples = self._samples(row, first)
        truth = self._sum(row, first, segments, samples)
        self.passes.append(truth)
        self._segments(row, segments, [known for known, _ in samples])
        if not truth.lies:
            # The motor may run down after a restart, which has forgotten what was set.
            settled = samples and samples[0][0].clock > RESTARTED_MS and row["duration_ms"] >= SHORT_MS
            self._bounds(row, truth, {known.target for known, _ in samples} if settled else set())

    def _samples(self, row: dict[str, Any], first: Known) -> list[tuple[Known, bool]]:
        """The recorded samples of a pass, each as it was sent, and whether some are marked missing before it; one that
        never was sent is told."""
        found: list[tuple[Known, bool]] = []
        blocks = self._stack.rows(
            "select data, sealed from telemetry_blocks where pass_id = :id order by seq", id=row["id"]
        )
        for block in blocks:
            try:
                columns = decode(block["data"])
            except BlockDamaged as error:
                self._broken("figures", f"a block of pass {row['seq']} is damaged: {error}")
                continue
            for clock, depth, rate, current, flags in zip(
                columns.clock_ms, columns.depth_um, columns.rate_mhz, columns.current_ma, columns.flags, strict=True
            ):
                near = first.at + (clock - first.clock) / 1000 * 1.06 + 1.0
                known = self._at(clock, near)
                if known is None or (known.depth, known.rate, known.current) != (depth, rate, current):
                    self._broken("invented", f"pass {row['seq']} holds a sample at {clock} ms that the pen never sent")
                    return found
                found.append((known, bool(flags & (FLAG_GAP | FLAG_DOUBTED))))
        return found

    def _sum(
        self, row: dict[str, Any], first: Known, segments: list[dict[str, Any]], samples: list[tuple[Known, bool]]
    ) -> PassTruth:
        touched, edges = 0.0, 0
        spans = dict.fromkeys((MEASURED, INFERRED, UNKNOWN), 0)
        strokes = 0.0
        for (before, _), (after, gap) in itertools.pairwise(samples):
            doubted = any(contradicts_itself(known.rate, known.current) for known in (before, after))
            # The one sample before a motor that gets its current has come up to speed is no contradiction yet.
            doubted = doubted and not (before is samples[0][0] and not contradicts_itself(after.rate, after.current))
            if not gap and after.clock - before.clock <= GAP_MS and not doubted:
                strokes += after.strokes - before.strokes
        for segment in segments:
            begin, end = segment["from_clock_ms"], segment["to_clock_ms"]
            spans[segment["kind"]] += end - begin
            edges += segment["contact"] == 1
            if segment["kind"] == UNKNOWN:
                continue
            a, b = self._near(begin, first), self._near(end, first)
            if a is not None and b is not None:
                touched += b.touched_ms - a.touched_ms
        lies = any(known.lies for known, _ in samples)
        depth = sum(known.depth_true for known, _ in samples) / max(1, len(samples))
        return PassTruth(
            self._seat.index, row["seq"], row["zone"] or "", row["kind"], row["end_reason"] or "", row["duration_ms"],
            spans[MEASURED], spans[INFERRED], spans[UNKNOWN], row["strokes"], strokes, row["contact_ms"], touched, edges,
            row["contact_kind"], row["depth_mean_um"], depth, lies,
        )  # fmt: skip

    def _near(self, clock: int, first: Known) -> Known | None:
        return self._at(clock, first.at + (clock - first.clock) / 1000 * 1.06 + 1.0)

    # -- judging

    def _segments(self, row: dict[str, Any], segments: list[dict[str, Any]], samples: list[Known]) -> None:
        name, end = f"pass {row['seq']}", row["opened_clock_ms"]
        for segment in segments:
            if segment["from_clock_ms"] != end:
                self._broken("figures", f"{name} has a hole between its segments at {end} ms")
            end = segment["to_clock_ms"]
        if segments and end != row["ended_clock_ms"]:
            self._broken("figures", f"the segments of {name} do not reach its end")
        believed = [s for s in segments if s["kind"] != UNKNOWN]
        for before, after in itertools.pairwise(samples):
            inside = any(s["from_clock_ms"] < after.clock and s["to_clock_ms"] > before.clock for s in believed)
            if inside and after.clock - before.clock > GAP_MS:
                self._broken("measured", f"{name} calls {after.clock - before.clock} ms without a sample measured")
            if inside and before.contradicted and after.contradicted:
                self._broken(
                    "measured", f"{name} calls measured what the pen's own readings contradict for over a second"
                )
        if samples and samples[-1].clock < row["ended_clock_ms"]:
            self._broken(
                "measured", f"{name} goes on for {row['ended_clock_ms'] - samples[-1].clock} ms after its last sample"
            )

    def judge_sums(self) -> None:
        """Over the whole run no slack is left for the edges of single passes, if there is enough to compare."""
        sums = Sums.of(self.passes)
        if (
            sums.strokes_true >= SUM_STROKES
            and abs(sums.strokes - sums.strokes_true) > STROKES_SHARE * sums.strokes_true
        ):
            self._broken("strokes", f"{sums.strokes} strokes are recorded, {sums.strokes_true:.0f} were made")
        # What is inferred from the current is told in the report and not judged: it depends on what was learned before.
        recorded, true = sums.contact_ms[MEASURED], sums.contact_true_ms[MEASURED]
        if true >= SUM_CONTACT_MS and abs(recorded - true) > CONTACT_SHARE * true:
            self._broken("contact", f"{recorded / 1000:.1f} s of contact are measured, {true / 1000:.1f} s were so")

    def _bounds(self, row: dict[str, Any], truth: PassTruth, targets: set[int]) -> None:
        name = f"pass {row['seq']}"
        off = abs(truth.strokes - truth.strokes_true)
        if off > STROKES_SHARE * truth.strokes_true + STROKES_SLACK:
            self._broken("strokes", f"{name} has {truth.strokes} strokes, {truth.strokes_true:.1f} were made")
        edges = EDGE_MS * 2 * (truth.contact_edges + 1)
        off_ms = abs(truth.contact_ms - truth.contact_true_ms)
        if truth.contact_kind == MEASURED and off_ms > CONTACT_SHARE * truth.contact_true_ms + edges:
            self._broken("contact", f"{name} has {truth.contact_ms} ms of contact, {truth.contact_true_ms:.0f} were so")
        if row["kind"] == "granted" and len(targets) == 1 and row["depth_set_um"] not in (*targets, None):
            self._broken("setpoint", f"{name} says {row['depth_set_um']} µm were set, the pen had {targets.pop()} µm")
