"""Whom BlueZ asks when a pen wants a passkey: the agents that programs have registered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from bumble.pairing import PairingConfig, PairingDelegate
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from simulator.radio.host import VirtualRadio

from .tree import Refused

_ANSWER_S: Final = 60.0
_CAN: Final = {
    "": PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    "DisplayOnly": PairingDelegate.DISPLAY_OUTPUT_ONLY,
    "DisplayYesNo": PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
    "KeyboardOnly": PairingDelegate.KEYBOARD_INPUT_ONLY,
    "KeyboardDisplay": PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    "NoInputNoOutput": PairingDelegate.NO_OUTPUT_NO_INPUT,
}


@dataclass(frozen=True)
class Agent:
    """One agent; ``sender`` is the program's unique name on the bus."""

    sender: str
    path: str
    capability: str


class _Asking(PairingDelegate):
    """Asks an agent what the pairing wants to know."""

    def __init__(self, agents: Agents, agent: Agent, device: str) -> None:
        super().__init__(_CAN[agent.capability])
        self._agents = agents
        self._agent = agent
        self._device = device

    async def get_number(self) -> int | None:
        reply = await self._agents.ask(self._agent, "RequestPasskey", "o", self._device)
        return int(reply[0]) if reply else None

    async def compare_numbers(self, number: int, digits: int) -> bool:
        return await self._agents.ask(self._agent, "RequestConfirmation", "ou", self._device, number) is not None


class Agents:
    """All registered agents, the default one last."""

    def __init__(self, bus: MessageBus, radio: VirtualRadio) -> None:
        self._bus = bus
        self._radio = radio
        self._known: list[Agent] = []

    def call(self, member: str, sender: str, body: list[Any]) -> None:
        """A method of AgentManager1."""
        mine = next((agent for agent in self._known if agent.sender == sender), None)
        if member == "RegisterAgent":
            if mine is not None:
                raise Refused("AlreadyExists", "Already Exists")
            if body[1] not in _CAN:
                raise Refused("InvalidArguments", "Invalid arguments in method call")
            self._known.insert(0, Agent(sender, body[0], body[1]))
        elif mine is None or mine.path != body[0]:
            raise Refused("DoesNotExist", "Does Not Exist")
        else:
            self._known.remove(mine)
            if member == "RequestDefaultAgent":
                self._known.append(mine)

    def left(self, sender: str) -> None:
        """A program has ended."""
        self._known = [agent for agent in self._known if agent.sender != sender]

    @contextmanager
    def answering(self, sender: str, device: str) -> Iterator[Agent | None]:
        """While inside, the agent of ``sender``, or else the default one, is asked. None when there is nobody."""
        able = [agent for agent in self._known if agent.sender == sender] or self._known
        if not able:
            yield None
            return
        agent = able[-1]
        host = self._radio.device
        before = host.pairing_config_factory
        asking = _Asking(self, agent, device)
        host.pairing_config_factory = lambda _: PairingConfig(sc=True, mitm=True, bonding=True, delegate=asking)
        try:
            yield agent
        finally:
            host.pairing_config_factory = before

    async def ask(self, agent: Agent, member: str, signature: str, *body: Any) -> list[Any] | None:
        """One question; None when the agent refuses, or does not answer in time."""
        question = Message(
            destination=agent.sender,
            path=agent.path,
            interface="org.bluez.Agent1",
            member=member,
            signature=signature,
            body=list(body),
        )
        try:
            reply = await asyncio.wait_for(self._bus.call(question), _ANSWER_S)
        except (TimeoutError, EOFError):
            return None
        return reply.body if reply.message_type is MessageType.METHOD_RETURN else None
