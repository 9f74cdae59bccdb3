"""Networks: every device in a network namespace of its own, joined by a bridge, as far as this system lets us.

All of it lives in a network and mount namespace of this program, which is started anew inside. So nothing of the
machine's own network is touched, and nothing is left behind, however the program ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from orrery.errors import OutsideError

INSIDE = "ORRERY_DEMO_NETWORK"
"""Set in the program that runs inside the namespaces."""
LOOPBACK = "127.0.0.1"
_GATE = "10.77.0.1"
_SETUP = (
    "mkdir -p /run/netns",
    "mount -t tmpfs none /run/netns",
    "ip link set lo up",
    "ip link add constellation type bridge",
    f"ip address add {_GATE}/24 dev constellation",
    "ip link set constellation up",
)


def is_inside() -> bool:
    """Whether this program has namespaces of its own."""
    return INSIDE in os.environ


def can_go_inside() -> bool:
    """Whether this system lets this program have namespaces of its own."""
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "mount"))):
        return False
    trial = " && ".join((*_SETUP, *_ways("trial", 2)))
    return subprocess.run(_inside("sh", "-c", trial), capture_output=True, check=False).returncode == 0


def go_inside(module: str, arguments: Sequence[str]) -> int:
    """Run a module inside, with this program's input and output, and return its exit status."""
    environment = {**os.environ, INSIDE: "1"}
    command = _inside(sys.executable, "-m", module, *arguments)
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # it was sent there, too: it says goodbye, and we wait
                continue


def _inside(*command: str) -> list[str]:
    return ["unshare", "--net", "--mount", "--propagation", "private", "--", *command]


class Network:
    """Where the hub listens, and how a device is started in its own network."""

    def __init__(self) -> None:
        self.is_separate = is_inside()
        self.host = _GATE if self.is_separate else LOOPBACK
        self._names: dict[str, None] = {}
        if self.is_separate:
            for line in _SETUP:
                _run(line)

    def within(self, name: str, command: Sequence[str]) -> list[str]:
        """The command that runs another one in a device's network, which is made first."""
        if not self.is_separate:
            return list(command)
        if name not in self._names:
            self._names[name] = None
            for line in _ways(name, 10 + len(self._names)):
                _run(line)
        return ["ip", "netns", "exec", name, *command]


def _ways(name: str, number: int) -> tuple[str, ...]:
    """The commands that give a device its network: a namespace, and a cable from there to the bridge."""
    return (
        f"ip netns add {name}",
        f"ip link add cable{number} type veth peer name eth0 netns {name}",
        f"ip link set cable{number} master constellation up",
        f"ip -n {name} link set lo up",
        f"ip -n {name} address add 10.77.0.{number}/24 dev eth0",
        f"ip -n {name} link set eth0 up",
    )


def _run(line: str) -> None:
    done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OutsideError(f"`{line}` did not work: {done.stderr.strip()}")
