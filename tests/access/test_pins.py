"""PINs: which are taken, and what of them is kept."""

from __future__ import annotations

import hashlib
import hmac
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.access import pins
from devicectl.access.pins import Cost, cost_of, digest, problem, same

QUICK = Cost(log2_n=2, r=1)
SALT, PEPPER = b"s" * 16, b"p" * 32


@pytest.mark.parametrize(
    "pin",
    [
        "123456", "000000", "654321", "012345", "890123", "111111", "121212", "123123", "112211", "147258", "159753",
        "123412341234", "password", "PassWord1", "abcdefgh", "aaaaaaaa", "abababab", "１２３４５６", "١٢٣٤٥٦", "xx-Bergman-7",
    ],
)  # fmt: skip
def test_what_anybody_would_try_first_is_refused(pin: str) -> None:
    text = problem(pin, "Ida Bergman")
    assert text is not None
    assert "choose another" in text


@pytest.mark.parametrize(
    "pin", ["1", "12345", "7391846201357", "short-1", "x" * 129, "", "   ", "48\x00270913", "4827\x1b91"]
)
def test_what_is_no_pin_is_refused_with_the_rule(pin: str) -> None:
    text = problem(pin)
    assert text is not None
    assert "6 to 12 digits" in text
    assert not pin.strip() or len(pin) < 5 or pin not in text


@pytest.mark.parametrize(
    "pin", ["482709", "739184620135", "a phrase to type", "müßig 7 Kähne", "😀 smile at 9", "4827 0913 x"]
)
def test_others_are_taken(pin: str) -> None:
    assert problem(pin, "Ida Bergman") is None


@given(st.text(max_size=140), st.text(max_size=40))
def test_a_refusal_is_one_sentence_that_never_repeats_the_pin(pin: str, name: str) -> None:
    text = problem(pin, name)
    assert text is None or (text.endswith(".") and "\n" not in text)
    if text is not None and len(pin) > 12:
        assert pin not in text


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1), st.binary(min_size=16, max_size=16))
def test_the_same_pin_gives_the_same_hash_and_only_under_the_same_pepper(pin: str, salt: bytes) -> None:
    made = digest(pin, salt, PEPPER, QUICK)
    assert same(made, digest(pin, salt, PEPPER, QUICK))
    assert not same(made, digest(pin + "1", salt, PEPPER, QUICK))
    assert not same(made, digest(pin, salt, b"q" * 32, QUICK))
    assert not same(made, digest(pin, salt[::-1] + b"x", PEPPER, QUICK))


def test_a_pin_is_the_same_however_it_was_typed() -> None:
    assert digest("４８２７０９", SALT, PEPPER, QUICK) == digest("482709", SALT, PEPPER, QUICK)
    assert digest("mu\u0308\u00dfig 7", SALT, PEPPER, QUICK) == digest("m\u00fc\u00dfig 7", SALT, PEPPER, QUICK)


def test_what_is_kept_is_scrypt_of_the_peppered_pin_at_a_cost_of_2_to_16() -> None:
    kept = digest("482709", SALT, PEPPER, Cost())
    secret = hmac.new(PEPPER, b"482709", hashlib.sha256).digest()
    assert kept[3:] == hashlib.scrypt(secret, salt=SALT, n=65_536, r=8, p=1, maxmem=1 << 27, dklen=32)
    assert cost_of(kept) == Cost(16, 8, 1)


def test_hashing_holds_up_no_other_thread() -> None:
    import threading

    longest, last, stop = 0.0, time.perf_counter(), threading.Event()

    def work() -> None:
        digest("482709", SALT, PEPPER, Cost())
        stop.set()

    threading.Thread(target=work).start()
    while not stop.is_set():
        time.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    assert longest < 0.1


def test_compares_in_constant_time() -> None:
    assert same.__code__.co_names == ("hmac", "compare_digest")
    assert pins.hmac.compare_digest is hmac.compare_digest
