"""Keys are made before they are used, never made anew in silence, and told when others may read them."""

from __future__ import annotations

import random
import shutil
import stat
import subprocess
import sys
from uuid import UUID

import pytest

from devicectl.access.cipher import Cipher
from devicectl.access.key_errors import (
    ClientErased,
    KeysDamaged,
    KeysMissing,
    KeysUnreadable,
    SealBroken,
    WrongKeys,
)
from devicectl.access.keyring import MASTER, STATION, Keyring, erased_mark, key_file
from devicectl.access.opening import open_keys, ready
from devicectl.access.vault import FolderVault, MemoryVault
from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.store import Store

CLIENT = UUID(int=7)
ROW = UUID(int=8)


def folder(path):
    return path.with_name(path.name + ".keys")


def memory_keys(seed: int = 1) -> Keyring:
    return Keyring.open(MemoryVault(), make=True, entropy=random.Random(seed).randbytes)


def test_the_folder_and_its_files_are_for_the_owner_only(world, keys, path):
    world.do(lambda c: ready(c, keys, world.client))
    assert stat.S_IMODE(folder(path).stat().st_mode) == 0o700
    found = list(folder(path).rglob("*"))
    assert {one.name for one in found} == {MASTER, STATION, "clients", f"{world.client}.key"}
    for one in found:
        assert stat.S_IMODE(one.stat().st_mode) == (0o700 if one.is_dir() else 0o600)
    assert keys.vault.exposed() == []


def test_keys_are_the_same_after_a_restart_and_each_purpose_has_its_own(world, keys, opened):
    world.store.close()
    again = open_keys(opened())
    assert (again.chain, again.pepper, again.public_key) == (keys.chain, keys.pepper, keys.public_key)
    assert len({again.chain, again.pepper, again.public_key}) == 3


def test_the_key_files_do_not_hold_what_is_derived_from_them(world, keys, path):
    world.do(lambda c: ready(c, keys, world.client))
    secret = keys.client(world.client)
    for file in folder(path).rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert secret not in content
            assert keys.chain.hex().encode() not in content
            assert keys.signer.private_bytes_raw() not in content


@pytest.mark.parametrize("name", [MASTER, STATION])
def test_a_missing_key_is_never_replaced_by_a_new_one(world, keys, opened, path, name):
    world.store.close()
    (folder(path) / name).unlink()
    with pytest.raises(KeysMissing, match="restore-keys"):
        open_keys(opened())
    assert not (folder(path) / name).exists()


def test_a_missing_folder_is_told_too(world, keys, opened, path):
    world.store.close()
    shutil.rmtree(folder(path))
    with pytest.raises(KeysMissing):
        open_keys(opened())
    assert not folder(path).exists()


def test_keys_of_another_record_are_refused(world, keys, opened, path, tmp_path):
    world.store.close()
    other = opened(tmp_path / "other" / "devicectl.db")
    open_keys(other)
    other.close()
    shutil.rmtree(folder(path))
    shutil.copytree(folder(tmp_path / "other" / "devicectl.db"), folder(path))
    with pytest.raises(WrongKeys, match="another record"):
        open_keys(opened())


def test_keys_left_from_a_record_that_is_gone_serve_the_new_one(world, keys, opened, path):
    world.store.close()
    for one in path.parent.glob("devicectl.db*"):
        if one.is_file():
            one.unlink()
    again = open_keys(opened())
    assert again.chain == keys.chain


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"zz" * 32, "ä".encode() * 32, b"\0" * 32])
def test_a_damaged_master_key_is_told(world, keys, opened, path, content):
    world.store.close()
    (folder(path) / MASTER).write_bytes(content)
    with pytest.raises(KeysDamaged, match=r"master\.key"):
        open_keys(opened())


def test_a_damaged_station_key_is_told(world, keys, opened, path):
    world.store.close()
    file = folder(path) / STATION
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(KeysDamaged, match=r"station\.pem"):
        open_keys(opened())


def test_rights_that_are_too_wide_are_told(world, keys, opened, path):
    world.store.close()
    folder(path).chmod(0o755)
    (folder(path) / MASTER).chmod(0o644)
    store = opened()
    open_keys(store)
    text = " ".join(store.notes)
    assert "mode 755" in text
    assert "chmod 600" in text


