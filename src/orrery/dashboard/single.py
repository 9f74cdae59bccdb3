"""A run as one HTML file: the page, its style and the data together, to be opened from a disk without a network.

Nothing in the file can be run but the page itself: its policy allows one script and one style sheet, by their hashes.
Nothing is fetched.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path

import msgspec

from orrery.dashboard.weighed import Exported
from orrery.errors import PageNotBuiltError

FOLDER = Path(__file__).parent / "page"
ELEMENT = "orrery-run"
"""The id of the element that has the data."""


def html_of(found: Exported, folder: Path | None = None) -> bytes:
    """The file. Raises PageNotBuiltError.

    Args:
        folder: of the built page; where `make ui` puts it unless given.
    """
    script, style = _built(folder or FOLDER)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data: blob:",
            "worker-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    data = msgspec.json.encode(found).replace(b"<", b"\\u003c").decode()  # so that no text of a run ends the element
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(found.change.head.run)}</title>
<style>{style}</style>
</head>
<body>
<div id="app"></div>
<script type="application/json" id="{ELEMENT}">{data}</script>
<script type="module">{script}</script>
</body>
</html>
""".encode()


def _built(folder: Path) -> tuple[str, str]:
    """The page's script and style, fit to stand in a document."""
    try:
        script = (folder / "single.js").read_text(encoding="utf-8")
        style = (folder / "single.css").read_text(encoding="utf-8")
    except OSError as error:
        raise PageNotBuiltError(
            "the page of the dashboard has not been built here; `make ui` builds it, which needs Node 20 or newer"
        ) from error
    # Inside strings, where alone these stand in a script, the escaped forms mean the same.
    script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return script, style.replace("</", "<\\/")


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


__all__ = ["html_of"]
