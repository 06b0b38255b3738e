"""The check that the five top-level packages are ours, proved with packages that are really not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devicectl._layout import PACKAGES, LayoutError, check

ROOT = Path(__file__).resolve().parent.parent
PROBE = """
import sys
from devicectl import _layout
try:
    _layout.check()
except _layout.LayoutError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder as an installer makes it: the five packages, no source tree around them."""
    folder = tmp_path / "site"
    for name in PACKAGES:
        (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / name / "__init__.py", folder / name)
    shutil.copy(ROOT / "devicectl" / "_layout.py", folder / "devicectl")
    return folder


def run_check(*path: Path, cwd: Path | None = None) -> str:
    """What `check` complains of with exactly `path` in front of the standard library; empty when it is content.

    -S keeps site-packages and its .pth files out, so that the editable install of this tree cannot answer instead.
    """
    entries = repr([str(entry) for entry in path])
    result = subprocess.run(
        [sys.executable, "-S", "-P", "-c", f"import sys; sys.path[:0] = {entries}\n{PROBE}"],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=30,
    )
    assert result.returncode in (0, 1), result.stderr
    assert "Traceback" not in result.stderr
    assert (result.returncode == 1) == bool(result.stderr.strip())
    return result.stderr.strip()


def test_this_tree_is_in_order() -> None:
    check()


def test_an_installed_copy_is_in_order(site: Path) -> None:
    assert run_check(site) == ""


def test_an_installed_copy_behind_a_symbolic_link_is_in_order(site: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(site, target_is_directory=True)
    assert run_check(link, site) == ""


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "devicectl"])
def test_a_package_of_the_same_name_before_ours_is_named(site: Path, tmp_path: Path, name: str) -> None:
    stranger = tmp_path / "stranger"
    (stranger / name).mkdir(parents=True)
    (stranger / name / "__init__.py").write_text('"""Somebody else\'s."""\n', encoding="utf-8")
    message = run_check(stranger, site)
    assert repr(name) in message
    assert str(stranger / name) in message
    assert "virtual environment of its own" in message
    assert "\n" not in message


def test_a_stolen_marker_does_not_help(site: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    shutil.copytree(site / "migrations", stranger / "migrations")
    assert str(stranger / "migrations") in run_check(stranger, site)


def test_a_single_file_of_the_same_name_is_named(site: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "tui.py").write_text("", encoding="utf-8")
    assert str(stranger / "tui.py") in run_check(stranger, site)


def test_pythonpath_with_a_migrations_folder_is_found_out(tmp_path: Path) -> None:
    """The way it happens: a web project's folder in PYTHONPATH, devicectl beside it in the environment."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "__init__.py").write_text("", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-c", PROBE],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": ""},
        cwd=tmp_path,
        check=False,
        timeout=30,
    )
    assert result.returncode == 1
    assert str(tmp_path / "migrations") in result.stderr
    assert "Traceback" not in result.stderr


def test_an_overwritten_package_is_found_out(site: Path) -> None:
    (site / "migrations" / "__init__.py").write_text('"""Installed by another wheel."""\n', encoding="utf-8")
    message = run_check(site)
    assert "'migrations'" in message
    assert "overwritten" in message
    assert str(site / "migrations") in message


def test_a_package_whose_marker_file_was_deleted_is_found_out(site: Path) -> None:
    (site / "migrations" / "__init__.py").unlink()
    assert "no __init__.py" in run_check(site)


def test_a_missing_package_is_found_out(site: Path) -> None:
    shutil.rmtree(site / "drivers")
    message = run_check(site)
    assert "'drivers'" in message
    assert "missing" in message


def test_the_check_imports_none_of_the_packages(site: Path) -> None:
    """An `__init__.py` that fails when run stays unnoticed: it is read, never executed."""
    for name in PACKAGES[1:]:
        with (site / name / "__init__.py").open("a", encoding="utf-8") as file:
            file.write("\nraise SystemError('was imported')\n")
    assert run_check(site) == ""


def test_the_check_in_another_home_names_the_first_package(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="'devicectl' is not devicectl's own"):
        check(tmp_path)
