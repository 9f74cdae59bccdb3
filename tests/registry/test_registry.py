"""Named things, and those that other installed packages bring."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orrery.errors import NameTakenError, PlugInError, UnknownNameError
from orrery.registry import Registry


@pytest.fixture
def planets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[str]:
    """A registry beside which two packages are installed: one is whole, the other cannot be imported."""
    for package, body in (("plug_whole", "MARS = 'red'"), ("plug_broken", "import nothing_of_that_name")):
        (tmp_path / f"{package}.py").write_text(body, encoding="utf-8")
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    broken, whole = tmp_path / "plug_broken-1.0.dist-info", tmp_path / "plug_whole-1.0.dist-info"
    (broken / "entry_points.txt").write_text("[test.planets]\nvulcan = plug_broken:VULCAN\n", encoding="utf-8")
    (whole / "entry_points.txt").write_text(
        "[test.planets]\nmars = plug_whole:MARS\nearth = plug_whole:EARTH\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plug_whole", raising=False)
    registry: Registry[str] = Registry("planet", group="test.planets")
    registry.add("earth", "blue")
    return registry


def test_what_a_package_brings_is_known_by_name_and_loaded_when_it_is_asked_for(planets: Registry[str]) -> None:
    assert planets.names() == ["earth", "mars", "vulcan"]
    assert "plug_whole" not in sys.modules
    assert planets.get("mars") == "red"


def test_what_is_registered_here_goes_before_what_a_package_brings(planets: Registry[str]) -> None:
    assert planets.get("earth") == "blue"


def test_a_package_that_cannot_be_imported_is_named_and_harms_no_other(planets: Registry[str]) -> None:
    with pytest.raises(PlugInError, match=r"planet 'vulcan' of the package plug_broken .*nothing_of_that_name"):
        planets.get("vulcan")
    assert planets.get("mars") == "red"
    with pytest.raises(PlugInError):
        planets.get("vulcan")


def test_an_unknown_name_suggests_the_nearest_of_all(planets: Registry[str]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'mars'"):
        planets.get("marz")


def test_a_name_is_taken_once(planets: Registry[str]) -> None:
    planets.add("earth", planets.get("earth"))
    with pytest.raises(NameTakenError):
        planets.add("earth", "green")
