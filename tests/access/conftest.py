"""A record with a session in it, its keys, and an operator."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from records.conftest import Clock, Settled, World, furnish

from devicectl.access import signing, verify
from devicectl.access.cipher import Cipher
from devicectl.access.keyring import Keyring
from devicectl.access.opening import open_keys, ready
from devicectl.records import jobs, rows
from devicectl.records import tables as t
from devicectl.records.audit import Anchor
from devicectl.records.entries import Chain, Entry
from devicectl.records.ids import IdSource
from devicectl.records.store import Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record" / "devicectl.db"


@pytest.fixture
def opened(path: Path, clock: Clock) -> Iterator[Callable[..., Store]]:
    """Opens the record at ``path``; closes it at the end of the test."""
    stores: list[Store] = []

    def make(where: Path | None = None, **options) -> Store:
        store = Store.open(where or path, ids=IdSource(clock, random.Random(len(stores))), **options)
        stores.append(store)
        return store

    yield make
    for store in stores:
        try:
            store.close()
        except Exception:
            pass


@pytest.fixture
def world(opened: Callable[..., Store], clock: Clock) -> World:
    return furnish(opened(), clock)


@pytest.fixture
def keys(world: World) -> Keyring:
    return open_keys(world.store)


@dataclass
class Practice:
    """A record with two operators who treat a client."""

    world: World
    keys: Keyring
    adams: UUID = field(init=False)
    brown: UUID = field(init=False)
    alarm: UUID = field(init=False)
    command: UUID = field(init=False)
    notes: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chain = Chain(self.keys.chain)
        self.cipher = Cipher(self.keys)
        self.adams, self.brown = self._operator("Dr. Adams"), self._operator("Nurse Brown")
        self.world.do(lambda c: ready(c, self.keys, self.world.client))

    def _operator(self, name: str) -> UUID:
        id = self.new()
        self.enter(t.operators, None, id=id, created_utc_us=self.world.clock())
        self.enter(
            t.operator_states, None, operator_id=id, seq=1, name=name, role="practitioner", pin_salt=b"s" * 16,
            pin_hash=b"h" * 32, active=1, by_operator_id=None, reason="first",
        )  # fmt: skip
        return id

    def new(self) -> UUID:
        return self.world.ids.uuid7()

    def enter(self, table: sa.Table, by: UUID | None, **values: object) -> UUID:
        """Enter one row; gives its key."""
        id = values.setdefault("id", self.new())
        self.world.do(self.chain.entered(Entry(table, values, by, self.world.clock())))
        assert isinstance(id, UUID)
        return id

    def note(self, text: str, by: UUID | None = None, client: UUID | None = None) -> UUID:
        """A sealed note in the session."""
        id = self.new()
        sealed = self.cipher.seal(client or self.world.client, text, "notes", "note_sealed", id)
        self.notes[text] = id
        return self.enter(
            t.notes, by or self.adams, id=id, session_id=self.world.session, zone="VTX", note_sealed=sealed
        )

    def treat(self) -> UUID:
        """A whole session, closed; gives its key."""
        world, session = self.world, self.world.session
        self.enter(
            t.consents, self.adams, session_id=session, client_id=world.client, version="1", given_utc_us=1,
            given_by="client", photos=0, text_sha256="00",
        )  # fmt: skip
        self.enter(t.skin_preparations, self.brown, session_id=session, product="chlorhexidine", lot="L1")
        for _ in range(3):
            key = world.add_pass()
            world.do(world.block(key, 0, sealed=True))
            world.end_pass(key)
            intent = rows.OpenCommand(
                self.new(), world.pen, session, 4_000_000_000, world.seq, "start", 180_000, 9, world.clock()
            )
            world.do(jobs.command_intended(intent))
            self.command = intent.id
            outcome = "unknown" if world.seq == 3 else "confirmed"
            world.do(jobs.command_settled(Settled(intent.id, outcome, "", 0, world.clock())))
        self.alarm = self.new()
        world.do(jobs.alarm_raised(rows.AlarmRow(self.alarm, session, world.pen, "battery", "low", "Low.", 1, 3)))
        world.do(jobs.event_logged(rows.EventRow(self.new(), session, world.pen, "note", "12", 1, 3)))
        stop = rows.StopRow(self.new(), session, world.pen, "space", 1, 1, 400, None, False)
        world.do(jobs.stop_logged(stop))
        self.note("itches behind the ear")
        world.do(jobs.session_closed(session, world.clock()))
        return session

    def sign(self, session: UUID | None = None, meaning: str = "performed", by: UUID | None = None) -> signing.Signed:
        """Sign the session."""
        job = signing.sign(
            self.keys, session or self.world.session, meaning=meaning, operator=by or self.adams, name="Dr. Adams",
            at_utc_us=self.world.clock(), id=self.new(), more_ids=self.new,
        )  # fmt: skip
        return self.world.do(job)

    def verdict(self, *kept: Anchor) -> verify.Verdict:
        """The record as it is found now."""
        return self.world.do(lambda c: verify.verify(c, self.keys, kept))


@pytest.fixture
def practice(world: World, keys: Keyring) -> Practice:
    return Practice(world, keys)
