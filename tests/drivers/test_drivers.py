"""Which driver takes which address and port, and why not."""

import subprocess
import sys

import pytest

from drivers.address import Address, parse_address
from drivers.api import API_VERSION, NotAPen
from drivers.driver import NoDriver, PortFacts, installed_drivers, open_pen
from drivers.links.serial import PortSettings, SerialLink
from drivers.penlink.driver import DRIVER
from drivers.penlink.pen import PenlinkPen


def facts(vid: int | None = None, pid: int | None = None, product: str = "") -> PortFacts:
    return PortFacts("/dev/ttyACM0", "something", vid, pid, product, "")


def test_ours_is_installed_and_comes_first() -> None:
    assert installed_drivers()[0] is DRIVER
    assert DRIVER.api == API_VERSION


@pytest.mark.parametrize(
    ("port", "matched", "why"),
    [
        (facts(0x1209, 1, "ACME Penlink pen"), True, "its USB product text says 'ACME Penlink pen'"),
        (facts(0x2341, 0x43, "Arduino Uno"), False, "USB says 'Arduino Uno', which is no pen known here"),
        (facts(0x2341, 0x43), False, "USB says '2341:0043'"),
        (facts(), False, "not a USB port, so nothing says what is behind it; name it with --probe"),
    ],
)
def test_complaint_22_every_verdict_has_its_reason(port: PortFacts, matched: bool, why: str) -> None:
    verdict = DRIVER.match(port)
    assert verdict.matched is matched
    assert why in verdict.why


@pytest.mark.parametrize(
    ("text", "url", "settings"),
    [
        ("serial:///dev/ttyACM0", "/dev/ttyACM0", PortSettings()),
        ("serial:///dev/ttyACM0?baud=9600&dtr=0&rts=1", "/dev/ttyACM0", PortSettings(9600, False, True)),
        ("tcp://127.0.0.1:7001", "socket://127.0.0.1:7001", PortSettings()),
    ],
)
def test_addresses_become_links(text: str, url: str, settings: PortSettings) -> None:
    pen = open_pen(parse_address(text))
    assert isinstance(pen, PenlinkPen)
    link = pen._make_link()
    assert isinstance(link, SerialLink)
    assert (link.address, link._url, link._settings) == (text, url, settings)


def test_no_driver_for_an_address() -> None:
    with pytest.raises(NoDriver, match="no installed driver opens usb:// addresses") as error:
        open_pen(Address("usb", "1-1"))
    assert error.value.code == "no-driver"
    assert not isinstance(error.value, NotAPen)


def test_a_stop_needs_neither_pyserial_nor_the_driver() -> None:
    """The last resort must be quick to load."""
    code = "import sys, drivers.direct_stop; sys.exit('serial' in sys.modules or 'drivers.penlink.pen' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
