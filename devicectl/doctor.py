"""What is wrong with this installation: versions, ports and rights, the station, the database, the last stops.

The bundle is a zip of texts for a bug report. It holds no client codes, no notes, no serial numbers of pens and no
names: the home folder becomes ``~``, user and host name become words.
"""

from __future__ import annotations

import os
import platform
import re
import socket
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from devicectl.about import VERSION

PACKAGES: Final = (
    "click",
    "textual",
    "sqlalchemy",
    "alembic",
    "pydantic",
    "cryptography",
    "pyserial",
    "bleak",
    "platformdirs",
)
LOG_LINES: Final = 400
STOPS: Final = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``level`` is ok, warning or error; ``text`` one sentence with the next step."""

    area: str
    name: str
    level: str
    text: str


def examine(*, full: bool = False) -> list[Finding]:
    """Look at everything; never raises for what it finds, and writes to no port."""
    found: list[Finding] = []
    for area, look in _AREAS:
        try:
            found.extend(Finding(area, *item) for item in look(full))
        except Exception as error:  # what cannot be looked at is a finding too
            found.append(Finding(area, "look", "error", f"Could not be looked at ({type(error).__name__}: {error})."))
    return found


Item = tuple[str, str, str]


def _versions(_full: bool) -> Iterator[Item]:
    from importlib.metadata import PackageNotFoundError, version

    yield "devicectl", "ok", f"devicectl {VERSION}."
    yield "python", "ok", f"Python {platform.python_version()} ({platform.python_implementation()})."
    yield "system", "ok", f"{platform.system()} {platform.release()} on {platform.machine()}."
    for name in PACKAGES:
        try:
            yield name, "ok", f"{name} {version(name)}."
        except PackageNotFoundError:
            yield name, "error", f"{name} is not installed: install devicectl again."


def _sqlite(_full: bool) -> Iterator[Item]:
    from devicectl.records.check import sqlite_item

    item = sqlite_item()
    yield item.name, item.level, item.text


def _drivers(_full: bool) -> Iterator[Item]:
    from importlib.metadata import entry_points

    from drivers.driver import GROUP, installed_drivers

    good = {driver.name: driver for driver in installed_drivers()}
    for driver in good.values():
        yield driver.name, "ok", f"Driver {driver.name} opens {', '.join(sorted(driver.schemes))}."
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        if point.name not in good:
            yield point.name, "warning", f"Driver {point.name} ({point.value}) cannot be used: update or remove it."
    if not good:
        yield "none", "error", "No driver is installed: install devicectl again (pip install -e . in a checkout)."


def _ports(_full: bool) -> Iterator[Item]:
    from drivers.scan import scan_ports
    from simulator.announce import announced

    for pen in announced():
        yield pen.address, "ok", f"Simulated pen {pen.model}."
    ports = scan_ports()
    for port in ports:
        path = port.address.removeprefix("serial://").split("?")[0]
        held = f"; held by {port.held}" if port.held else ""
        if os.access(path, os.R_OK | os.W_OK):
            yield port.address, "ok", f"May be opened; {port.why}{held}."
        else:
            yield port.address, "warning", f"May not be opened: {_group_advice(path)}"
    if not ports:
        yield "none", "ok", "This computer has no serial port now."


def _bluetooth(_full: bool) -> Iterator[Item]:
    import asyncio

    from drivers.api import PenError
    from drivers.scan import hears

    try:
        asyncio.run(hears())
    except PenError as error:
        absent = error.code in ("no-bluetooth", "no-dbus")
        told = str(error).removeprefix("Bluetooth: ")
        text = f"{told[:1].upper()}{told[1:]} Pens on a cable need none."
        yield "bluetooth", "ok" if absent else "warning", text
    else:
        yield "bluetooth", "ok", "This computer's Bluetooth can be listened with."


def _group_advice(path: str) -> str:
    try:
        import grp

        there = os.stat(path)
        group = grp.getgrgid(there.st_gid).gr_name
    except (ImportError, KeyError, OSError):
        return "check the rights of the port."
    if there.st_gid == 0 or there.st_mode & 0o060 != 0o060:
        # To join root's group would give far more than a port.
        return "it belongs to the system; let a udev rule give it to the group dialout if a pen is behind it."
    return f"it belongs to the group {group}; sudo usermod -aG {group} $USER, then log in again."


def _limits(_full: bool) -> Iterator[Item]:
    from devicectl.control.envelope import StationLimits, mm
    from devicectl.station.limits_file import LimitsRefused, limits_path, load_limits

    path = limits_path()
    try:
        found = load_limits(path)
    except LimitsRefused as error:
        yield "file", "error", str(error)
        return
    if found == StationLimits():
        yield (
            "file",
            "ok",
            f"The defaults hold: soft limit {mm(found.soft_depth_um)}, hard limit {mm(found.hard_depth_um)}.",
        )
    else:
        yield "file", "ok", f"The limits in {path} hold; 'devicectl limits' shows them."


def _groups(_full: bool) -> Iterator[Item]:
    if sys.platform == "win32":
        return
    import grp

    mine = set(os.getgroups())
    known = []
    for name in ("dialout", "uucp"):
        try:
            known.append(grp.getgrnam(name))
        except KeyError:
            continue
    if not known or sys.platform == "darwin":
        yield "groups", "ok", "This system needs no group for serial ports."
    elif os.geteuid() == 0:
        yield "groups", "warning", "This is root: pens can be reached, but work as a user of the group dialout."
    elif any(group.gr_gid in mine for group in known):
        yield "groups", "ok", f"You are in the group {next(g.gr_name for g in known if g.gr_gid in mine)}."
    else:
        name = known[0].gr_name
        yield "groups", "warning", f"You are not in the group {name}: sudo usermod -aG {name} $USER, then log in again."


def _runtime(_full: bool) -> Iterator[Item]:
    from drivers.portlock import holdings, left_behind
    from drivers.runtime import runtime_dir

    folder = runtime_dir()
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        yield "folder", "warning", f"{folder} may be entered by others (mode {mode:o}): chmod 700 {folder}."
    else:
        yield "folder", "ok", f"{folder}."
    longest = len(os.fsencode(folder)) + len("/station-000000000000.sock")
    if longest > 100:
        yield (
            "length",
            "error",
            f"{folder} is too long for a socket ({longest} bytes): set DEVICECTL_RUNTIME_DIR to a shorter one.",
        )
    for holding in holdings():
        yield "held", "ok", f"{holding.address} is held by {holding.owner} (process {holding.pid})."
    for left in left_behind():
        what = "which let go of it while its link was lost" if left.holding.let_go else "which is gone"
        who = f"{left.holding.owner} (process {left.holding.pid}), {what}"
        yield (
            "left",
            "warning",
            f"{left.holding.address} was held by {who}: 'devicectl stop' stops that pen.",
        )


def _station(_full: bool) -> Iterator[Item]:
    from devicectl.records.location import locate
    from devicectl.records.lock import station_of
    from devicectl.station.paths import station_paths

    where = locate()
    running = station_of(where)
    if running is None:
        yield "station", "ok", "No station runs for this database; one starts when it is needed."
        return
    pid = running.get("pid", "unknown")
    path = station_paths(where.hash).requests
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(1.0)
            line.connect(str(path))
            line.sendall(b'{"jsonrpc":"2.0","id":1,"method":"doctor.ping"}\n')
            answered = bool(line.recv(1))
    except OSError:
        answered = False
    if answered:
        yield "station", "ok", f"A station runs (process {pid}) and answers."
    else:
        yield (
            "station",
            "error",
            f"A station runs (process {pid}) and does not answer: devicectl stop, then end it (kill {pid}).",
        )


def _database(full: bool) -> Iterator[Item]:
    from devicectl.records.check import check_database
    from devicectl.records.location import locate

    where = locate()
    yield "path", "ok", f"{where.path} (from {where.source})."
    if not where.path.exists():
        yield "file", "ok", "There is no database yet; it is made when a session is recorded."
        return
    for item in check_database(where, full=full):
        if item.name not in ("sqlite", "station"):
            yield item.name, item.level, item.text


def _keys(full: bool) -> Iterator[Item]:
    from devicectl.access.check import check_keys
    from devicectl.records.location import locate

    where = locate()
    if where.path.exists():
        for item in check_keys(where, full=full):
            yield item.name, item.level, item.text


def _stops(_full: bool) -> Iterator[Item]:
    from devicectl.records.errors import RecordError
    from devicectl.records.location import locate
    from devicectl.records.reader import Reader

    if not locate().path.exists():
        yield "stop", "ok", "No stop has been measured yet."
        return
    try:
        with Reader() as reader:
            stops = [one for one in reader.stops(STOPS) if one.intent_to_still_us]
    except RecordError as error:
        yield "stop", "warning", f"Measured stops cannot be read: {error}"
        return
    if not stops:
        yield "stop", "ok", "No stop has been measured yet."
        return
    last = stops[0].intent_to_still_us or 0
    slowest = max(one.intent_to_still_us or 0 for one in stops)
    bytes_us = stops[0].key_to_bytes_us
    sent = f"bytes out after {bytes_us / 1000:.1f} ms, " if bytes_us is not None else ""
    yield (
        "stop",
        "ok",
        f"Last stop: {sent}still after {last / 1000:.0f} ms; slowest of {len(stops)}: {slowest / 1000:.0f} ms.",
    )


def _log(_full: bool) -> Iterator[Item]:
    from devicectl.log import log_path

    path = log_path()
    yield "log", "ok", f"{path}." if path.exists() else f"{path} (nothing written yet)."


_AREAS: Final = (
    ("versions", _versions),
    ("versions", _sqlite),
    ("drivers", _drivers),
    ("limits", _limits),
    ("ports", _ports),
    ("bluetooth", _bluetooth),
    ("rights", _groups),
    ("runtime", _runtime),
    ("station", _station),
    ("database", _database),
    ("database", _keys),
    ("stop", _stops),
    ("log", _log),
)


def write_bundle(path: Path, findings: list[Finding]) -> list[str]:
    """Write the findings and the ends of the logs as a zip; answers the names in it. Raises ``OSError``."""
    import json
    import zipfile

    from devicectl.log import log_path

    texts = {
        "findings.json": json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False),
        "findings.txt": "\n".join(f"{f.level:<8} {f.area:<9} {f.name:<12} {f.text}" for f in findings),
        "log.txt": _tail(log_path()),
        "station-log.txt": _station_log(),
    }
    with zipfile.ZipFile(path, "x", compression=zipfile.ZIP_DEFLATED) as bundle:
        for name, text in texts.items():
            bundle.writestr(name, impersonal(text) + "\n")
    return list(texts)


def _tail(path: Path) -> str:
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
    except OSError:
        return ""


def _station_log() -> str:
    from devicectl.records.errors import RecordError
    from devicectl.records.location import locate
    from devicectl.station.paths import station_paths

    try:
        return _tail(station_paths(locate().hash).log)
    except (OSError, RecordError):
        return ""


def _own_paths() -> list[tuple[str, str]]:
    """Paths that somebody chose, and that may therefore name somebody."""
    from devicectl.records.errors import RecordError
    from devicectl.records.location import locate
    from devicectl.station.limits_file import VARIABLE, limits_path

    try:
        where = locate()
    except RecordError:
        return []
    named = [(str(where.path), "(the database)")] if where.source != "default" else []
    if VARIABLE in os.environ:
        named.append((str(limits_path()), "(the limits file)"))
    return named


def impersonal(text: str) -> str:
    """``text`` without home folders, user and host name, client codes, serial numbers and addresses of people."""
    import getpass

    for path, word in _own_paths():
        text = text.replace(path, word)
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    text = re.sub(r"/(?:home|Users)/[^/\s\"']+", "~", text)
    # Of the files of a traceback only what lies in a package tells anything.
    text = re.sub(
        r'File "/[^"]*?/((?:devicectl|drivers|simulator|tui|migrations|site-packages)/[^"]*)"', r'File "\1"', text
    )
    # Whoever leaves out what could name somebody need not judge whether it does.
    text = re.sub(r"(?i)\bclient(?: code)?[ =:]+['\"]?[A-Za-z0-9._-]+['\"]?", "client (left out)", text)
    text = re.sub(r"(?i)\bserial[ =:]+['\"]?(?!port)[A-Za-z0-9._-]*\d[A-Za-z0-9._-]*['\"]?", "serial (left out)", text)
    text = re.sub(r"[\w.+-]+@[\w-]+\.[\w.-]+", "(address left out)", text)
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = ""
    for word, instead in ((user, "user"), (socket.gethostname(), "host")):
        if len(word) > 2 and word != "root":
            text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", f"({instead})", text)
    return text
