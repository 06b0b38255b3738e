"""What is installed is what is in the tree: the wheel is built for real, the lock files are held against pyproject."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devicectl._layout import PACKAGES

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
BUILD_FILES = ("pyproject.toml", "LICENSE", "README.md", ".gitignore")


def build_wheel(source: Path, out: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=100,
    )
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_five_packages_and_nothing_else(names: set[str]) -> None:
    info = f"devicectl-{PYPROJECT['project']['version']}.dist-info"
    assert {name.split("/")[0] for name in names} == {*PACKAGES, info}
    assert f"{info}/licenses/LICENSE" in names
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_typed_and_complete(names: set[str], package: str) -> None:
    assert f"{package}/py.typed" in names
    listing = subprocess.run(
        ["git", "ls-files", "-z", package], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    tracked = {name for name in listing.stdout.split("\0") if name and (ROOT / name).exists()}
    assert tracked - names == set()


def test_data_files_are_in_the_wheel(tmp_path: Path) -> None:
    """Style sheets, tables and templates are found by the backend by itself, in every package and at any depth."""
    source = tmp_path / "source"
    source.mkdir()
    for name in BUILD_FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    expected = set()
    for package in PACKAGES:
        (source / package / "data").mkdir(parents=True)
        shutil.copy(ROOT / package / "__init__.py", source / package)
        for file in ("a.tcss", "a.json", "a.yaml", "a.mako", "data/a.json"):
            (source / package / file).write_text("{}", encoding="utf-8")
            expected.add(f"{package}/{file}")
    with zipfile.ZipFile(build_wheel(source, tmp_path / "out")) as archive:
        assert expected - set(archive.namelist()) == set()


def test_the_wheel_offers_the_command_and_the_driver(wheel: Path, names: set[str]) -> None:
    (entry_points,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
    parser = ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        parser.read_string(archive.read(entry_points).decode())
    assert parser["console_scripts"]["devicectl"] == "devicectl.cli:main"
    assert parser["devicectl.drivers"]["penlink"] == "drivers.penlink:DRIVER"
    assert parser["pytest11"]["devicectl"] == "devicectl.bench.pytest_plugin"
    for scheme in ("tcp-client", "unix"):
        assert parser["devicectl.radios"][scheme] == "simulator.radio.host:open_radio"


def test_the_installed_wheel_passes_the_layout_check(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(site), str(wheel)],
        check=True,
        capture_output=True,
        timeout=100,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    probe = (
        f"import sys; sys.path.insert(0, {str(site)!r}); "
        "from devicectl import _layout; _layout.check(); print(_layout.__file__)"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-P", "-c", probe], capture_output=True, text=True, check=False, timeout=30
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().startswith(str(site))


def read_lock(name: str) -> dict[str, tuple[Requirement, int]]:
    """The pins of a lock file by canonical name, each with the number of its hashes; fails on any other line."""
    pins: dict[str, tuple[Requirement, int]] = {}
    text = (ROOT / name).read_text(encoding="utf-8")
    for logical in re.sub(r" *\\\n *", " ", text).splitlines():
        line = logical.strip()
        if not line or line.startswith("#"):
            continue
        pin, *hashes = re.split(r" +--hash=", line)
        requirement = Requirement(pin)
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), line
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), line
        key = canonicalize_name(requirement.name)
        # A package may be pinned twice for two systems; a rule without a marker may not be one of the two.
        assert key not in pins or requirement.marker, line
        pins[key] = (requirement, len(hashes))
    return pins


def version_of(requirement: Requirement) -> str:
    return next(iter(requirement.specifier)).version


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes(name: str) -> None:
    pins = read_lock(name)
    assert pins
    assert [key for key, (_, hashes) in pins.items() if not hashes] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host_and_no_path(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--?(?!-?hash=)[a-z]", text, re.MULTILINE), "an option such as an index or a link folder"
    assert not re.search(r"(^|\s)(/|~|file:)", text), "a path of somebody's machine"
    assert " @ " not in text


@pytest.mark.parametrize(
    ("lock", "groups"),
    [(LOCKS[0], ["build"]), (LOCKS[1], ["build", "dev"]), (LOCKS[2], ["build", "dev", "bench"])],
)
def test_every_declared_dependency_is_pinned_within_its_range(lock: str, groups: list[str]) -> None:
    """Fails after a change of pyproject.toml without `make lock`."""
    pins = read_lock(lock)
    declared = list(PYPROJECT["project"]["dependencies"]) + PYPROJECT["build-system"]["requires"]
    for group in groups:
        declared += PYPROJECT["dependency-groups"][group]
    if "dev" in groups:
        declared += [text for extra in PYPROJECT["project"]["optional-dependencies"].values() for text in extra]
    for text in declared:
        requirement = Requirement(text)
        key = canonicalize_name(requirement.name)
        assert key in pins, f"{text} is not in {lock}: run make lock"
        pinned = version_of(pins[key][0])
        assert requirement.specifier.contains(pinned, prereleases=True), f"{text} against {pinned} in {lock}"


def test_the_locks_agree() -> None:
    """Tests run against exactly the versions that users get."""
    runtime, dev, bench = (
        {key: version_of(requirement) for key, (requirement, _) in read_lock(name).items()} for name in LOCKS
    )
    assert runtime.items() <= dev.items() <= bench.items()


def test_bumble_is_an_extra_of_one_version_and_not_installed_for_users() -> None:
    (text,) = PYPROJECT["project"]["optional-dependencies"]["simulator-ble"]
    assert re.fullmatch(r"bumble==[0-9.]+", text)
    assert "bumble" not in read_lock(LOCKS[0])


@pytest.mark.parametrize("package", PACKAGES)
def test_tools_know_every_package(package: str) -> None:
    tool = PYPROJECT["tool"]
    for section in (
        tool["hatch"]["build"]["targets"]["wheel"]["packages"],
        tool["coverage"]["run"]["source"],
        tool["mypy"]["files"],
        tool["importlinter"]["root_packages"],
    ):
        assert package in section
