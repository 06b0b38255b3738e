"""The command lane: one command at a time, written down before it is sent, and settled by the pen's own memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never
from uuid import UUID

from drivers.api import Action, Command, Confirmed, NotSent, Outcome, Pen, Rejected, Result, Status, Unknown

from .journal import Intent, Journal, Settled
from .source import Source

JOURNAL_DEADLINE_S: Final = 0.5
ASK_AGAIN_S: Final = 0.1
ADOPT_AGAIN_S: Final = 1.0
NOT_AFTER_MS: Final = 300
TOO_LATE_MS: Final = 500
"""A command without ``not_after`` that the pen has not seen after this much of its own time was lost."""

BUSY: Final = "another command is in progress; try again in a moment."
BEING_CHECKED: Final = "an earlier command is still being checked with the pen; wait for it."

GIVES_WAY: Final = frozenset({Action.LIMIT_DEPTH, Action.INDICATE})

Guard = Callable[[], str | None]
"""Asked right before the bytes leave: None to go on, or the sentence why not."""

RESTARTED: Final = "the pen restarted; extent unknown, assumed executed."


@dataclass(slots=True)
class _Open:
    intent: Intent
    too_late_ms: int | None


class CommandLane:
    """Sends commands of one pen. The controller keeps ``pen_id``, ``session_id``, ``boot_id`` and ``clock_ms`` (the
    freshest pen time heard, from which ``not_after`` counts) up to date."""

    def __init__(
        self,
        pen: Pen,
        journal: Journal,
        source: Source,
        on_outcome: Callable[[Intent, str, str], None],
        on_journal_trouble: Callable[[str], None],
    ) -> None:
        self._pen = pen
        self._journal = journal
        self._source = source
        self._on_outcome = on_outcome
        self._on_trouble = on_journal_trouble
        self._loop = asyncio.get_running_loop()
        self._busy = False
        self._housekeeping: asyncio.Event | None = None
        self._indicating: asyncio.Task[Outcome] | None = None
        self._closed = False
        self._in_flight: UUID | None = None
        self._adoptions = 0
        self._settled_meanwhile: set[UUID] = set()
        """Settled since the record was asked what is open: its answer may be older."""
        self._open: list[_Open] = []
        self._restarts = 0
        self._asking: asyncio.TimerHandle | None = None
        self.pen_id: UUID | None = None
        self.session_id: UUID | None = None
        self.boot_id = 0
        self.clock_ms = 0

    @property
    def unsettled(self) -> bool:
        """True while the outcome of an earlier command is not known."""
        return bool(self._adoptions or self._open)

    @property
    def busy(self) -> bool:
        """True while a command is in progress."""
        return self._busy

    async def send(self, command: Command, guard: Guard, *, deadline: float) -> Outcome:
        """Write the intent down, ask ``guard`` once more, send once, and write the outcome down.

        A second command while one is in progress is refused; only for LIMIT_DEPTH, which must not stand in anybody's way,
        it waits. INDICATE is given up at once for whatever comes: its outcome is unknown then, and does not matter.
        """
        while self._busy and self._housekeeping is not None:
            if self._indicating is not None:
                self._indicating.cancel()
            await self._housekeeping.wait()
        if self._busy:
            return NotSent(BUSY)
        if self.unsettled:
            return NotSent(BEING_CHECKED)
        if self._closed:
            return NotSent("the pen is being let go; choose it anew.")
        if self.pen_id is None or not self._pen.connected:
            return NotSent("the pen is not connected; wait for the link.")
        if not self._pen.obeys:
            return NotSent("the pen obeys only a computer that it is paired with; open a session to pair.")
        if not self.clock_ms and command.action is not Action.END:
            return NotSent("the pen's clock has not been heard yet; wait a second.")
        self._busy = True
        if command.action in GIVES_WAY:
            self._housekeeping = asyncio.Event()
        try:
            sending = self._send(command, guard, self.pen_id, deadline)
            return await (self._given_up(sending) if command.action is Action.INDICATE else sending)
        finally:
            self._busy = False
            self._in_flight = None
            if self._housekeeping is not None:
                self._housekeeping.set()
                self._housekeeping = None

    async def _given_up(self, sending: Coroutine[Any, Any, Outcome]) -> Outcome:
        """INDICATE, until something else is to be sent."""
        task = self._indicating = self._loop.create_task(sending)
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            self._indicating = None
        if task.cancelled():
            return Unknown(0, "another command went first; ask again if the pen did not show itself.")
        return task.result()

    async def _send(self, command: Command, guard: Guard, pen_id: UUID, deadline: float) -> Outcome:
        intent = Intent(
            self._source.uuid(),
            pen_id,
            self.session_id,
            self.boot_id,
            self._pen.next_id(),
            command.action.value,
            command.value,
            self._source.boot_us(),
            self._source.utc_us(),
        )
        self._in_flight = intent.id
        restarts = self._restarts
        problem = await self._write_ahead(intent)
        if problem is not None:
            return NotSent(problem)
        problem = guard()
        if problem is None and (self._pen.next_id() != intent.cmd_id or self.boot_id != intent.boot_id):
            problem = "the pen restarted meanwhile; try again."
        if problem is None and self._closed:
            problem = "the pen is being let go; nothing was sent, choose it anew."
        if problem is not None:
            self._settle(intent, "not_sent", problem)
            return NotSent(problem)
        not_after = 0 if command.action is Action.END else self.clock_ms + NOT_AFTER_MS
        too_late = not_after or self.clock_ms + TOO_LATE_MS
        try:
            outcome = await self._pen.command(command, deadline=deadline, not_after_ms=not_after)
        except asyncio.CancelledError:
            self._unknown(intent, "nobody waits for the answer any more; the pen is being asked.", too_late, restarts)
            raise
        match outcome:
            case Confirmed():
                self._settle(intent, "confirmed", "", outcome.applied)
            case Rejected():
                self._settle(intent, "rejected", outcome.text)
            case NotSent():
                self._settle(intent, "not_sent", outcome.text)
            case Unknown():
                self._unknown(intent, outcome.text, too_late, restarts)
            case _:
                assert_never(outcome)
        return outcome

    def _unknown(self, intent: Intent, text: str, too_late_ms: int, restarts: int) -> None:
        self._settle(intent, "unknown", text)
        if restarts != self._restarts:
            # Its memory is another one now, even when the number of the boot is the same.
            self._settle(intent, "assumed_executed", RESTARTED)
            return
        if intent.action == Action.INDICATE:
            return  # whether it blinked does not matter to what comes next
        self._open.append(_Open(intent, too_late_ms))
        self._ask()

    async def _write_ahead(self, intent: Intent) -> str | None:
        future = self._journal.intend(intent)
        if not future.done():
            try:
                done, _ = await asyncio.wait((future,), timeout=JOURNAL_DEADLINE_S)
            except asyncio.CancelledError:
                future.add_done_callback(lambda f: self._late(intent, f, "its client went away; nothing was sent."))
                raise
            if not done:
                future.add_done_callback(lambda f: self._late(intent, f, "the record was too slow; nothing was sent."))
                return "the record did not answer within 0.5 s, so nothing was sent; check the disk, then try again."
        error = future.exception()
        if error is not None:
            self._on_trouble(str(error))
            return f"the record cannot be written, so nothing was sent: {error}"
        return None

    def _late(self, intent: Intent, future: asyncio.Future[None], text: str) -> None:
        if not future.cancelled() and future.exception() is None:
            self._settle(intent, "not_sent", text)

    def _settle(self, intent: Intent, outcome: str, text: str, applied: int = 0) -> None:
        if self._adoptions and outcome != "unknown":
            self._settled_meanwhile.add(intent.id)
        future = self._journal.settle(Settled(intent.id, outcome, text, applied, self._source.utc_us()))
        if not future.done():
            future.add_done_callback(self._settled_written)
        elif future.exception() is not None:
            self._on_trouble(str(future.exception()))
        self._on_outcome(intent, outcome, text)

    def _settled_written(self, future: asyncio.Future[None]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self._on_trouble(str(error))

    # -- settlement

    def expect_adoption(self) -> None:
        """From now until a call of :meth:`adopt_open` has answered, nothing counts as settled and nothing is sent."""
        self._adoptions += 1

    async def adopt_open(self) -> None:
        """Take up the commands that an earlier process left open for this pen (call once per connection).

        A record that cannot answer is asked again: until it has, nothing counts as settled.
        """
        pen_id = self.pen_id
        try:
            while pen_id is not None and pen_id == self.pen_id and not self._closed:
                try:
                    rows = await self._journal.open_commands(pen_id)
                except Exception as error:  # whatever the record's trouble is, it is shown
                    self._on_trouble(str(error))
                    await asyncio.sleep(ADOPT_AGAIN_S)
                    continue
                if pen_id == self.pen_id:
                    self._take_up(rows)
                return
        finally:
            self._adoptions -= 1
            if not self._adoptions:
                self._settled_meanwhile.clear()

    def _take_up(self, rows: Sequence[Intent]) -> None:
        known = {o.intent.id for o in self._open} | {self._in_flight} | self._settled_meanwhile
        self._open += [_Open(row, None) for row in rows if row.id not in known]
        if self._open:
            self._ask()

    def status(self, status: Status) -> None:
        """Let the pen's memory settle what is open."""
        if not self._open:
            return
        still_open: list[_Open] = []
        for o in self._open:
            verdict = self._judge(o, status)
            if verdict is None:
                still_open.append(o)
            else:
                self._settle(o.intent, *verdict)
        self._open = still_open
        if not still_open and self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _judge(self, o: _Open, status: Status) -> tuple[str, str] | None:
        intent = o.intent
        if status.boot_id != intent.boot_id:
            return "assumed_executed", RESTARTED
        if status.last_cmd_id == intent.cmd_id:
            if status.last_result in (Result.ACCEPTED, Result.IN_PROGRESS):
                return "confirmed", "settled by the pen's own memory."
            return "rejected", f"the pen had refused it ({status.last_result.name.lower()})."
        if status.last_cmd_id > intent.cmd_id:
            return "assumed_executed", "the pen has executed later commands; assumed executed."
        if o.too_late_ms is None:
            o.too_late_ms = status.clock_ms + TOO_LATE_MS
        elif status.clock_ms > o.too_late_ms:
            return "not_sent", "it never reached the pen, and the pen would refuse it now."
        return None

    def rebooted(self) -> None:
        """The pen restarted: what is open can never be known."""
        self._restarts += 1
        for o in self._open:
            self._settle(o.intent, "assumed_executed", RESTARTED)
        self._open.clear()

    def other_pen(self) -> None:
        """Another pen is at this address: what is open belongs to the one before, and is settled when that is back."""
        self.pen_id = None
        self._open.clear()

    def _ask(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        self._asking = None
        if self._open and not self._closed:
            self._pen.query()
            self._asking = self._loop.call_later(ASK_AGAIN_S, self._ask)

    def close(self) -> None:
        """End the timer; nothing is sent or asked from now on."""
        self._closed = True
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
