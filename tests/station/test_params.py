"""What the edge says of parameters that are not what it wants: plain words, whatever kind of error it is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from devicectl.station import params as p
from devicectl.station.requests import REQUESTS

JARGON = re.compile(
    r"Input should|String should|Field required|Extra inputs|Value error|validation|valid \w+|pattern|\^\[|\t|\n"
)
GARBAGE: tuple[Any, ...] = (
    None, True, -1, 0, 1e300, 1.5, float("nan"), float("inf"), "", "x" * 500, "a\x00b", "T 001", "²", [], [1], {}, {"x": "y"},
    {"VTX": "deep"}, {"VTX": -1}, {"V" * 20: 1}, ["", 7],
)  # fmt: skip


def wrong() -> list[tuple[str, dict[str, Any]]]:
    """Every field of every request with everything that it may not be."""
    found: list[tuple[str, dict[str, Any]]] = []
    for method, (model, _) in REQUESTS.items():
        found.append((method, {"nonsense": 1}))
        found.append((method, {}))
        found += [(method, {name: value}) for name in model.model_fields for value in GARBAGE]
    return found


def errors_of(method: str, params: dict[str, Any]) -> ValidationError | None:
    try:
        REQUESTS[method][0].model_validate(params)
    except ValidationError as error:
        return error
    return None


def test_every_kind_of_error_is_told_in_plain_words() -> None:
    seen: set[str] = set()
    for method, params in wrong():
        found = errors_of(method, params)
        if found is None:
            continue
        seen |= {one["type"] for one in found.errors()}
        text = p.sentence(method, found)
        assert text.startswith(f"{method}: ")
        assert text.endswith(".")
        assert not JARGON.search(text), text
        assert "{" not in text, text
        assert "not possible there; see" not in text or "characters" in text, (text, found.errors()[0]["type"])
    assert len(seen) >= 12, seen


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("setpoint", {"depth_um": "deep"}, "setpoint: depth_um must be a number such as 1.5"),
        ("session.open", {"purpose": "treatment", "client": "T 001"}, "a client code has letters"),
        ("session.open", {"purpose": "fun"}, "purpose must be 'bench' or 'treatment'"),
        ("run.start", {"ticket": "t", "run_ms": 5}, "run_ms must be 100 or more"),
        ("zone.select", {}, "zone is missing"),
        ("setpoint", {"deep": 1}, "deep is not known here"),
    ],
)
def test_the_sentence_names_the_field_and_what_it_wants(method: str, params: dict[str, Any], words: str) -> None:
    found = errors_of(method, params)
    assert found is not None
    assert words in p.sentence(method, found)
