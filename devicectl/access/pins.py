"""PINs: which are taken, and what of them is kept.

What is kept is scrypt (RFC 7914) of an HMAC of the PIN under the pepper. A PIN of six digits has a million values: with
the database alone they cannot be tried, because the pepper lies in the key folder.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

DIGITS_MIN: Final = 6
DIGITS_MAX: Final = 12
TEXT_MIN: Final = 8
TEXT_MAX: Final = 128
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
_HEAD: Final = struct.Struct(">BBB")
RULE: Final = f"a PIN has {DIGITS_MIN} to {DIGITS_MAX} digits, or is a text of at least {TEXT_MIN} characters"
_DIGITS: Final = (
    "147258 147258369 159357 159753 147852 258456 357159 741852 789456 789456123 456123 741963 369258 159263 142536"
)
_WORDS: Final = (
    "password passwort passw0rd qwertyui qwerty123 qwertyuiop asdfghjk asdfghjkl 1q2w3e4r iloveyou letmein1 devicectl "
    "administrator practitioner technician password1 password123 abcd1234 abc12345 welcome1 sunshine football"
)
_COMMON: Final = frozenset(f"{_DIGITS} {_WORDS}".split())


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of scrypt: 2**``log2_n`` rounds over ``r`` blocks. The default takes about 0.2 s and 64 MB."""

    log2_n: int = 16
    r: int = 8
    p: int = 1


def plain_form(pin: str) -> str:
    """The PIN as it is judged and hashed: the same however it was typed (NFKC, digits of any script as 0–9)."""
    text = unicodedata.normalize("NFKC", pin)
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)


def problem(pin: str, name: str = "") -> str | None:
    """Why this PIN is not taken for the operator ``name``, as one sentence, or None. Never repeats the PIN."""
    text = plain_form(pin)
    if any(unicodedata.category(one) in ("Cc", "Cs", "Cn") for one in text):
        return f"The PIN holds a character that no keyboard types; {RULE}."
    if not text.strip():
        return f"The PIN is empty; {RULE}."
    digits = text.isdecimal()
    if digits and not DIGITS_MIN <= len(text) <= DIGITS_MAX:
        return f"The PIN has {len(text)} digit{'s' if len(text) > 1 else ''}; {RULE}."
    if not digits and not TEXT_MIN <= len(text) <= TEXT_MAX:
        few = f"is shorter than {TEXT_MIN}" if len(text) < TEXT_MIN else f"is longer than {TEXT_MAX}"
        return f"The PIN {few} characters; {RULE}."
    if _easy(text.casefold(), plain_form(name).casefold()):
        return "The PIN is one of the first that anybody would try; choose another."
    return None


def _easy(text: str, name: str) -> bool:
    if len(set(text)) < 3 or text in _COMMON:
        return True
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    # 890123 goes on counting.
    if len({step % 10 for step in steps} if text.isdecimal() else steps) == 1 and abs(min(steps, key=abs)) <= 1:
        return True
    if any(text == text[:size] * (len(text) // size) for size in range(1, len(text) // 2 + 1)):
        return True
    return any(len(word) > 3 and word in text for word in name.split())


def digest(pin: str, salt: bytes, pepper: bytes, cost: Cost) -> bytes:
    """What is kept of a PIN: cost and hash. Takes as long as ``cost`` says; gives the interpreter to other threads."""
    secret = hmac.digest(pepper, plain_form(pin).encode(), "sha256")
    n = 1 << cost.log2_n
    memory = 128 * n * cost.r * cost.p + (1 << 20)
    value = hashlib.scrypt(secret, salt=salt, n=n, r=cost.r, p=cost.p, maxmem=memory, dklen=HASH_BYTES)
    return _HEAD.pack(cost.log2_n, cost.r, cost.p) + value


def cost_of(kept: bytes) -> Cost:
    """The cost at which a kept hash was made."""
    return Cost(*_HEAD.unpack_from(kept))


def same(kept: bytes, made: bytes) -> bool:
    """Whether both hashes are equal; takes as long wherever they differ."""
    return hmac.compare_digest(kept, made)
