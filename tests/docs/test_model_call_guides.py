"""The guides of the passes over calls to models: their code prints what they say it prints."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


@pytest.mark.parametrize("name", ["fold-conversation", "choose-model", "allocate-effort"])
def test_the_guides_code_prints_what_it_says(name: str) -> None:
    text = (GUIDES / f"{name}.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert shown
    names: dict[str, Any] = {}
    for code, wanted in shown:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"{name}.md", "exec"), names)
        assert printed.getvalue() == wanted
