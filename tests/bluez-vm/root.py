"""The guest's Debian: a root folder with BlueZ and Python, a kernel and a first file system, made once and kept.

Everything comes from where this machine already gets its packages: apt's own sources and pip's own index.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import initramfs

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
KEPT = PROJECT / ".bluez-vm"
LOCK = PROJECT / "requirements.lock"
RECIPE = (HERE / "root.py", HERE / "initramfs.py", HERE / "init.sh", LOCK)
LIMIT_S = 900.0
_KERNEL = (
    'kernel=$(chroot "$1" apt-cache depends linux-image-amd64 | awk "/Depends: linux-image/{print \\$2; exit}") '
    '&& chroot "$1" sh -c "cd /srv && apt-get -q download $kernel busybox-static"'
)
_SLIM = 'rm -rf "$1"/usr/share/doc "$1"/usr/share/man "$1"/usr/share/locale "$1"/var/cache/apt "$1"/var/lib/apt/lists'


class CannotBuild(Exception):
    """The root cannot be made here; the text is one sentence with the next step."""


@dataclass(frozen=True)
class Guest:
    """Where the parts of one Debian release lie."""

    suite: str
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self.folder / "initramfs.gz"

    @property
    def made(self) -> bool:
        """True when it is there whole: the folder gets its name last."""
        return self.initramfs.exists()


def guest(suite: str) -> Guest:
    """The guest of a release as this recipe makes it."""
    known = hashlib.sha256(suite.encode())
    for path in RECIPE:
        known.update(path.read_bytes())
    return Guest(suite, KEPT / f"{suite}-{known.hexdigest()[:12]}")


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise CannotBuild(f"{command[0]} took longer than {LIMIT_S:.0f} s; check the network and try again.") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise CannotBuild(f"{command[0]} failed; try again when its own words are mended:\n  " + "\n  ".join(last))
    return done.stdout


def _mirror() -> list[str]:
    """Where this machine gets Debian from, as arguments; none when it gets none, then mmdebstrap knows one."""
    try:
        lines = _run("apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages")
    except (CannotBuild, OSError):
        return []
    return [line.split()[2] for line in lines.splitlines() if line.startswith("Debian Debian ")][:1]


def make(one: Guest) -> None:
    """Make it; needs root and mmdebstrap. Older ones of the same release are removed. Raises :class:`CannotBuild`."""
    for old in KEPT.glob(f"{one.suite}-*"):
        shutil.rmtree(old)
    work = Guest(one.suite, KEPT / f"{one.suite}-unfinished")
    work.folder.mkdir(parents=True)
    nice = ("nice",) if shutil.which("nice") else ()
    hooks = (f"--customize-hook={_KERNEL}", f"--customize-hook={_SLIM}")
    packages = "--include=python3,bluez,dbus,hostname"
    _run(*nice, "mmdebstrap", "--variant=minbase", packages, *hooks, one.suite, str(work.root), *_mirror())
    parts = work.folder / "parts"
    for package in (work.root / "srv").glob("*.deb"):
        _run("dpkg", "-x", str(package), str(parts))
        package.unlink()
    shutil.copy(next(parts.glob("boot/vmlinuz-*")), work.kernel)
    _install(work)
    modules = next(path.parent for path in parts.rglob("modules.builtin"))
    busybox = next(path for path in parts.rglob("bin/busybox"))
    initramfs.write(work.initramfs, modules=modules, busybox=busybox, init=HERE / "init.sh")
    shutil.rmtree(parts)
    os.rename(work.folder, one.folder)


def _install(work: Guest) -> None:
    """What the program needs at run time, as locked, for the guest's Python."""
    version = _run("chroot", str(work.root), "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    pip = (sys.executable, "-m", "pip", "-q", "install", "--require-hashes", "--no-deps", "--no-compile")
    target = ("--target", str(work.root / "opt/site"), "--python-version", version.strip(), "--only-binary=:all:")
    _run(*pip, *target, "-r", str(LOCK))
    _run("chroot", str(work.root), "python3", "-m", "compileall", "-q", "/opt/site/bleak", "/opt/site/dbus_fast")
