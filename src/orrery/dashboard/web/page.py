"""The page: the files that `make ui` built into the package, as far as they are there."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orrery.dashboard.web.notice import notice

FOLDER = Path(__file__).parents[1] / "page"
_FOR_EVER = "public, max-age=31536000, immutable"
"""Of files whose names change with what is in them."""


def page_routes(folder: Path | None = None) -> list[Route]:
    """The routes of the page. Each file is read anew, so that one that is built meanwhile is shown.

    Args:
        folder: where its files are; None: in the package.
    """
    folder = folder or FOLDER

    def index(_request: Request) -> Response:
        if (content := _content(folder / "index.html")) is not None:
            return Response(content, media_type="text/html", headers={"Cache-Control": "no-cache"})
        return notice(
            503,
            "The page has not been built",
            "The dashboard runs and its API answers, but this checkout has no page yet. Build it, which needs Node:",
            command="make ui",
            after="An installed Orrery has it. Scripts can use /api meanwhile; /api/openapi.json describes it.",
            again="/",
        )

    def asset(request: Request) -> Response:
        return _file(folder / "assets", request.path_params["name"], _FOR_EVER)

    def beside(request: Request) -> Response:
        return _file(folder, request.path_params["name"], "no-cache")

    return [Route("/", index), Route("/assets/{name}", asset), Route("/{name}", beside)]


def _file(folder: Path, name: str, caching: str) -> Response:
    """A file of a folder, by a name that has no other folder in it. Raises HTTPException."""
    is_plain = not name.startswith(".") and "%" not in name and "\\" not in name and name.isprintable()
    if not is_plain or (content := _content(folder / name)) is None:
        raise HTTPException(404)
    media = mimetypes.guess_type(name)[0] or "application/octet-stream"
    media = "text/javascript" if name.endswith(".js") else media
    return Response(content, media_type=media, headers={"Cache-Control": caching})


def _content(path: Path) -> bytes | None:
    """What is in a file; None where there is none, or none any more: the page may be built anew at this moment."""
    try:
        return path.read_bytes()
    except OSError:
        return None


__all__ = ["page_routes"]
