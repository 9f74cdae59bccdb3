"""Notices: small pages that stand by themselves, for when the page cannot be shown."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;"
    "padding:0 1.5rem}h1{font-size:1.4rem}code{font:14px ui-monospace,monospace;border:1px solid;border-radius:4px;"
    "padding:.4rem .6rem;display:inline-block}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def notice(status: int, title: str, text: str, *, command: str, after: str = "", again: str = "") -> HTMLResponse:
    """A page that says one thing.

    Args:
        command: what a person should type; `after` is said below it.
        again: an address to try afterwards.
    """
    link = f'<p><a href="{escape(again)}">Try again</a></p>' if again else ""
    below = f"<p>{escape(after)}</p>" if after else ""
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><title>{escape(title)} - Orrery</title><style>{_STYLE}</style>'
        f"</head><body><main><h1>{escape(title)}</h1><p>{escape(text)}</p><p><code>{escape(command)}</code></p>"
        f"{below}{link}</main></body></html>"
    )
    return HTMLResponse(body, status, {"Content-Security-Policy": _POLICY})
