"""An erased client cannot be read anywhere: not in the record, not in its older backups, not after a kill half-way."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys

import pytest

from devicectl.access import erasure, key_backup
from devicectl.access.cipher import Cipher
from devicectl.access.key_errors import ClientErased
from devicectl.access.keyring import erased_mark, key_file
from devicectl.access.opening import open_keys, ready
from devicectl.access.vault import FolderVault
from devicectl.records import jobs
from devicectl.records import tables as t
from devicectl.records.backup import backup_file
from devicectl.records.errors import RecordRefused

SECRET = "lives at 12 Elm Street"


def erase(practice, reason: str = "requested") -> None:
    async def go() -> None:
        await erasure.erase(
            practice.world.store.submit, practice.keys, practice.world.client, id=practice.new(), by=practice.adams,
            at_utc_us=practice.world.clock(), reason=reason,
        )  # fmt: skip

    asyncio.run(go())


def note_in(store, cipher, client, row) -> str | None:
    sealed = store.submit_sync(lambda c: c.execute(t.notes.select().where(t.notes.c.id == row)).one().note_sealed)
    return cipher.open(client, sealed, "notes", "note_sealed", row)


@pytest.fixture
def treated(practice):
    row = practice.note(SECRET)
    practice.treat()
    practice.sign()
    return row


def test_erasure_leaves_figures_and_takes_texts(practice, treated, path):
    world = practice.world
    assert note_in(world.store, practice.cipher, world.client, treated) == SECRET
    erase(practice)
    assert note_in(world.store, practice.cipher, world.client, treated) is None
    assert note_in(world.store, Cipher(open_keys(world.store)), world.client, treated) is None
    verdict = practice.verdict()
    assert verdict.damages == ()
    assert verdict.signatures == 1
    assert world.do(lambda c: c.execute(t.passes.select()).all()) != []
    (row,) = world.do(lambda c: c.execute(t.erasures.select()).all())
    assert (row.client_id, row.operator_id, row.reason) == (world.client, practice.adams, "requested")
    folder = path.with_name(path.name + ".keys")
    assert not (folder / key_file(world.client)).exists()
    assert (folder / erased_mark(world.client)).exists()


def test_nothing_more_is_sealed_for_an_erased_client(practice, treated):
    erase(practice)
    with pytest.raises(ClientErased):
        practice.note("again")
    with pytest.raises(ClientErased):
        practice.world.do(lambda c: ready(c, practice.keys, practice.world.client))


def test_a_client_without_any_text_can_be_erased(practice):
    world = practice.world
    world.do(jobs.session_closed(world.session, world.clock()))
    world.client = world.add_client("T-9")
    erase(practice)
    with pytest.raises(ClientErased):
        world.do(lambda c: ready(c, practice.keys, world.client))


def test_an_older_backup_of_the_database_cannot_be_read_either(practice, treated, path, tmp_path, opened):
    backup = backup_file(path, tmp_path / "before.db")
    erase(practice)
    practice.world.store.close()
    # Put back in the record's place, with the keys as they are now.
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    shutil.copy(backup, path)
    store = opened()
    keys = open_keys(store)
    assert store.submit_sync(lambda c: c.execute(t.erasures.select()).all()) == []
    assert note_in(store, Cipher(keys), practice.world.client, treated) is None


def test_the_text_is_in_no_file_at_all(practice, treated, path, tmp_path):
    key = practice.keys.client(practice.world.client)
    wrapped = practice.keys.vault.read(key_file(practice.world.client))
    backup_file(path, tmp_path / "before.db")
    erase(practice)
    practice.world.store.close()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for secret in (SECRET.encode(), b"Elm Street", key, wrapped):
                assert secret not in content, file


def test_the_key_file_is_written_over_before_it_goes(practice, treated, path, tmp_path):
    file = path.with_name(path.name + ".keys") / key_file(practice.world.client)
    wrapped = file.read_bytes()
    # Another name for the same place on the disk.
    (tmp_path / "same").hardlink_to(file)
    erase(practice)
    assert not file.exists()
    assert len((tmp_path / "same").read_bytes()) == len(wrapped)
    assert (tmp_path / "same").read_bytes() != wrapped


def test_a_backup_of_keys_gives_an_erased_client_back_to_nobody(practice, treated, path, tmp_path):
    folder = path.with_name(path.name + ".keys")
    saved = tmp_path / "keys"
    assert key_backup.save(FolderVault(folder), saved, "correct horse battery") == 1
    erase(practice)
    shutil.rmtree(folder)
    erased = [practice.world.client]
    put = key_backup.restore(key_backup.load(saved, "correct horse battery"), FolderVault(folder), erased)
    assert put == ["station.pem", "master.key"]
    keys = open_keys(practice.world.store)
    assert note_in(practice.world.store, Cipher(keys), practice.world.client, treated) is None


def test_what_is_refused(practice):
    with pytest.raises(RecordRefused, match="is open"):
        erase(practice)
    practice.treat()
    with pytest.raises(RecordRefused, match="one of"):
        erase(practice, "because her name is Anna")
    client = practice.world.client
    practice.world.client = practice.new()
    with pytest.raises(RecordRefused, match="no such client"):
        erase(practice)
    practice.world.client = client
    erase(practice)
    erase(practice)
    assert len(practice.world.do(lambda c: c.execute(t.erasures.select()).all())) == 1


@pytest.mark.parametrize("moment", ["destroy_client", "os.fsync", "os.unlink"])
def test_a_kill_half_way_is_brought_to_its_end_at_the_next_start(practice, treated, path, opened, moment):
    world = practice.world
    world.store.close()
    code = (
        "import asyncio, os, sys\n"
        "from uuid import UUID, uuid4\n"
        "from devicectl.access import erasure, vault\n"
        "from devicectl.access.keyring import Keyring\n"
        "from devicectl.access.opening import open_keys\n"
        "from devicectl.records.store import Store\n"
        f"store = Store.open({str(path)!r})\n"
        "keys = open_keys(store)\n"
        "def die(*_):\n"
        "    os.kill(os.getpid(), 9)\n"
        f"moment = {moment!r}\n"
        "if moment == 'destroy_client':\n"
        "    keys.destroy_client = die\n"
        "else:\n"
        "    real = keys.vault.destroy\n"
        "    def destroy(name):\n"
        "        setattr(os, moment.removeprefix('os.'), die)\n"
        "        real(name)\n"
        "    keys.vault.destroy = destroy\n"
        "async def go():\n"
        f"    await erasure.erase(store.submit, keys, UUID({str(world.client)!r}), id=uuid4(), by=None, at_utc_us=1,\n"
        "        reason='requested')\n"
        "asyncio.run(go())\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    folder = path.with_name(path.name + ".keys")
    assert (folder / key_file(world.client)).exists()
    store = opened()
    keys = open_keys(store)
    assert not (folder / key_file(world.client)).exists()
    assert any("interrupted" in note for note in store.notes)
    assert note_in(store, Cipher(keys), world.client, treated) is None
