"""Setting: five device profiles, a folder for each, and the small services that run on them.

`Setting` is what a fixture is written into and what is looked at in the end. It starts nothing: `machines` starts the
hub and the devices, `services` the services.
"""

from __future__ import annotations

import gzip
import hashlib
import random
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

DESK = "desk"
"""Where the request comes from: the folder of the run itself, on no device."""


@dataclass(frozen=True, kw_only=True)
class DeviceProfile:
    """A kind of machine.

    Args:
        slots: how many tasks it does at once.
        skills: words by which tasks find it.
        about: what it stands for.
        speed: of its work, where 1 is that of the others.
    """

    name: str
    slots: int
    skills: tuple[str, ...]
    about: str
    speed: float = 1.0


PROFILES: Mapping[str, DeviceProfile] = {
    profile.name: profile
    for profile in (
        DeviceProfile(name="web1", slots=2, skills=("web", "builder"), about="a small server"),
        DeviceProfile(name="web2", slots=2, skills=("web", "tester"), about="another small server"),
        DeviceProfile(name="db1", slots=2, skills=("database",), about="the host of the databases"),
        DeviceProfile(name="pi1", slots=1, skills=("camera", "sensor"), about="a board, small and slow", speed=0.5),
        DeviceProfile(name="big1", slots=4, skills=("gpu", "analysis"), about="a large workstation"),
    )
}
"""The five devices of every request."""

Row = Sequence[Any]


class Setting:
    """The folders of the devices and of the desk, below one root.

    Args:
        root: of everything.
        ports: of the devices' services; made up where no services run.
    """

    def __init__(self, root: Path, ports: Mapping[str, int] | None = None) -> None:
        self.root = root
        self.folders = {name: device_folder(root, name) for name in PROFILES} | {DESK: root / DESK}
        self._ports = dict(ports or {})
        self.clear()

    def clear(self) -> None:
        """Make every folder empty; the folders themselves stay, since devices work in them."""
        for folder in (*self.folders.values(), self.root / CALLS):
            folder.mkdir(parents=True, exist_ok=True)
            for entry in folder.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def path(self, place: str) -> Path:
        """The path of "device/path"."""
        device, _, path = place.partition("/")
        return self.folders[device] / path

    def address(self, device: str) -> str:
        """The address of a device's service."""
        return f"http://127.0.0.1:{self._ports.get(device, 1)}"

    # -- writing a fixture ----------------------------------------------------------------------------

    def write(self, place: str, content: str | bytes, *, damaged: bool = False) -> None:
        """Write a file at "device/path"; one whose name ends in .gz is compressed, and if it is damaged, badly."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        if path.suffix == ".gz":
            data = gzip.compress(data, mtime=0)
        path.write_bytes(data[:12] if damaged else data)

    def write_json(self, place: str, value: Any) -> None:
        """Write a value as JSON."""
        self.write(place, msgspec.json.format(msgspec.json.encode(value), indent=2))

    def write_table(self, place: str, table: str, columns: str, rows: Iterable[Row]) -> None:
        """Add a table to the SQLite database at "device/path"; `columns` as in CREATE TABLE."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"CREATE TABLE {table} ({columns})")
            marks = ", ".join("?" for _ in columns.split(","))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - names of the suite

    def serve(self, device: str, routes: Mapping[str, Mapping[str, Any]]) -> None:
        """Say what the service of a device answers; see `services` for what a route may hold."""
        (self.root / CALLS / f"{device}.json").write_bytes(msgspec.json.encode(routes))

    # -- looking ----------------------------------------------------------------------------------------

    def contents(self) -> dict[str, bytes]:
        """Digests of all files, by "device/path"."""
        return contents(self.folders)

    def calls(self) -> dict[str, list[str]]:
        """What the services were asked, by device: "GET /path", or "GET /path from OFFSET"."""
        logs = {name: self.root / CALLS / f"{name}.log" for name in PROFILES}
        return {name: log.read_text(encoding="utf-8").splitlines() for name, log in logs.items() if log.exists()}


CALLS = "services"
"""The folder of the root in which services find what to answer, and write what they were asked."""


def device_folder(root: Path, name: str) -> Path:
    """The folder that the tasks of a device work in; above it the device keeps its key and its journal."""
    return root / "devices" / name / "files"


def chance(seed: int) -> random.Random:
    """Chance that is the same every time."""
    return random.Random(seed)  # noqa: S311 - repeatable, not secret


def contents(folders: Mapping[str, Path]) -> dict[str, bytes]:
    """Digests of all files in folders, by "name/path"."""
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": hashlib.sha256(path.read_bytes()).digest()
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file()
    }


__all__ = ["CALLS", "DESK", "PROFILES", "DeviceProfile", "Setting", "chance", "contents", "device_folder"]