def test_a_folder_that_cannot_be_made_is_one_sentence(world, path):
    folder(path).write_text("a file in its place")
    with pytest.raises(KeysUnreadable, match="cannot be used"):
        open_keys(world.store)


def test_a_kill_while_keys_are_made_leaves_a_record_that_opens(path, opened):
    opened().close()
    code = (
        "import os\n"
        "from devicectl.access import vault\n"
        "from devicectl.access.opening import open_keys\n"
        "from devicectl.records.store import Store\n"
        "real = os.replace\n"
        "def replace(a, b):\n"
        "    real(a, b)\n"
        "    os.kill(os.getpid(), 9)\n"
        f"store = Store.open({str(path)!r})\n"
        "vault.os.replace = replace\n"
        "open_keys(store)\n"
    )
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    keys = open_keys(opened())
    assert sorted(one.name for one in folder(path).iterdir()) == [MASTER, STATION]
    assert len(keys.public_key) == 32


def test_a_record_in_memory_has_keys_in_memory_that_chance_alone_decides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def made(seed: int) -> Keyring:
        return open_keys(Store.in_memory(), entropy=random.Random(seed).randbytes)

    one, same, other = made(1), made(1), made(2)
    assert (one.chain, one.public_key) == (same.chain, same.public_key)
    assert one.chain != other.chain
    assert list(tmp_path.iterdir()) == []


# -- what is sealed


def test_a_text_opens_only_where_it_was_sealed():
    keys = memory_keys()
    keys.make_client(CLIENT)
    cipher = Cipher(keys)
    sealed = cipher.seal(CLIENT, "Ünal, 5 – שלום", "notes", "note_sealed", ROW)
    assert b"nal" not in sealed
    assert cipher.open(CLIENT, sealed, "notes", "note_sealed", ROW) == "Ünal, 5 – שלום"
    for place in (("notes", "note_sealed", CLIENT), ("notes", "reason_sealed", ROW), ("note", "snote_sealed", ROW)):
        with pytest.raises(SealBroken):
            cipher.open(CLIENT, sealed, *place)
    for broken in (b"", sealed[:-1], b"\2" + sealed[1:], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(SealBroken):
            cipher.open(CLIENT, broken, "notes", "note_sealed", ROW)


def test_the_same_text_is_never_sealed_twice_alike():
    keys = memory_keys()
    keys.make_client(CLIENT)
    cipher = Cipher(keys)
    assert len({cipher.seal(CLIENT, "x", "notes", "note_sealed", ROW) for _ in range(50)}) == 50


def test_a_client_key_of_another_client_is_not_taken():
    keys = memory_keys()
    keys.make_client(CLIENT)
    keys.vault.write(key_file(ROW), keys.vault.read(key_file(CLIENT)) or b"")
    with pytest.raises(KeysDamaged):
        Keyring.open(keys.vault, make=False).client(ROW)


def test_a_lost_client_key_is_not_replaced_once_something_is_sealed(world, keys, path):
    world.do(lambda c: ready(c, keys, world.client))
    row = world.ids.uuid7()
    sealed = Cipher(keys).seal(world.client, "itches", "notes", "note_sealed", row)
    values = {"id": row, "session_id": world.session, "note_sealed": sealed}
    world.do(Chain(keys.chain).entered(Entry(t.notes, values, None, world.clock())))
    (folder(path) / key_file(world.client)).unlink()
    fresh = Keyring.open(FolderVault(folder(path)), make=False)
    with pytest.raises(KeysMissing, match="texts are sealed with it"):
        world.do(lambda c: ready(c, fresh, world.client))


def test_a_destroyed_key_stays_destroyed():
    keys = memory_keys()
    keys.make_client(CLIENT)
    sealed = Cipher(keys).seal(CLIENT, "x", "notes", "note_sealed", ROW)
    keys.destroy_client(CLIENT)
    keys.destroy_client(CLIENT)
    assert keys.vault.names() == [erased_mark(CLIENT), MASTER, STATION]
    assert Cipher(keys).open(CLIENT, sealed, "notes", "note_sealed", ROW) is None
    for ask in (keys.client, keys.make_client):
        with pytest.raises(ClientErased):
            ask(CLIENT)
