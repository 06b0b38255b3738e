"""A Penlink pen on an event loop: one link, one session, deadlines on everything, outcomes instead of exceptions."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drivers.api import (
    Action,
    Cartridge,
    Command,
    Confirmed,
    LinkLost,
    LinkStatistics,
    Lost,
    NotAPen,
    NotSent,
    Outcome,
    PenError,
    PenInput,
    ReadBack,
    Reason,
    Rebooted,
    Rejected,
    Result,
    Status,
    Unknown,
    Up,
    WrongProtocol,
)
from drivers.link import Link, SecuredLink
from drivers.tap import Mark, Tap

from .frame import STOP, Decoder, encode
from .hello import Pages
from .messages import PAGE_COUNT, Page, PayloadError, Query, ResultMessage
from .refusals import rejection_text
from .session import Hello, HostSession

HELLO_TRIES = 6
USUAL_BAUD: Final = 115_200
"""Of a serial line, by docs/penlink.md."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What depends on the kind of link.

    ``hello_s`` is how long a page of HELLO is waited for, ``answer_s`` what is added to the deadline of every command,
    ``result_s`` how long RESULT may come after the STATUS of the same command, ``lease_ms`` the lease of a run.
    """

    hello_s: float = 0.4
    answer_s: float = 0.0
    result_s: float = 0.0
    lease_ms: int = 500


WIRE: Final = Timing()
BLE: Final = Timing(hello_s=1.5, answer_s=0.3, result_s=0.2, lease_ms=1000)
"""A round trip takes two connection intervals (60 ms at 30 ms), an indication waits for the confirmation before it."""
log = logging.getLogger("devicectl.penlink")
_REASONS = {int(reason): reason for reason in Reason}
_RESULTS = {int(result): result for result in Result}
_READ_BACK = {Action.SET_DEPTH, Action.SET_RATE, Action.LIMIT_DEPTH}
"""Actions that are confirmed by what the pen reads back."""


class _Pending:
    """The command in flight and what has been heard about it."""

    __slots__ = ("answer", "back_seen", "cmd_id", "command", "deadline", "done", "status_seen", "until")

    def __init__(self, cmd_id: int, command: Command, done: asyncio.Future[Outcome], deadline: float) -> None:
        self.cmd_id = cmd_id
        self.command = command
        self.done = done
        self.deadline = deadline
        self.until = 0.0
        self.answer: ResultMessage | None = None
        self.status_seen: Status | None = None
        self.back_seen: ReadBack | None = None

    def settle(self, outcome: Outcome) -> None:
        if not self.done.done():
            self.done.set_result(outcome)

    def unanswered(self) -> None:
        self.settle(Unknown(self.cmd_id, f"no answer within {self.deadline:.1f} s; the pen is being asked."))


class PenlinkPen:
    """A :class:`drivers.api.Pen`. ``make_link`` makes a fresh link for every attempt to connect."""

    def __init__(
        self,
        address: str,
        make_link: Callable[[], Link],
        timing: Timing = WIRE,
        names: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self.address = address
        self._names = names
        self._timing = timing
        self.statistics = LinkStatistics()
        self._make_link = make_link
        # A tuple, replaced when it changes: a listener may leave while it is being called.
        self._listeners: tuple[Callable[[PenInput], None], ...] = ()
        self._link: Link | None = None
        # The same link when it asks for trust; kept apart, because asking what it is takes longer than a command.
        self._guarded: SecuredLink | None = None
        # What is to be closed still: a link that was given up may be on its way out for seconds.
        self._leaving: Link | None = None
        self._session: HostSession | None = None
        self._generation = 0
        self._pending: _Pending | None = None
        self._overdue_timer: asyncio.TimerHandle | None = None
        self._page: asyncio.Future[Hello] | None = None
        self._page_wanted = (0, 0)
        self._tap: Tap | None = None
        # The pages of this opening, for a tap that is set later.
        self._hellos: dict[int, Hello] = {}
        self._connected = False
        self._last_id = 0
        self._unheard_id = 0
        self._stay_secured = False
        self._rehello: asyncio.Task[None] | None = None

    # -- connecting

    @property
    def connected(self) -> bool:
        """True once every HELLO page is in, until the link is lost or the pen reboots."""
        return self._connected

    @property
    def names(self) -> frozenset[str]:
        """What it was found to answer to."""
        return self._names()

    @property
    def lease_ms(self) -> int:
        """By the kind of link."""
        return self._timing.lease_ms

    @property
    def obeys(self) -> bool:
        """Connected, and trusted where the link asks for that."""
        return self._connected and (self._guarded is None or self._guarded.secured)

    async def secure(self) -> None:
        """Pair where the link asks for that, now and at every later connection. Raises :class:`PenError`."""
        if self._link is None or not self._connected:
            raise LinkLost(f"{self.address}: the pen is not connected; wait for the link.")
        if self._guarded is not None:
            await self._guarded.secure()
            self._stay_secured = True

    def subscribe(self, listener: Callable[[PenInput], None]) -> Callable[[], None]:
        """Call ``listener`` synchronously for every input; returns the function that ends it."""
        self._listeners = (*self._listeners, listener)

        def leave() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return leave

    def set_tap(self, tap: Tap | None) -> None:
        """Let ``tap`` hear this link and every later one; None ends it. On a link that is open it learns what we know."""
        self._tap = tap
        if self._link is not None:
            self._link.tap = tap
        if tap is None or self._session is None:
            return
        for page in sorted(self._hellos):
            tap.known(encode(self._hellos[page], 0))
        tap.marked(Mark.JOINED, {"up": self._connected, **self._session.remembered()})

    def _mark(self, mark: Mark, **facts: str) -> None:
        if self._tap is not None:
            self._tap.marked(mark, facts)

    async def connect(self) -> Up:
        """Open the link and read all HELLO pages; sends nothing that could move.

        Raises LinkRefused, NotAPen, WrongProtocol or LinkLost; a failed attempt leaves nothing open.
        """
        await self.close()
        self._loop = asyncio.get_running_loop()
        self._generation += 1
        generation = self._generation
        link = self._make_link()

        def on_data(data: bytes) -> None:
            if generation == self._generation and self._session is not None:
                self._session.feed(data, self._loop.time())

        def on_lost(reason: str) -> None:
            if generation == self._generation:
                self._lose(reason)

        self._session = HostSession(self._deliver, self._on_hello, self._on_result, self.statistics)
        # Before it is open: a STOP goes out as soon as there is anything that takes it.
        self._link = link
        link.tap = self._tap
        self._hellos = {}
        self._mark(Mark.OPENING)
        try:
            await link.open(on_data, on_lost)
            if self._link is not link:
                raise LinkLost(f"{self.address}: the link went away while it was opened; it is tried again.")
            if isinstance(link, SecuredLink):
                self._guarded = link
                link.on_refused = self._refused
                if self._stay_secured:
                    await link.secure()
            link.write(b"\x00")
            return await self._handshake()
        except BaseException:
            await self.close()
            raise

    async def _handshake(self) -> Up:
        session = self._session
        assert session is not None
        pages = Pages()
        for _ in range(HELLO_TRIES):
            for page in range(PAGE_COUNT):
                pages.take(await self._ask_page(page))
            if pages.identity().boot_id == session.boot_id:
                break
        else:
            raise NotAPen(
                f"{self.address}: the pen keeps restarting while it says who it is; charge it, check the cable."
            )
        self._last_id = session.last_cmd_id
        identity, capabilities, cartridge = pages.identity(), pages.capabilities(), pages.cartridge()
        session.bound(capabilities.depth_max_um, capabilities.rate_max_mhz)
        session.established = True
        self._connected = True
        self._mark(Mark.UP)
        up = Up(self._loop.time(), identity, capabilities, cartridge)
        self._announce(up)
        self.query()
        return up

    async def _ask_page(self, page: int) -> Hello:
        for _ in range(HELLO_TRIES):
            session, link = self._session, self._link
            if session is None or link is None:
                raise LinkLost(f"{self.address}: the link went away while the pen said who it is.")
            nonce, data = session.hello(page)
            self._page_wanted = (page, nonce)
            self._page = self._loop.create_future()
            timer = self._loop.call_later(self._timing.hello_s, self._page.cancel)
            link.write(data)
            try:
                return await self._page
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
            finally:
                timer.cancel()
                self._page = None
        raise self._no_answer()

    def _no_answer(self) -> NotAPen | WrongProtocol:
        decoder = self._session.decoder if self._session is not None else Decoder()
        errors = decoder.errors
        if errors.get("version"):
            return WrongProtocol(
                f"{self.address}: this pen speaks another version of Penlink than 1; update devicectl or the pen."
            )
        if not decoder.bytes:
            text = f"{self.address}: nothing answers; switch the pen on, and check cable and address."
            odd = self._odd_baud()
            return NotAPen(f"{text[:-1]}, or leave out ?baud={odd}: pens use {USUAL_BAUD} Bd." if odd else text)
        session = self._session
        if session is None or not session.answers:
            return NotAPen(f"{self.address}: something is there, but it does not speak Penlink; {self._other_port()}")
        return NotAPen(f"{self.address}: the pen answers only in part; check the cable and try again.")

    def _odd_baud(self) -> str:
        """The baud rate in the address when it is not the usual one, else an empty text."""
        given = re.search(r"[?&]baud=(\d+)", self.address)
        return given[1] if given is not None and int(given[1]) != USUAL_BAUD else ""

    def _other_port(self) -> str:
        """What to try when bytes come that are no pen's."""
        if not self.address.startswith("serial://"):
            return "choose another address (devicectl scan lists them)."
        another = "choose another port (devicectl scan lists them)"
        if odd := self._odd_baud():
            return f"leave out ?baud={odd}, as pens use {USUAL_BAUD} Bd, or {another}."
        return f"{another}, or set the baud rate that its maker names (?baud=...)."

    def _on_hello(self, hello: Hello) -> None:
        if self._page is not None and not self._page.done() and (hello.page, hello.nonce) == self._page_wanted:
            self._hellos[hello.page] = hello
            self._page.set_result(hello)

    async def close(self) -> None:
        """Let go of the link, also of one that was lost; a pending command becomes Unknown. Sends nothing."""
        self._generation += 1
        self._connected = False
        if self._rehello is not None and self._rehello is not asyncio.current_task():
            self._rehello.cancel()
            self._rehello = None
        if self._link is not None:
            self._mark(Mark.CLOSED)
        self._leaving = self._link or self._leaving
        self._link = self._session = self._guarded = None
        self._drop_pending("the link was closed")
        while (leaving := self._leaving) is not None:
            await leaving.close()
            if self._leaving is leaving:
                self._leaving = None

    def _lose(self, reason: str) -> None:
        self._generation += 1
        self._connected = False
        self._leaving = self._link or self._leaving
        self._link = self._session = self._guarded = None
        if self._page is not None:
            self._page.cancel()
        self._drop_pending("the link was lost")
        self._mark(Mark.LOST, reason=reason)
        self._tell(Lost(self._loop.time(), reason))

    def _drop_pending(self, why: str) -> None:
        pending, self._pending = self._pending, None
        if self._overdue_timer is not None:
            self._overdue_timer.cancel()
            self._overdue_timer = None
        if pending is not None:
            pending.settle(Unknown(pending.cmd_id, f"no answer: {why}; it is checked at the next connection."))

    # -- inputs

    def _tell(self, item: PenInput) -> None:
        for listener in self._listeners:
            # One that fails must keep neither the next one nor the rest of the bytes from being heard.
            try:
                listener(item)
            except Exception:
                log.exception("a listener failed at %s", type(item).__name__)

    def _announce(self, up: Up) -> None:
        for listener in self._listeners:
            try:
                listener(up)
            except PenError:
                raise
            except Exception:
                log.exception("a listener failed at Up")

    def _deliver(self, item: PenInput) -> None:
        pending = self._pending
        self._tell(item)
        kind = type(item)
        if kind is Status and pending is not None:
            self._status_for(pending, item)  # type: ignore[arg-type]
        elif kind is ReadBack and pending is not None:
            self._readback_for(pending, item)  # type: ignore[arg-type]
        elif kind is Rebooted:
            self._rebooted()

    def _rebooted(self) -> None:
        self._connected = False
        self._drop_pending("the pen restarted")
        if self._rehello is None or self._rehello.done():
            self._rehello = self._loop.create_task(self._hello_again())

    async def _hello_again(self) -> None:
        try:
            await self._handshake()
        except Exception as error:
            if not isinstance(error, PenError):
                log.exception("HELLO failed in an unforeseen way")
            link = self._link
            if link is not None:
                self._lose(str(error))
                await link.close()

    def _refused(self, outcome: Outcome) -> None:
        """The link tells that the command in flight never reached the firmware."""
        if self._pending is not None:
            self._pending.settle(outcome)

    def _on_result(self, message: ResultMessage) -> None:
        pending = self._pending
        if pending is None or message.cmd_id != pending.cmd_id:
            if message.cmd_id == self._unheard_id:
                self._unheard_id = 0
            else:
                self.statistics.late_answers += 1
            return
        pending.answer = message
        result = _RESULTS.get(message.result, Result.FAILED)
        if result not in (Result.ACCEPTED, Result.IN_PROGRESS):
            reason = _REASONS.get(message.reason, Reason.NONE)
            pending.settle(Rejected(result, reason, rejection_text(pending.command, reason, message.applied)))
        elif pending.back_seen is not None:
            self._readback_for(pending, pending.back_seen)
        elif pending.status_seen is not None:
            self._status_for(pending, pending.status_seen)

    def _status_for(self, pending: _Pending, status: Status) -> None:
        if status.last_cmd_id != pending.cmd_id:
            return
        pending.status_seen = status
        answer = pending.answer
        if answer is None:
            if status.last_result not in (Result.ACCEPTED, Result.IN_PROGRESS):
                self._refused_by(pending, status)
            return
        if pending.command.action not in _READ_BACK:
            pending.settle(Confirmed(answer.applied, answer.token))

    def _refused_by(self, pending: _Pending, status: Status) -> None:
        """RESULT is lost or, as an indication, late: what the pen holds may equal what was asked and yet be refused."""

        def settle() -> None:
            pending.settle(Rejected(status.last_result, Reason.NONE, "the pen refused it; try again."))

        if self._timing.result_s:
            self._loop.call_later(self._timing.result_s, settle)
        else:
            settle()

    def _readback_for(self, pending: _Pending, back: ReadBack) -> None:
        status = pending.status_seen
        if status is None or pending.command.action not in _READ_BACK:
            return
        if status.last_result not in (Result.ACCEPTED, Result.IN_PROGRESS):
            return
        pending.back_seen = back
        action, answer = pending.command.action, pending.answer
        if action is Action.LIMIT_DEPTH:
            confirmed = back.depth_limit_um <= pending.command.value
            value = back.depth_limit_um
        else:
            value = back.depth_um if action is Action.SET_DEPTH else back.rate_mhz
            confirmed = value == (pending.command.value if answer is None else answer.applied)
        if confirmed:
            self._unheard_id = pending.cmd_id if answer is None else 0
            pending.settle(Confirmed(value))

    # -- acting

    def next_id(self) -> int:
        """The id the next command will carry: one more than the pen or we have ever used in this boot."""
        session = self._session
        seen = session.last_cmd_id if session is not None else 0
        return max(self._last_id, seen) + 1

    async def command(self, command: Command, *, deadline: float, not_after_ms: int | None = None) -> Outcome:
        """Send once. NotSent when not connected or another command is in flight, Unknown after ``deadline`` s."""
        session, link = self._session, self._link
        if session is None or link is None or not self._connected:
            return NotSent("the pen is not connected; wait for the link.")
        if self._guarded is not None and not self._guarded.secured:
            return NotSent("the pen obeys only a computer that it is paired with; open a session to pair.")
        if self._pending is not None:
            return NotSent("the pen is still answering the command before; try again.")
        cmd_id = self.next_id()
        if not_after_ms is None:
            not_after_ms = 0 if command.action is Action.END else session.not_after()
        try:
            data = session.command(command, cmd_id, not_after_ms)
        except PayloadError as error:
            return NotSent(
                f"the command cannot be put into a frame ({error}); choose another value or restart the pen."
            )
        self._last_id = cmd_id
        deadline += self._timing.answer_s
        done: asyncio.Future[Outcome] = self._loop.create_future()
        pending = self._pending = _Pending(cmd_id, command, done, deadline)
        link.write(data)
        pending.until = self._loop.time() + deadline
        self._wake_by(pending.until)
        try:
            return await done
        finally:
            if self._pending is pending:
                self._pending = None

    def _wake_by(self, until: float) -> None:
        """One timer serves the commands that follow each other: it is set anew only when it would come too late."""
        timer = self._overdue_timer
        if timer is not None:
            if timer.when() <= until:
                return
            timer.cancel()
        self._overdue_timer = self._loop.call_at(until, self._overdue, until)

    def _overdue(self, woken_for: float) -> None:
        self._overdue_timer = None
        pending = self._pending
        if pending is None or pending.done.done():
            return
        if pending.until <= woken_for:
            pending.unanswered()
        else:
            self._wake_by(pending.until)

    def stop(self) -> bool:
        """STOP bytes now, ahead of everything; legal as soon as the link can carry them, connected or not."""
        link = self._link
        if link is None:
            return False
        self.statistics.bytes_out += len(STOP)
        return link.write_stop(STOP)

    def renew_lease(self) -> None:
        """One renewal, unless bytes still wait: a late renewal is worse than none."""
        session, link = self._session, self._link
        if session is not None and link is not None and self._connected and link.idle:
            link.write(session.lease())

    def query(self) -> None:
        """Ask for STATUS, read-back and vitals."""
        session, link = self._session, self._link
        if session is not None and link is not None and self._connected:
            for what in Query:
                link.write(session.query(what))

    async def refresh_cartridge(self) -> Cartridge:
        """Read HELLO page 4 again (after a CARTRIDGE_CHANGED event). Raises NotAPen or LinkLost."""
        pages = Pages()
        pages.take(await self._ask_page(Page.CARTRIDGE))
        return pages.cartridge()
