"""Keys leave the computer under a passphrase, and come back only where they belong and where they are missing."""

from __future__ import annotations

import shutil

import pytest

from devicectl.access import key_backup
from devicectl.access.cipher import Cipher
from devicectl.access.key_errors import KeysDamaged, KeysMissing, WrongKeys, WrongPassphrase
from devicectl.access.keyring import MASTER, key_file
from devicectl.access.opening import open_keys, restore_keys
from devicectl.access.vault import FolderVault, MemoryVault
from devicectl.records import tables as t
from devicectl.records.errors import RecordError
from devicectl.records.location import Location

WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The real cost is 0.4 s a time."""
    monkeypatch.setattr(key_backup, "_N", 1 << 10)


@pytest.fixture
def folder(practice, path):
    return path.with_name(path.name + ".keys")


@pytest.fixture
def saved(practice, folder, tmp_path):
    key_backup.save(FolderVault(folder), tmp_path / "keys", WORDS)
    return tmp_path / "keys"


def test_everything_comes_back(practice, folder, saved, path):
    world = practice.world
    note = practice.note("itches")
    before = {one.name: one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    shutil.rmtree(folder)
    assert sorted(restore_keys(Location(path, "argument"), saved, WORDS)) == sorted(FolderVault(folder).names())
    assert {one.name: one.read_bytes() for one in folder.rglob("*") if one.is_file()} == before
    keys = open_keys(world.store)
    sealed = world.do(lambda c: c.execute(t.notes.select()).one().note_sealed)
    assert Cipher(keys).open(world.client, sealed, "notes", "note_sealed", note) == "itches"
    assert restore_keys(Location(path, "argument"), saved, WORDS) == []


def test_one_lost_file_comes_back_and_the_others_are_left_alone(practice, folder, saved, path):
    (folder / key_file(practice.world.client)).unlink()
    assert restore_keys(Location(path, "argument"), saved, WORDS) == [key_file(practice.world.client)]


def test_the_file_tells_nothing_without_its_passphrase(practice, saved):
    content = saved.read_bytes()
    assert saved.stat().st_mode & 0o077 == 0
    for secret in (practice.keys.vault.read(MASTER).strip(), b"PRIVATE KEY", str(practice.world.client).encode()):
        assert secret not in content
    for wrong in ("correct horse batterz", "", WORDS + " "):
        with pytest.raises(WrongPassphrase):
            key_backup.load(saved, wrong)
    for at in (20, 40, len(content) - 1):
        saved.chmod(0o600)
        saved.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(WrongPassphrase):
            key_backup.load(saved, WORDS)


@pytest.mark.parametrize("content", [b"", b"hello", b"devicectl keys 1\n", b"devicectl keys 1\nabc"])
def test_what_is_no_backup_of_keys(tmp_path, content):
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(RecordError, match="no backup of keys"):
        key_backup.load(file, WORDS)
    with pytest.raises(RecordError, match="cannot be read"):
        key_backup.load(tmp_path / "nowhere", WORDS)


def test_a_short_passphrase_and_an_existing_file_are_refused(practice, folder, saved, tmp_path):
    with pytest.raises(RecordError, match="12 characters"):
        key_backup.save(FolderVault(folder), tmp_path / "new", "short")
    with pytest.raises(RecordError, match="exists already"):
        key_backup.save(FolderVault(folder), saved, WORDS)
    with pytest.raises(RecordError, match="cannot be written"):
        key_backup.save(FolderVault(folder), tmp_path / "nowhere" / "x", WORDS)
    with pytest.raises(KeysMissing):
        key_backup.save(FolderVault(tmp_path / "none"), tmp_path / "new", WORDS)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["keys", "record"]


def test_keys_of_another_record_are_not_put_beside_this_one(practice, folder, opened, path, tmp_path):
    other = tmp_path / "other" / "devicectl.db"
    open_keys(opened(other))
    key_backup.save(FolderVault(other.with_name("devicectl.db.keys")), tmp_path / "foreign", WORDS)
    shutil.rmtree(folder)
    with pytest.raises(WrongKeys):
        restore_keys(Location(path, "argument"), tmp_path / "foreign", WORDS)
    assert not folder.exists()


def test_other_keys_are_not_written_over(practice, folder, saved, path):
    (folder / MASTER).write_text("00" * 32 + "\n")
    with pytest.raises(RecordError, match="take that folder away"):
        restore_keys(Location(path, "argument"), saved, WORDS)
    assert (folder / MASTER).read_text() == "00" * 32 + "\n"


def test_a_backup_whose_keys_do_not_fit_each_other_is_refused(practice, folder):
    vault = MemoryVault()
    for name in FolderVault(folder).names():
        vault.write(name, b"00" * 32 if name == MASTER else FolderVault(folder).read(name) or b"")
    with pytest.raises(KeysDamaged):
        key_backup.restore(vault, MemoryVault(), [])
