"""A Mosquitto of our own: on a free port of loopback, with a configuration of ours, and gone after the tests.

A broker that happens to run on this machine is never used.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PREFIX = "fleet"
HUB = ("hub", "the hub's password")
DEVICE = ("device", "a device's password")

CONFIGURATION = """\
listener {port} 127.0.0.1
user {user}
persistence false
set_tcp_nodelay {no_delay}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/rules
max_queued_messages 0
max_inflight_messages 0
log_dest file {folder}/log
"""

RULES = f"""\
user {HUB[0]}
topic readwrite {PREFIX}/#

pattern read {PREFIX}/hub
pattern write {PREFIX}/%c/up
pattern read {PREFIX}/%c/down
"""


def program(name: str) -> str | None:
    """Where a program of Mosquitto's is; Debian keeps the broker out of most people's PATH."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))


class Mosquitto:
    """A broker that can be killed and started again at the same port."""

    def __init__(self, folder: Path, *, no_delay: bool = True) -> None:
        self.folder, self.no_delay = folder, no_delay
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "rules").write_text(RULES)
        (folder / "rules").chmod(0o600)
        passwords = program("mosquitto_passwd")
        assert passwords is not None
        (folder / "passwords").touch(mode=0o600)
        for user, password in (HUB, DEVICE):
            subprocess.run([passwords, "-b", str(folder / "passwords"), user, password], check=True)

    @property
    def url(self) -> str:
        """Where hubs and devices meet."""
        return f"mqtt://127.0.0.1:{self.port}/{PREFIX}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port, user=getpass.getuser(), folder=self.folder, no_delay=str(self.no_delay).lower()
            )
        )
        broker = program("mosquitto")
        assert broker is not None
        self._process = subprocess.Popen(
            [broker, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                log = self.folder / "log"
                told = log.read_text() if log.exists() else ""
                assert self._process.poll() is None, f"mosquitto ended: {told}"
                assert time.monotonic() < until, f"mosquitto does not answer: {told}"
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker that runs."""
    for name in ("mosquitto", "mosquitto_passwd"):
        if program(name) is None:
            pytest.skip(f"there is no {name} here; on Debian and Ubuntu: apt-get install mosquitto")
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    broker.start()
    yield broker
    broker.kill()
