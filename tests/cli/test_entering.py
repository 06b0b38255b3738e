"""Commands made from forms: every form has one, and what bad input gets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pexpect
import pytest

from devicectl.access.erasure import REASONS
from devicectl.cli import clients, sessions
from devicectl.cli.app import COMMANDS, cli
from devicectl.cli.asking import gathered, merged, without
from devicectl.cli.clients import clients as clients_group
from devicectl.cli.exits import Exit
from devicectl.cli.form_options import option_of
from devicectl.treatment.checklist import ITEMS
from devicectl.treatment.forms import FORMS, Rows
from devicectl.treatment.intake import MAKERS

from .conftest import LONG_S, House

ELSEWHERE = {
    "client": "clients add",
    "identity": "clients identity",
    "course": "courses open",
    "course_end": "courses end",
    "protocol": "protocols edit",
    "pen_check": "check",
    "follow_up_moved": "follow-ups move",
    "pass_change": "sessions change-pass",
    "amendment": "sessions amend",
}


def command_at(path: str) -> click.Command:
    found: click.Command = cli
    for word in path.split():
        assert isinstance(found, click.Group)
        child = found.get_command(click.Context(found), word)
        assert child is not None, path
        found = child
    return found


def path_of(form: str) -> str:
    if form in ELSEWHERE:
        return ELSEWHERE[form]
    name = form.replace("_", "-")
    return f"{'clients' if name in clients.FORMS else 'sessions'} enter {name}"


@pytest.mark.parametrize("form", [*sorted({*MAKERS, "amendment"})])
def test_every_form_has_a_command_with_an_option_for_each_field(form: str) -> None:
    command = command_at(path_of(form))
    options = {name for param in command.params for name in param.opts if isinstance(param, click.Option)}
    if form == "identity":
        assert {"--set", "--values"} <= options
        return
    arguments = {param.name for param in command.params if isinstance(param, click.Argument)}
    for field in FORMS[form].fields:
        assert option_of(field.name) in options or field.name in arguments, field.name
    assert {"--json", "--operator", "--values"} <= options


def test_no_option_has_two_meanings() -> None:
    for form in (*MAKERS, "amendment"):
        names = [name for param in command_at(path_of(form)).params for name in param.opts]
        assert len(names) == len(set(names)), form


def test_the_words_of_the_command_line_are_those_of_the_record() -> None:
    assert clients.REASONS == REASONS
    subjects = {name.replace("-", "_"): "client" for name in clients.FORMS}
    subjects |= {name.replace("-", "_"): "session" for name in sessions.FORMS}
    assert subjects == {name: FORMS[name].subject for name in subjects}
    assert set(clients_group.list_commands(click.Context(clients_group))) >= {"add", "enter", "erase"}
    assert "clients" in COMMANDS


def rows_of(form: str) -> Rows:
    entry = next(field.entry for field in FORMS[form].fields if isinstance(field.entry, Rows))
    assert isinstance(entry, Rows)
    return entry


def test_rows_change_those_of_the_same_title() -> None:
    zones = rows_of("protocol")
    before = gathered(
        FORMS["protocol"], {"name": "N", "zones.0.zone": "VTX", "zones.0.depth_um": "1", "zones.1.zone": "MID"}
    )
    assert before == {"name": "N", "zones": [{"zone": "VTX", "depth_um": "1"}, {"zone": "MID"}]}
    after = merged(zones, before["zones"], [{"zone": "vtx", "seconds": "30"}, {"zone": "OCC"}])
    assert after == [{"zone": "vtx", "depth_um": "1", "seconds": "30"}, {"zone": "MID"}, {"zone": "OCC"}]
    assert without(zones, after, ["mid", "vtx"]) == [{"zone": "OCC"}]


# -- what bad input gets


@pytest.fixture(scope="module")
def clinic(shared_house: House) -> Iterator[House]:
    shared_house.hire("Ida Bergman", "480917")
    assert shared_house.run("clients", "add", "T-1", "--training").code == Exit.DONE
    return shared_house


NOTE = ("sessions", "enter", "note", "--session", "last")
BAD: list[tuple[tuple[str, ...], Exit, str]] = [
    (("clients", "add", "Zoë Ångström"), Exit.USAGE, "CODE: Client code must be 1 to 40 letters"),
    (("clients", "add", "T-1"), Exit.RECORD, "There is a client T-1 already"),
    (("clients", "enter", "assessment", "T-1", "--scale", "x"), Exit.USAGE, "--scale: Scale must be"),
    (("clients", "enter", "assessment", "T-1", "--scale", "norwood", "--grade", "IX"), Exit.USAGE, "--grade: Grade on"),
    (("clients", "enter", "follow-up", "T-1", "--kind", "day7", "--due-date", "2001-01-01"), Exit.USAGE, "--due-date: "),
    (("clients", "enter", "follow-up", "T-1", "--kind", "day7", "--due-date", "05.06.2099"), Exit.USAGE, "--due-date: "),
    (("clients", "enter", "follow-up", "T-9", "--kind", "day7", "--due-date", "2099-01-01"), Exit.FAILED, "no client T-9"),
    (("clients", "enter", "follow-up", "a b", "--kind", "day7", "--due-date", "2099-01-01"), Exit.USAGE, "such as AB-12"),
    (("clients", "enter", "photo", "T-1", "--file", "none.jpg", "--view", "front", "--phase", "before"), Exit.RECORD, "No consent"),
    (("clients", "enter", "adverse-event-state", "T-1", "--about", "zz", "--outcome", "ongoing"), Exit.FAILED, "no id"),
    (("clients", "show", "T-9"), Exit.FAILED, "There is no client T-9"),
    (("clients", "identity", "T-1", "--set", "name"), Exit.USAGE, "FIELD=VALUE"),
    (("clients", "identity", "T-1", "--set", "size=3"), Exit.USAGE, "has no field"),
    (("clients", "erase", "T-1", "--reason", "spite", "--yes"), Exit.USAGE, "--reason"),
    (("courses", "end", "T-1"), Exit.FAILED, "no open course"),
    (("courses", "open", "T-1", "--protocol", "None such", "--scale", "norwood", "--grade", "IV"), Exit.FAILED, "there is no protocol"),
    (("protocols", "show", "None such"), Exit.FAILED, "there is no protocol"),
    (("protocols", "edit", "Dhurat 2013", "--sessions", "3"), Exit.RECORD, "shipped"),
    (("protocols", "copy", "Empty", "Mine", "--zones", "zone=VTX; depth_um=9 mm"), Exit.USAGE, "--zones, row 1, depth_um: "),
    (("protocols", "copy", "Empty", "Mine", "--zones", "nothing=1"), Exit.USAGE, "--zones: "),
    (("follow-ups", "done", "beef"), Exit.FAILED, "There is no follow-up 'beef'"),
    ((*NOTE, "--phrase", "21"), Exit.FAILED, "There is no session 'last'"),
    (("sessions", "enter", "note", "--phrase", "21"), Exit.FAILED, "No treatment is open"),
    ((*NOTE, "--note", "a\x1bb"), Exit.USAGE, "--note: Note may not contain control characters"),
    ((*NOTE, "--values", "/none.json"), Exit.USAGE, "cannot be read"),
    (("sessions", "sign", "last"), Exit.FAILED, "There is no session"),
    (("sessions", "chart"), Exit.FAILED, "No treatment is open"),
    (("sessions", "change-pass", "1", "--zone", "VTX", "--reason", "wrong key"), Exit.FAILED, "There is no session"),
    (("sessions", "open", "tcp://127.0.0.1:1", "--client", "T-1"), Exit.NO_PEN, ""),
    (("sessions", "open", "tcp://127.0.0.1:1"), Exit.USAGE, "--client"),
    (("sessions", "show", "beef"), Exit.FAILED, "There is no session"),
    (("sessions", "entre"), Exit.USAGE, "Did you mean"),
    (("sessions", "enter", "cheklist"), Exit.USAGE, "Did you mean 'checklist'?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "words"), BAD, ids=lambda value: " ".join(value[:4]) if isinstance(value, tuple) else ""
)
def test_bad_input_gets_a_sentence_and_a_code(
    clinic: House, arguments: tuple[str, ...], code: Exit, words: str
) -> None:
    result = clinic.run(*arguments)
    assert (result.code, result.out) == (code, ""), result.err
    assert words in result.sentence


def test_each_refused_field_has_a_line_of_its_own(clinic: House) -> None:
    refused = clinic.run("sessions", "enter", "zone-result", "--zone", "QQ", "--pain", "1,500", "--json")
    assert refused.code == Exit.USAGE
    lines = refused.err.strip().splitlines()
    assert [line.split(": ")[1] for line in lines] == ["--zone", "--pain"]
    error = refused.json["error"]
    assert (error["code"], set(error["fields"])) == ("invalid-form", {"zone", "pain"})


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "JSON object"),
        ('{"nose": 1}', "has no field"),
        ('{"note": {"a": 1}}', "must be text"),
    ],
)
def test_values_from_standard_input_are_checked(clinic: House, typed: str, words: str) -> None:
    result = clinic.finish(clinic.start(*NOTE, "--values", "-", stdin=-1), typed)
    assert result.code == Exit.USAGE
    assert words in result.sentence


def test_standard_input_is_read_once(clinic: House) -> None:
    both = ("--changed", "no", "--values", "-", "--answers", "-")
    assert "once" in clinic.run("sessions", "enter", "checklist", *both).sentence


def test_who_is_needed_and_who_may(clinic: House) -> None:
    before = dict(clinic.env)
    try:
        del clinic.env["DEVICECTL_OPERATOR"]
        nobody = clinic.run("clients", "add", "T-2", "--json")
        assert (nobody.code, nobody.json["error"]["code"]) == (Exit.FAILED, "no-operator")
        assert "--operator" in nobody.sentence
        assert "--operator" in clinic.run("clients", "identity", "T-1").sentence
        assert "--operator" in clinic.run("sessions", "sign", "last").sentence
        clinic.env |= before | {"DEVICECTL_NEW_PIN": "739184"}
        assert clinic.run("operators", "add", "Bo Lind", "--role", "technician").code == Exit.DONE
        clinic.env |= {"DEVICECTL_OPERATOR": "Bo Lind", "DEVICECTL_PIN": "739184"}
        assert "may not enter or change clients" in clinic.run("clients", "add", "T-2").sentence
        clinic.env |= {"DEVICECTL_PIN": "111111"}
        wrong = clinic.run("clients", "add", "T-2")
        assert (wrong.code, "wrong" in wrong.sentence) == (Exit.FAILED, True)
    finally:
        clinic.env.clear()
        clinic.env |= before


def test_on_a_terminal_what_is_missing_or_refused_is_asked_for(clinic: House) -> None:
    screen = pexpect.spawn(
        sys.executable,
        ["-P", "-m", "devicectl", "clients", "enter", "assessment", "T-1"],
        env=clinic.env,
        timeout=LONG_S,
        encoding="utf-8",
        dimensions=(40, 120),
    )
    screen.expect("norwood")
    screen.expect("Scale: ")
    screen.sendline("norwood")
    screen.expect("Grade on")
    screen.expect("Grade: ")
    screen.sendline("IX")
    screen.expect("Grade on")
    screen.expect("Grade: ")
    screen.sendline("IV")
    screen.expect("Assessment recorded")
    screen.expect(pexpect.EOF)
    shown = clinic.run("clients", "show", "T-1", "--json").json
    assert [row["grade"] for row in shown["assessments"]] == ["IV"]


def test_a_protocol_of_ones_own_is_changed_zone_by_zone_or_as_a_whole(clinic: House, tmp_path: Path) -> None:
    assert clinic.run("protocols", "copy", "empty", "Ours", "--citation", "our own").code == Exit.DONE

    def edited(*options: str) -> dict[str, Any]:
        result = clinic.run("protocols", "edit", "ours", *options)
        assert result.code == Exit.DONE, result.err
        shown: dict[str, Any] = clinic.run("protocols", "show", "Ours", "--json").json
        return {
            "version": shown["version"],
            "zones": {zone["zone"]: (zone["depth_um"], zone["seconds"], zone["passes"]) for zone in shown["zones"]},
        }

    rows = ("--zones", "zone=VTX; depth_um=1,5 mm; passes=h 4", "--zones", "Zone=mid; Time=2 min")
    assert edited(*rows) == {"version": 2, "zones": {"VTX": (1500, None, {"horizontal": 4}), "MID": (None, 120, {})}}
    changed = edited("--zones", "zone=vtx; seconds=90 s", "--without", "MID")
    assert changed == {"version": 3, "zones": {"VTX": (1500, 90, {"horizontal": 4})}}
    (tmp_path / "zones.json").write_text('[{"zone": "OCC", "depth_um": "1"}]')
    whole = edited("--zones", str(tmp_path / "zones.json"))
    assert whole == {"version": 4, "zones": {"OCC": (1000, None, {})}}
    assert edited("--without", "OCC") == {"version": 5, "zones": {}}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_passes_are_given_to_another_zone_until_the_signature(clinic: House) -> None:
    played = clinic.run("demo", "--headless", "--seconds", "6", "--seed", "7")
    assert played.code == Exit.DONE, played.err
    assert clinic.run("sessions", "change-pass", "1", "--zone", "OCC", "--reason", "wrong key").code == Exit.DONE
    passes = clinic.run("sessions", "show", "last", "--json").json["passes"]
    split = ("--zone", "MID", "--split", "0,5", "--zone-after", "VTX", "--reason", "went on")
    refused = clinic.run("sessions", "change-pass", passes[1]["id"][-6:], *split)
    assert (refused.code, refused.sentence.split(": ")[0]) == (Exit.USAGE, "--split")
    split = ("--zone", "MID", "--split", "900", "--zone-after", "VTX", "--reason", "went on")
    assert "split it before its end" in clinic.run("sessions", "change-pass", passes[1]["id"][-6:], *split).sentence
    assert "has no pass 9" in clinic.run("sessions", "change-pass", "9", "--zone", "MID", "--reason", "x y z").sentence
    shown = clinic.run("sessions", "show", "last")
    assert "pass 1 is OCC; reason sealed" in shown.out
    zones = {row["code"] for row in clinic.run("sessions", "chart", "last", "--json").json["chart"]["zones"]}
    assert "OCC" in zones
    assert "FRL" not in zones
    unsigned = clinic.run("sessions", "sign", "last", "--meaning", "reviewed")
    assert (unsigned.code, "reviewed after that" in unsigned.sentence) == (Exit.RECORD, True)
    assert clinic.run("sessions", "sign", "last", "--reason", "demonstration").code == Exit.DONE
    late = clinic.run("sessions", "change-pass", "1", "--zone", "VTX", "--reason", "wrong key")
    assert (late.code, "signed" in late.sentence) == (Exit.RECORD, True)
    assert clinic.run("sessions", "sign", "last", "--meaning", "reviewed").code == Exit.DONE


def test_completion_knows_forms_and_their_words(clinic: House) -> None:
    def completed(words: str) -> str:
        clinic.env |= {
            "_DEVICECTL_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split())),
        }
        try:
            return clinic.run().out
        finally:
            for name in ("_DEVICECTL_COMPLETE", "COMP_WORDS", "COMP_CWORD"):
                del clinic.env[name]

    assert "plain,zone-result" in completed("devicectl sessions enter")
    assert "plain,mild_erythema" in completed("devicectl sessions enter zone-result --end-point")


def test_on_a_terminal_a_scan_fills_a_cartridge_and_each_question_is_asked(clinic: House) -> None:
    pen = clinic.simulate("pty", "--seed", "12")
    session = clinic.run("sessions", "open", pen.address, "--client", "T-1", "--json").json["session"]

    def at_terminal(*arguments: str) -> pexpect.spawn[str]:
        command = ["-P", "-m", "devicectl", "sessions", "enter", *arguments]
        return pexpect.spawn(
            sys.executable, command, env=clinic.env, timeout=LONG_S, encoding="utf-8", dimensions=(40, 120)
        )

    scanning = at_terminal("cartridge")
    scanning.expect("Scan: ")
    scanning.sendline("]d20109521234543213172802001")
    scanning.expect("--raw|Scan: ")
    scanning.sendline("(01)09521234543213(17)280200(10)AB-1(21)S9")
    scanning.expect("Cartridge recorded")
    scanning.expect(pexpect.EOF)
    asking = at_terminal("checklist", "--changed", "first")
    for name in ITEMS:
        asking.expect_exact("(no/yes/unknown): ")
        asking.sendline("yes" if name == "diabetes" else "no")
        if name == "diabetes":
            asking.expect("Reason: ")
            asking.sendline("asked Dr B.")
    asking.expect("Checklist recorded")
    asking.expect(pexpect.EOF)
    entered = clinic.run("sessions", "show", session, "--json").json["entered"]
    assert [row["serial"] for row in entered["cartridge_uses"]] == ["S9"]
    answers = {row["item"]: (row["answer"], row["reason"]) for row in entered["checklist_answers"]}
    assert answers.pop("diabetes") == ("yes", "sealed")
    assert set(answers.values()) == {("no", None)}
    used = ("--gtin", "09521234543213", "--lot", "AB-1", "--expiry", "2028-02", "--serial", "S9")
    again = clinic.run("sessions", "enter", "cartridge", *used)
    assert (again.code, "was registered" in again.sentence) == (Exit.RECORD, True)
    row = ("--table", "cartridge_uses", "--row", entered["cartridge_uses"][0]["id"][-8:], "--reason", "typed wrongly")
    unsigned = clinic.run("sessions", "amend", session, *row, "--field", "lot", "--value", "AB-2")
    assert (unsigned.code, "not signed yet" in unsigned.sentence) == (Exit.RECORD, True)
    no_number = clinic.run("sessions", "amend", session, *row, "--field", "opened_utc_us", "--value", "noon")
    assert (no_number.code, "--value: Opened at" in no_number.sentence) == (Exit.USAGE, True)
    assert clinic.run("sessions", "close", pen.address).code == Exit.DONE
    assert "no session is open" in clinic.run("sessions", "close", pen.address).sentence
