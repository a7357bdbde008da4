"""A made-up systemd on the bus: a few units in many states. Argument: the bus's address. Prints "ready" once it can be asked."""

import asyncio
import sys

from dbus_next.aio import MessageBus
from dbus_next.constants import PropertyAccess
from dbus_next.service import ServiceInterface, dbus_property, method

SYSTEMD = "org.freedesktop.systemd1"
# Name, load state, active state.
UNITS = [
    ("web.service", "loaded", "active"),
    ("getty@tty1.service", "loaded", "active"),
    ("broken.service", "loaded", "failed"),
    ("starting.service", "loaded", "activating"),
    ("stopping.service", "loaded", "deactivating"),
    ("again.service", "loaded", "reloading"),
    ("gone.service", "not-found", "inactive"),
    ("d\\x2dbus.socket", "loaded", "active"),
    ("apt-daily.timer", "loaded", "active"),
    ("never.timer", "loaded", "inactive"),
    ("-.mount", "loaded", "active"),
    ("multi-user.target", "loaded", "active"),
    ("cron.path", "loaded", "active"),
] + [(f"many-{number}.service", "loaded", "active") for number in range(100)]


def path_of(name):
    escaped = "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):02x}" for c in name)
    return f"/org/freedesktop/systemd1/unit/{escaped}"


class Manager(ServiceInterface):
    def __init__(self):
        super().__init__(f"{SYSTEMD}.Manager")

    @method()
    def ListUnits(self) -> "a(ssssssouso)":
        return [
            [name, f"What {name} is: \u00e4", load, active, "sub", "", path_of(name), 0, "", "/"]
            for name, load, active in UNITS
        ]

    @dbus_property(access=PropertyAccess.READ)
    def Version(self) -> "s":
        return "252.39-1~deb12u2"

    @dbus_property(access=PropertyAccess.READ)
    def SystemState(self) -> "s":
        return "running"


class Service(ServiceInterface):
    def __init__(self):
        super().__init__(f"{SYSTEMD}.Service")

    @dbus_property(access=PropertyAccess.READ)
    def Type(self) -> "s":
        return "notify"


class Socket(ServiceInterface):
    def __init__(self):
        super().__init__(f"{SYSTEMD}.Socket")

    @dbus_property(access=PropertyAccess.READ)
    def NAccepted(self) -> "u":
        return 4000000000

    @dbus_property(access=PropertyAccess.READ)
    def NConnections(self) -> "u":
        return 3

    @dbus_property(access=PropertyAccess.READ)
    def NRefused(self) -> "u":
        return 1


class Timer(ServiceInterface):
    def __init__(self, triggered):
        super().__init__(f"{SYSTEMD}.Timer")
        self.triggered = triggered

    @dbus_property(access=PropertyAccess.READ)
    def LastTriggerUSec(self) -> "t":
        return self.triggered


async def main():
    bus = await MessageBus(bus_address=sys.argv[1]).connect()
    bus.export("/org/freedesktop/systemd1", Manager())
    for name, _, _ in UNITS:
        if name.endswith(".service"):
            bus.export(path_of(name), Service())
        elif name.endswith(".socket"):
            bus.export(path_of(name), Socket())
        elif name.endswith(".timer"):
            bus.export(path_of(name), Timer(0 if name.startswith("never") else 1795434422123456))
    await bus.request_name(SYSTEMD)
    print("ready", flush=True)
    await bus.wait_for_disconnect()


asyncio.run(main())
