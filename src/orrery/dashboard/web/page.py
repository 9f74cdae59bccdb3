"""The page: the files that `make ui` built into the package, as far as they are there."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from orrery.dashboard.web.notice import notice

FOLDER = Path(__file__).parents[1] / "page"
_FOR_EVER = "public, max-age=31536000, immutable"
"""Of files whose names change with what is in them."""


def page_routes(folder: Path | None = None) -> list[Route]:
    """The routes of the page. Each file is looked for anew, so that one that is built meanwhile is shown.

    Args:
        folder: of the built page; where `make ui` puts it unless given.
    """
    folder = folder or FOLDER

    async def index(_request: Request) -> Response:
        if (folder / "index.html").is_file():
            return FileResponse(folder / "index.html", media_type="text/html", headers={"Cache-Control": "no-cache"})
        return notice(
            503,
            "The page has not been built",
            "The dashboard runs and its API answers, but this checkout has no page yet. Build it, which needs Node:",
            command="make ui",
            after="An installed Orrery has it. Scripts can use /api meanwhile; /api/openapi.json describes it.",
            again="/",
        )

    async def asset(request: Request) -> Response:
        return _file(folder / "assets", request.path_params["name"], _FOR_EVER)

    async def beside(request: Request) -> Response:
        return _file(folder, request.path_params["name"], "no-cache")

    return [Route("/", index), Route("/assets/{name}", asset), Route("/{name}", beside)]


def _file(folder: Path, name: str, caching: str) -> Response:
    """A file of a folder, by a name that has no other folder in it. Raises HTTPException."""
    if name.startswith(".") or "%" in name or "\\" in name or not name.isprintable() or not (folder / name).is_file():
        raise HTTPException(404)
    media = mimetypes.guess_type(name)[0] or "application/octet-stream"
    media = "text/javascript" if name.endswith(".js") else media
    return FileResponse(folder / name, media_type=media, headers={"Cache-Control": caching})


__all__ = ["page_routes"]
