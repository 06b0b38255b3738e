"""The guest's first file system: busybox, the kernel modules that Bluetooth needs, and the init script.

Written as a gzipped cpio archive (newc) by hand, so that neither kmod nor cpio is needed.
"""

from __future__ import annotations

import gzip
import lzma
import re
import stat
from pathlib import Path, PurePosixPath

# There is no modprobe in the guest, so the order is ours: the random generator before what draws from it, and
# everything that LE Secure Connections calculates with before bluetooth itself.
_MODULES = """
virtio_pci 9pnet_virtio 9p overlay virtio_rng
aes_generic ctr hmac sha256_generic sha512_generic sha3_generic jitterentropy_rng drbg
af_alg algif_hash algif_skcipher cmac ecb ecdh_generic
bluetooth uhid virtio_console hci_uart
"""
_FOLDERS = ("bin", "dev", "proc", "sys", "mnt", "lib", "lib/mod", "host", "rw", "new")


def _stem(path: Path) -> str:
    return path.name.split(".ko")[0].replace("-", "_")


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _depends(path: Path) -> list[str]:
    found = re.search(rb"(?:^|\0)depends=([^\0]*)\0", _read(path))
    return [name for name in found.group(1).decode().split(",") if name] if found else []


def resolve(tree: Path, wanted: list[str]) -> list[Path]:
    """Module files of one kernel in the order to load them; what is built into the kernel is left out."""
    index = {_stem(path): path for path in tree.rglob("*.ko*")}
    builtin = {
        PurePosixPath(line).stem.replace("-", "_") for line in (tree / "modules.builtin").read_text().splitlines()
    }
    order: list[Path] = []

    def add(name: str) -> None:
        path = index.get(name.replace("-", "_"))
        if name in builtin or path is None or path in order:
            return
        for dependency in _depends(path):
            add(dependency)
        if path not in order:
            order.append(path)

    for name in wanted:
        add(name)
    return order


class Cpio:
    """An archive in the making."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._inode = 0

    def add(self, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        """One entry; ``mode`` with its type, ``device`` major and minor."""
        self._inode += 1
        raw = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0)
        self._data += b"070701" + "".join(f"{field:08X}" for field in fields).encode() + raw
        self._pad()
        self._data += data
        self._pad()

    def _pad(self) -> None:
        self._data += b"\0" * (-len(self._data) % 4)

    def finish(self) -> bytes:
        """The whole archive."""
        self.add("TRAILER!!!", 0)
        return bytes(self._data)


def write(out: Path, *, modules: Path, busybox: Path, init: Path) -> None:
    """``modules`` is the folder ``lib/modules/VERSION`` of a kernel package."""
    archive = Cpio()
    for folder in _FOLDERS:
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("dev/null", stat.S_IFCHR | 0o600, device=(1, 3))
    archive.add("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes())
    archive.add("bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    files = resolve(modules, _MODULES.split())
    for path in files:
        archive.add(f"lib/mod/{_stem(path)}.ko", stat.S_IFREG | 0o644, _read(path))
    order = "".join(f"{_stem(path)}.ko\n" for path in files)
    archive.add("lib/mod/order", stat.S_IFREG | 0o644, order.encode())
    archive.add("init", stat.S_IFREG | 0o755, init.read_bytes())
    out.write_bytes(gzip.compress(archive.finish(), 6, mtime=0))
