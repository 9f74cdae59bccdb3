"""Where: on which devices of a fleet something is done or lies, as a request says it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from orrery.graph import Place
from orrery.planners.rules.vocabulary import words

NOUNS = words("device server host machine node computer box worker board workstation")
"""What people call a device."""
Preposition = Literal["on", "from", "to", "of"]


@dataclass(frozen=True)
class Where:
    """A place that a request names: this machine, devices by their names, or whichever device fits.

    Args:
        names: of devices; with `fits` one of them, without it all of them.
        skills: what the device must say of itself, where any that `fits` will do.
        os: which system it must run, likewise.
        fits: any one device that fits is meant.
        every: it was said of each of them, so that each has a result of its own.
        together: it was said of all of them as one.
        asked: it is asked which of them it is.
        by: the preposition that led to it.
        said: the words.
    """

    names: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    os: str = ""
    fits: bool = False
    every: bool = False
    together: bool = False
    asked: bool = False
    by: Preposition = "on"
    said: str = ""

    @property
    def is_here(self) -> bool:
        """Whether it is this machine."""
        return not self.names and not self.fits

    @property
    def is_several(self) -> bool:
        """Whether something is done on several devices."""
        return not self.fits and (len(self.names) > 1 or ((self.every or self.asked) and bool(self.names)))

    @property
    def device(self) -> str:
        """The one device that it is; empty where it is none, or several."""
        return self.names[0] if len(self.names) == 1 and not self.fits else ""

    def only(self, name: str) -> Where:
        """One of its devices."""
        return replace(self, names=(name,), every=False, together=False, asked=False)

    def same(self, other: Where) -> bool:
        """Whether another phrase names the same devices."""
        return (self.names, self.skills, self.os, self.fits) == (other.names, other.skills, other.os, other.fits)

    def place(self) -> Place | None:
        """The place of a task; None for this machine."""
        return None if self.is_here else Place(on=self.names, skills=self.skills, os=self.os)

    def __str__(self) -> str:
        if self.is_here:
            return "here"
        if self.fits:
            return f"on {' or '.join(self.names)}" if self.names else "on whichever device fits"
        return f"on {' and '.join(self.names)}"


HERE = Where()
