"""The guide to MCP servers: its settings can be read, and its table has them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orrery.tools.mcp_settings import Server, ToolSettings, servers

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "mcp.md").read_text(encoding="utf-8")


def test_the_settings_of_the_guide_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    path = tmp_path / "mcp.toml"
    path.write_text(block)
    monkeypatch.setenv("ORRERY_MCP", str(path))
    found = servers()
    assert found["weather"].tools["forecast"].effects == "idempotent"
    assert (found["library"].url, found["library"].trust_hints) == ("http://127.0.0.1:8000/mcp", True)


def test_the_table_has_every_setting() -> None:
    told = set(re.findall(r"`(\w+)", "".join(re.findall(r"^\| (`.*?) \|.*?\|", GUIDE, re.MULTILINE))))
    assert set(Server.__struct_fields__) <= told
    assert set(ToolSettings.__struct_fields__) <= set(re.findall(r"`(\w+)`", GUIDE))
