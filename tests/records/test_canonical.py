"""One text for one content: canonical JSON, and the length-prefixed fields of the audit chain."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.records import tables as t
from devicectl.records.audit import body_sha256, link_hash, packed
from devicectl.records.canonical import canonical, plain

WHOLE = st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1)
FIELD = st.none() | WHOLE | st.text() | st.binary()
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def unpack(content: bytes) -> list[object]:
    """What :func:`packed` wrote, one field after the other."""
    found: list[object] = []
    while content:
        kind, size = content[:1], int.from_bytes(content[1:5], "big")
        value, content = content[5 : 5 + size], content[5 + size :]
        found.append({b"n": None, b"i": int(value or b"0"), b"s": None, b"b": value}[kind] if kind in b"ni" else value.decode() if kind == b"s" else value)  # fmt: skip
    return found


@given(st.lists(FIELD, max_size=8))
def test_packed_fields_can_be_told_apart_again(fields):
    assert unpack(b"".join(packed(field) for field in fields)) == fields


@given(st.lists(FIELD, max_size=6), st.lists(FIELD, max_size=6))
def test_other_fields_give_other_bytes(one, other):
    same = [(type(a), a) for a in one] == [(type(a), a) for a in other]
    assert (b"".join(map(packed, one)) == b"".join(map(packed, other))) == same


def test_a_uuid_is_its_sixteen_bytes():
    assert packed(UUID(int=5)) == packed(UUID(int=5).bytes)


@given(st.text(min_size=1), st.text(min_size=1))
def test_moving_a_letter_between_two_columns_changes_the_row(product, lot):
    def body(product: str, lot: str) -> bytes:
        return body_sha256(t.skin_preparations, {"product": product, "lot": lot})

    assert body(product, lot) != body(product + lot[0], lot[1:])
    assert body(product, lot) != body(lot, product) or product == lot


@given(st.binary(max_size=8), st.binary(max_size=8), st.text(max_size=4), st.text(max_size=4))
def test_no_two_entries_have_one_hash(row_id, body, action, table):
    def link(action: str, table: str, row_id: bytes, body: bytes) -> bytes:
        return link_hash(b"k", b"p", 1, UUID(int=1), 2, None, action, table, row_id, body)

    seen = {
        link(action, table, row_id, body),
        link(action + "x", table, row_id, body),
        link("x" + action, table, row_id, body),
        link(action, "x" + table, row_id, body),
        link(action, table, row_id + b"x", body),
        link(action, table, row_id, b"x" + body),
    }
    assert len(seen) == (5 if action + "x" == "x" + action else 6)


@given(JSON)
def test_canonical_json_reads_back_and_is_a_fixed_point(value):
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


@given(st.dictionaries(st.text(), JSON, min_size=2, max_size=6))
def test_the_order_of_keys_does_not_matter(value):
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", {1: 2}, [{"a": 0.5}], {1, 2}, object()])
def test_what_two_programs_would_write_apart_is_refused(value):
    with pytest.raises(TypeError):
        canonical(value)


def test_canonical_json_as_it_is_written():
    assert canonical({"b": [True, None, -3], "a": 'é"\n'}) == '{"a":"é\\"\\n","b":[true,null,-3]}'.encode()
    assert canonical({"é": 1 << 60}) == '{"é":1152921504606846976}'.encode()


def test_a_row_has_only_plain_values():
    assert plain(UUID(int=255)) == f"{255:032x}"
    assert plain(b"\0\xff") == "00ff"
    with pytest.raises(TypeError):
        plain(1.5)
