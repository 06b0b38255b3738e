"""Cuts passes from the pen's own telemetry. Sans-IO and without a clock: everything comes in, events go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from devicectl.control.motion import RUN_DOWN_S
from devicectl.records.evidence import INFERRED, Evidence, density_cm2
from devicectl.records.telemetry_block import (
    CONTACT_UNKNOWN,
    FLAG_DOUBTED,
    FLAG_DRIVING,
    FLAG_GAP,
    FLAG_INFERRED,
    FLAG_INFERRED_CONTACT,
    Columns,
)
from drivers.api import Gap, Telemetry, Vitals
from drivers.motor import STILL_MHZ, TURNING_MHZ, Power, contradicts_itself

from .contact import CurrentContact
from .pass_events import (
    BlockSealed,
    BlockUpdated,
    CloseReason,
    PassClosed,
    PassKind,
    PassOpened,
    PassProgress,
    RecorderEvent,
    ZoneTotals,
)
from .zones import Zone

UPDATE_MS: Final = 1_000
SEAL_MS: Final = 10_000
REASON_S: Final = 0.3
"""How long a pass that ended by itself waits to be told why, before it counts as paused."""
NO_BATTERY: Final = -1
"""Battery in a block before the pen has told any vitals; the temperature beside it is then no reading either."""


@dataclass(slots=True)
class _Open:
    """The pass that is being recorded."""

    id: UUID
    seq: int
    kind: PassKind
    zone: Zone | None
    direction: str | None
    needles: int
    opened_at: float
    evidence: Evidence
    rows: tuple[list[int], ...]
    block_seq: int = 0
    block_from: int = 0
    shown: int = 0
    fresh: bool = True
    lost: int = 0
    inferred: bool = False
    at: float = field(default=0.0)


class PassRecorder:
    """Feed it with what the pen and the people do; it calls ``emit`` synchronously.

    A pass is the motor turning in one zone at one setpoint, judged as control judges it: a rate of 0 does not end it
    while the motor has current; that stretch is unknown. ``new_id`` gives keys, ``needles`` is the cartridge's count
    (0 when unknown: then no density is estimated), ``first_seq`` the number of the first pass.
    """

    def __init__(
        self,
        emit: Callable[[RecorderEvent], None],
        new_id: Callable[[], UUID],
        *,
        needles: int = 0,
        first_seq: int = 1,
    ) -> None:
        self.totals: dict[str, ZoneTotals] = {}
        self.needles = needles
        self.contact = CurrentContact()
        self.doubted = False
        """True while the pen's readings contradict each other: what comes meanwhile is recorded as unknown."""
        self._emit, self._new_id, self._seq = emit, new_id, first_seq
        self._open: _Open | None = None
        self._pending: tuple[_Open, float] | None = None
        self._last: Telemetry | None = None
        self._last_flags = 0
        self._gap = False
        self._power = Power()
        self._temperature, self._battery = 0, NO_BATTERY
        self._zone: Zone | None = None
        self._direction: str | None = None
        self._depth: int | None = None
        self._rate: int | None = None
        self._granted = False
        self._revoked_at: float | None = None
        self._reason: CloseReason | None = None
        self._parking_until = float("-inf")

    # -- what the pen says

    def telemetry(self, sample: Telemetry) -> None:
        """Take one sample; one that does not move the pen's clock forward is left out."""
        at, _counter, clock, depth, rate, current, touch, driving = sample
        last = self._last
        if last is not None and clock <= last.clock_ms:
            return
        flags = FLAG_DRIVING if driving else 0
        if self.doubted:
            flags |= FLAG_DOUBTED
        if self._gap:
            flags |= FLAG_GAP
            self._gap = False
        if touch is not None:
            contact = 1 if touch else 0
        else:
            contact = CONTACT_UNKNOWN
            if rate > STILL_MHZ:
                inferred = self.contact.feed(rate, current)
                if inferred is not None:
                    flags |= FLAG_INFERRED | FLAG_INFERRED_CONTACT if inferred else FLAG_INFERRED
        self._last, self._last_flags = sample, flags
        self._power.feed(clock, current, driving)
        turning = self._power.turns(rate, current, driving)
        if at <= self._parking_until and rate <= TURNING_MHZ:
            turning = False
        if self._pending is not None and (at >= self._pending[1] or turning):
            self._finish(self._reason or CloseReason.PAUSED)
        current_pass = self._open
        if current_pass is None:
            if turning:
                self._begin(sample, flags)
            return
        current_pass.evidence.feed(clock, depth, rate, current, contact, flags)
        current_pass.at = at
        clocks, depths, rates, currents, temperatures, batteries, contacts, marks = current_pass.rows
        if not clocks:
            current_pass.block_from = current_pass.shown = clock
        clocks.append(clock)
        depths.append(depth)
        rates.append(rate)
        currents.append(current)
        temperatures.append(self._temperature)
        batteries.append(self._battery)
        contacts.append(contact)
        marks.append(flags)
        current_pass.fresh = True
        if flags & FLAG_INFERRED:
            current_pass.inferred = True
        if rate <= STILL_MHZ and not contradicts_itself(rate, current):
            self._motor_still(current_pass, at)
        elif clock - current_pass.block_from >= SEAL_MS:
            self._seal(current_pass, at)
        elif clock - current_pass.shown >= UPDATE_MS:
            self._show(current_pass, at)
        if self._revoked_at is not None and self._open is not None and at - self._revoked_at > RUN_DOWN_S:
            self._disown(sample, flags)

    def uncommanded(self) -> None:
        """Control has found that nobody granted what the motor does: from the last sample on it is another pass."""
        if self._open is not None and self._last is not None:
            self._disown(self._last, self._last_flags)

    def vitals(self, vitals: Vitals) -> None:
        """Take temperature and battery; they are written beside every later sample."""
        self._temperature, self._battery = vitals.temperature_cc, vitals.battery_mv

    def gap(self, gap: Gap) -> None:
        """Samples were lost before the next one: nothing is assumed about that time."""
        self._gap = True
        if self._open is not None:
            self._open.lost += gap.missing

    def lost(self, at: float) -> None:
        """The link is gone: the pass ends with the last sample."""
        self._cut(CloseReason.LOST, at)

    def rebooted(self, at: float) -> None:
        """The pen started anew, its clock too: the pass ends with the last sample."""
        self._cut(CloseReason.INTERRUPTED, at)
        self._temperature, self._battery = 0, NO_BATTERY

    # -- what people do

    def zone(self, zone: Zone | None, depth_um: int | None, rate_mhz: int | None, at: float) -> None:
        """The zone and setpoint from now on (µm, mHz).

        While the motor turns, another zone or setpoint closes the pass at the last sample and opens the next there.
        """
        if (zone, depth_um, rate_mhz) == (self._zone, self._depth, self._rate):
            return
        other_zone = (zone and zone.code) != (self._zone and self._zone.code)
        self._zone, self._depth, self._rate = zone, depth_um, rate_mhz
        self._go_on(CloseReason.ZONE_CHANGED if other_zone else CloseReason.ENDED, at)

    def direction(self, direction: str | None, at: float) -> None:
        """The direction of the strokes over the skin from now on; while the motor turns it cuts as a setpoint does."""
        if direction != self._direction:
            self._direction = direction
            self._go_on(CloseReason.ENDED, at)

    def _go_on(self, reason: CloseReason, at: float) -> None:
        """What is recorded from here on is another pass."""
        if self._pending is not None:
            self._finish(self._reason or CloseReason.PAUSED)
        current, last = self._open, self._last
        if current is None or current.kind is PassKind.UNCOMMANDED or last is None:
            return
        self._open = None
        self._close(current, reason, at)
        self._begin(last, self._last_flags & ~FLAG_GAP, at)

    def run(self, granted: bool, at: float, reason: CloseReason = CloseReason.ENDED) -> None:
        """A run was granted (say so before START leaves), or is over and why. A pause within a run is `ending`."""
        if granted:
            if self._pending is not None:
                self._finish(self._reason or CloseReason.PAUSED)
            self._granted, self._revoked_at, self._reason = True, None, None
            self._parking_until = float("-inf")
            return
        if self._granted:
            self._revoked_at = at
        self._granted = False
        self.ending(reason)

    def parking(self, going: bool, at: float) -> None:
        """The needle is turned to a dead centre, or stands there: less than one slow stroke is no pass."""
        self._parking_until = float("inf") if going else at + RUN_DOWN_S

    def ending(self, reason: CloseReason) -> None:
        """Say why the motor is about to stand still, or just did."""
        self._reason = reason
        if self._pending is not None:
            self._finish(reason)

    def tick(self, now: float) -> None:
        """Loop time goes on; call it about once a second, so that nothing waits for a sample that does not come."""
        if self._pending is not None and now >= self._pending[1]:
            self._finish(self._reason or CloseReason.PAUSED)
        current = self._open
        if current is not None and current.fresh and now - current.at >= UPDATE_MS / 1_000:
            self._show(current, now)

    def close(self, at: float, reason: CloseReason = CloseReason.INTERRUPTED) -> None:
        """The session ends: whatever is open is closed with the last sample."""
        self._cut(self._reason or reason, at)

    # -- what it knows

    def current(self) -> PassProgress | None:
        """The pass that is being recorded, or None."""
        current = self._open
        if current is None:
            return None
        evidence = current.evidence
        strokes = evidence.contact_strokes
        return PassProgress(
            current.id,
            current.seq,
            current.kind,
            current.zone,
            current.opened_at,
            evidence.clock_ms - evidence.opened_clock_ms,
            evidence.contact_ms(),
            current.inferred,
            evidence.strokes,
            strokes,
            density_cm2(strokes, current.needles, current.zone.area_mm2 if current.zone else 0),
        )

    # -- inside

    def _begin(self, sample: Telemetry, flags: int, at: float | None = None) -> None:
        flags &= ~FLAG_GAP
        touch = CONTACT_UNKNOWN if sample.contact is None else int(sample.contact)
        commanded = self._zone is not None and (
            self._granted or (self._revoked_at is not None and sample.at - self._revoked_at <= RUN_DOWN_S)
        )
        kind = PassKind.GRANTED if commanded else PassKind.UNCOMMANDED
        row = (
            sample.clock_ms, sample.depth_um, sample.rate_mhz, sample.current_ma, self._temperature, self._battery,
            touch, flags,
        )  # fmt: skip
        evidence = Evidence(sample.clock_ms, sample.depth_um, sample.rate_mhz, sample.current_ma, touch, flags)
        opened = _Open(
            self._new_id(), self._seq, kind, self._zone, self._direction, self.needles, sample.at, evidence, tuple([value] for value in row),
            block_from=sample.clock_ms, shown=sample.clock_ms, inferred=bool(flags & FLAG_INFERRED), at=sample.at,
        )  # fmt: skip
        self._seq += 1
        self._open = opened
        if self._granted:
            self._reason = None
        self._emit(
            PassOpened(
                opened.id,
                opened.seq,
                kind,
                opened.zone,
                self._depth,
                self._rate,
                self.needles,
                sample.at if at is None else at,
                sample.clock_ms,
                opened.direction,
            )
        )

    def _motor_still(self, current: _Open, at: float) -> None:
        self._open = None
        self.contact.restart()
        if self._reason is None and self._granted:
            self._pending = (current, at + REASON_S)
        else:
            self._close(current, self._reason or CloseReason.ENDED, at)

    def _disown(self, sample: Telemetry, flags: int) -> None:
        current = self._open
        self._revoked_at = None
        if current is None or current.kind is PassKind.UNCOMMANDED:
            return
        self._open = None
        self._close(current, self._reason or CloseReason.ENDED, sample.at)
        self._reason = None
        self._begin(sample, flags)

    def _cut(self, reason: CloseReason, at: float) -> None:
        if self._pending is not None:
            self._finish(self._reason or reason)
        current, self._open = self._open, None
        self._last, self._gap = None, False
        self.contact.restart()
        if current is not None:
            self._close(current, reason, at)

    def _finish(self, reason: CloseReason) -> None:
        if self._pending is not None:
            current, self._pending = self._pending[0], None
            self._close(current, reason, current.at)

    def _columns(self, current: _Open) -> Columns:
        return Columns(*(tuple(column) for column in current.rows))

    def _show(self, current: _Open, at: float) -> None:
        if not current.rows[0]:
            return
        current.shown = current.rows[0][-1]
        current.fresh = False
        self._emit(BlockUpdated(current.id, current.block_seq, self._columns(current), at))

    def _seal(self, current: _Open, at: float) -> None:
        if not current.rows[0]:
            return
        self._emit(BlockSealed(current.id, current.block_seq, self._columns(current), at))
        current.block_seq += 1
        current.fresh = False
        for column in current.rows:
            column.clear()

    def _close(self, current: _Open, reason: CloseReason, at: float) -> None:
        self._seal(current, at)
        figures = current.evidence.figures()
        zone = current.zone
        density = density_cm2(figures.contact_strokes, current.needles, zone.area_mm2 if zone else 0)
        if zone is not None and current.kind is PassKind.GRANTED:
            before = self.totals.get(zone.code) or ZoneTotals(zone)
            self.totals[zone.code] = replace(
                before,
                passes=before.passes + 1,
                duration_ms=before.duration_ms + figures.duration_ms,
                contact_ms=before.contact_ms + figures.contact_ms,
                inferred=before.inferred or figures.contact_kind == INFERRED,
                strokes=before.strokes + figures.strokes,
                contact_strokes=before.contact_strokes + figures.contact_strokes,
                density_cm2=before.density_cm2 + density,
            )
        self._emit(
            PassClosed(
                current.id,
                current.seq,
                current.kind,
                zone,
                reason,
                figures,
                density,
                current.lost,
                at,
                current.evidence.clock_ms,
                current.direction,
            )
        )
