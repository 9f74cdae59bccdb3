"""Graph to graph: the same results, sooner or cheaper. One pass a module, named by verb and object.

A pass sees a graph and a cost model, and nothing else: no clock, no chance, no network. Passes do not import each
other. Third parties register theirs by the entry points `orrery.passes`.
"""

from __future__ import annotations

from orrery.passes.rewritten import Note, Pass, Rewritten
from orrery.registry import Registry

passes: Registry[Pass] = Registry("pass", group="orrery.passes")
"""Passes by name."""

__all__ = ["Note", "Pass", "Rewritten", "passes"]
