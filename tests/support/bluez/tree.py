"""The objects that a D-Bus service shows: paths, interfaces, properties, and the signals about their changes."""

from __future__ import annotations

from typing import Any

from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
Properties = dict[str, Variant]


class Refused(Exception):
    """An error as D-Bus sends it; short names are BlueZ's."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text


def no_object(path: str, member: str) -> Refused:
    """What is said about an object that is not there."""
    return Refused("org.freedesktop.DBus.Error.UnknownObject", f'Method "{member}" on "{path}" doesn\'t exist')


class Tree:
    """All objects of one service on one bus."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.objects: dict[str, dict[str, Properties]] = {}

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        if self._bus.connected:
            self._bus.send(Message.new_signal(path, interface, member, signature, body))

    def add(self, path: str, interface: str, properties: Properties) -> None:
        """A new interface of an object, which may be new itself."""
        self.objects.setdefault(path, {})[interface] = properties
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {interface: properties}])

    def remove(self, path: str) -> None:
        """Take away an object and everything below it."""
        for one in [one for one in self.objects if one == path or one.startswith(f"{path}/")]:
            interfaces = list(self.objects.pop(one))
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [one, interfaces])

    def change(self, path: str, interface: str, **properties: Variant) -> None:
        """New values; told even when they are the old ones, as notifications are."""
        if path in self.objects:
            self.objects[path][interface].update(properties)
            self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, properties, []])

    def invalidate(self, path: str, interface: str, *names: str) -> None:
        """These properties have no value any more."""
        gone = [name for name in names if self.objects[path][interface].pop(name, None) is not None]
        if gone:
            self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, {}, gone])

    def properties(self, path: str, interface: str, member: str) -> Properties:
        """Those of one interface. Raises :class:`Refused` when there is no such thing."""
        try:
            return self.objects[path][interface]
        except KeyError:
            raise no_object(path, member) from None
