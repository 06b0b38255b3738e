"""``make test-bluez``: the program against the real BlueZ, in a virtual machine without Bluetooth hardware.

A QEMU guest runs Debian's own kernel, bluetoothd and dbus-daemon; its adapter is a virtual controller whose wire leads
to this process, where the simulated pens are. Needs Linux on x86-64; installs qemu and mmdebstrap when it may. Where it
cannot run it says why and counts as skipped (exit status 0).

    python tests/bluez-vm/run.py [--suite trixie|bookworm] [--limit SECONDS] [--watch] [STORY...]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(Path(__file__).resolve().parent), str(PROJECT / "tests"), str(PROJECT)]

import root  # noqa: E402

QEMU = "qemu-system-x86_64"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
"""Debian's keys, which only Debian itself has from the beginning."""
INSTALL_S = 600
LIMIT_S = 300.0
MEMORY_MB = 512


class Skip(Exception):
    """It cannot run here; the text is one sentence with the next step."""


def need(what: str, package: str) -> None:
    """Install ``package`` if ``what``, a command or a file, is missing and we may. Raises :class:`Skip`."""
    if shutil.which(what) or Path(what).exists():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Skip(f"{what} is missing; install it (Debian, Ubuntu: sudo apt install {package}) and try again.")
    print(f"Installing {package}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", package]):
        command = ["timeout", str(INSTALL_S), "apt-get", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"not done within {INSTALL_S} s, or no reason given"]
            raise Skip(f"{package} could not be installed ({last[0]}); install it by hand and try again.")


def prepare(suite: str) -> root.Guest:
    """The guest of this release, made if need be. Raises :class:`Skip` and ``root.CannotBuild``."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        raise Skip(f"the guest is Linux on x86-64, and this is {platform.system()} on {platform.machine()}.")
    one = root.guest(suite)
    if not one.made and os.geteuid() != 0:
        raise Skip("making the guest's Debian needs root once; run 'sudo make test-bluez' the first time.")
    need(QEMU, "qemu-system-x86")
    if not one.made:
        need("mmdebstrap", "mmdebstrap")
        need(KEYRING, "debian-archive-keyring")
        print(f"Making the guest's Debian ({suite}), once: about 250 MB in {root.KEPT}", flush=True)
        begun = time.monotonic()
        root.make(one)
        print(f"made in {time.monotonic() - begun:.0f} s", flush=True)
    return one


def give_back(*folders: Path) -> None:
    """What was made by sudo belongs to who called it, so that the next run needs none."""
    if os.geteuid() == 0 and "SUDO_UID" in os.environ:
        for folder in folders:
            os.chown(folder, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))


def machine(one: root.Guest, out: Path, hci: Path, hand: Path) -> list[str]:
    """The command line of the virtual machine."""

    def share(folder: Path, tag: str, mode: str) -> tuple[str, str]:
        return "-virtfs", f"local,path={folder},mount_tag={tag},security_model=none,multidevs=remap{mode}"

    hand_port = "virtserialport,chardev=hand,name=devicectl.hand"
    return [
        # In software: many machines that have /dev/kvm cannot run a stock kernel in it, and this is fast enough.
        *(QEMU, "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB)),
        *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
        *("-kernel", str(one.kernel), "-initrd", str(one.initramfs)),
        *("-append", "console=ttyS0 loglevel=1 panic=-1 mitigations=off tsc=reliable random.trust_cpu=on"),
        *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
        *("-chardev", f"socket,id=hci,path={hci}", "-device", "virtconsole,chardev=hci"),
        *("-chardev", f"socket,id=hand,path={hand}", "-device", hand_port),
        *share(one.root, "root", ",readonly=on"),
        *share(PROJECT, "src", ",readonly=on"),
        *share(out, "out", ""),
    ]


async def play(one: root.Guest, out: Path, limit_s: float) -> int | None:
    """Run the guest with the world outside of it; its exit status, None when it gave none within ``limit_s``."""
    from world import World

    with tempfile.TemporaryDirectory(prefix="bluez-") as folder:
        async with World(Path(folder)) as world:
            process = await asyncio.create_subprocess_exec(
                *machine(one, out, world.hci, world.hand), stdin=asyncio.subprocess.DEVNULL
            )
            try:
                async with asyncio.timeout(limit_s):
                    await process.wait()
            except TimeoutError:
                print(f"The guest was not done within {limit_s:.0f} s.", flush=True)
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
    status = out / "rc"
    return int(status.read_text()) if status.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(description="The program against the real BlueZ in a virtual machine.")
    parser.add_argument("--suite", default="trixie", choices=["trixie", "bookworm"], help="Debian release of the guest")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds that the guest may take in all")
    parser.add_argument("--watch", action="store_true", help="keep what is said on the guest's D-Bus (dbus.txt)")
    parser.add_argument("stories", nargs="*", help="only these, by function name (tests/support/bluez/stories.py)")
    asked = parser.parse_args()
    try:
        one = prepare(asked.suite)
    except Skip as why:
        print(f"test-bluez skipped: {why}")
        return 0
    except root.CannotBuild as error:
        print(f"test-bluez failed: the guest's Debian could not be made: {error}", file=sys.stderr)
        return 1
    out = root.KEPT / f"out-{asked.suite}"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    give_back(root.KEPT, out)
    (out / "stories").write_text(" ".join(asked.stories))
    if asked.watch:
        (out / "dbus.txt").touch()
    status = asyncio.run(play(one, out, asked.limit))
    if status == 0:
        print(f"test-bluez passed on {asked.suite}")
        return 0
    failures = out / "failures.txt"
    if failures.exists():
        print(failures.read_text(), file=sys.stderr)
    print(f"test-bluez failed on {asked.suite}; logs of the guest are in {out}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
