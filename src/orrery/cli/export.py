"""`orrery show RUN --html`: a run as one file, to be opened in any browser."""

from __future__ import annotations

from pathlib import Path

from orrery.cli.screen import out, say, write_json
from orrery.dashboard.board import Board
from orrery.dashboard.export import export_of, file_name
from orrery.dashboard.single import html_of
from orrery.errors import OutsideError, RequestError
from orrery.journal import Journal
from orrery.runtime.session import store_url
from orrery.telling.plain import amount


def write_html(journal: Journal, run: str, path: Path | None, store: str | None, *, as_json: bool) -> None:
    """Write a run as one HTML file, and say where it is.

    Args:
        path: the file; one called like the run, in this folder, unless given.

    Raises:
        RequestError: the path is a folder, or the run too large.
        PageNotBuiltError: this checkout has no page yet.
        OutsideError: the file cannot be written.
    """
    path = path or Path(f"{file_name(run)}.html")
    if path.is_dir():
        raise RequestError(
            f"{str(path)!r} is a folder; name a file in it, such as {str(path / file_name(run)) + '.html'!r}"
        )
    found = export_of(Board(journal, store_url(store), Path.cwd()), run)
    content = html_of(found)
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutsideError(f"{path} cannot be written: {error.strerror}") from error
    if as_json:
        write_json({"run": run, "file": str(path), "size_bytes": len(content), "notes": list(found.notes)})
        return
    say(out(), f"{path}: {amount(len(content))}; any browser opens it, without a network")
    for note in found.notes:
        say(out(), note, "dim")
    say(out(), "it has the inputs, results and messages of the run: look at it before you send it", "dim")
