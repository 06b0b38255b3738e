"""What a refusal of the pen means, in one sentence for a person."""

from __future__ import annotations

from drivers.api import Action, Command, Reason

_REJECTIONS = {
    Reason.STALE_ID: "the pen has already seen a later command; nothing was done.",
    Reason.EXPIRED: "the command came too late and was refused by the pen; try again.",
    Reason.BAD_TOKEN: "the pen's start permission was not valid any more; arm again.",
    Reason.NOT_ARMED: "the pen is not armed; arm first.",
    Reason.LATCHED: "the pen is stopped and latched; reset it first.",
    Reason.MOVING: "the motor still turns; wait until it is still.",
    Reason.OFF_STEP: "the value does not lie on the pen's steps.",
    Reason.NO_CARTRIDGE: "no cartridge is plugged in; insert one.",
    Reason.CARTRIDGE_USED: "the cartridge was used before; insert a new one.",
    Reason.BATTERY: "the battery is too low; charge the pen.",
    Reason.FAULT: "the pen reports a fault; look at the alarm, then reset.",
    Reason.RUNNING: "a run is going on; end it first.",
    Reason.UNKNOWN_OPCODE: "this pen cannot do that.",
    Reason.SESSION_LIMIT: "it is above the limit that this session gave the pen; choose a smaller depth.",
    Reason.CORRECTION_LIMIT: "its correction would command more than the limit; choose a smaller depth.",
    Reason.INCOMPLETE: "the correction arrived incomplete or is none; send it again.",
    Reason.NO_SESSION: "the pen has no session with us; reconnect.",
}


def rejection_text(command: Command, reason: Reason, bound: int) -> str:
    """One sentence for a person; ``bound`` is the limit that the pen named, in the command's unit, or 0."""
    if reason in (Reason.BELOW_MINIMUM, Reason.ABOVE_MAXIMUM, Reason.CARTRIDGE_LIMIT):
        unit, scale = ("mm", 1000) if command.action is Action.SET_DEPTH else ("Hz", 1000)
        word = {
            Reason.BELOW_MINIMUM: "below the pen's minimum",
            Reason.ABOVE_MAXIMUM: "above the pen's maximum",
            Reason.CARTRIDGE_LIMIT: "above the cartridge's limit",
        }[reason]
        limit = f" {bound / scale:.2f} {unit}" if bound else ""
        return f"{command.value / scale:.2f} {unit} is {word}{limit}; choose another value."
    return _REJECTIONS.get(reason, f"the pen refused {command.action.value} ({reason.name.lower()}).")
