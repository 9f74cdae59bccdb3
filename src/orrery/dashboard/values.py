"""Values of a run as they are shown: as text, Markdown, a table, an image or JSON, and the whole of one as bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from orrery.dashboard.rows import Value
from orrery.errors import ContentError, Failure, OrreryError
from orrery.graph.values import Blob, decode
from orrery.journal import BlobStore
from orrery.telling.plain import plain, plain_failure

MOST_TEXT_CHARS = 20_000
MOST_ROWS, MOST_COLUMNS, MOST_CELL_CHARS = 200, 100, 500
MOST_JSON_CHARS, MOST_ITEMS, MOST_STRING_CHARS = 60_000, 200, 4_000
MOST_LOADED_BYTES = 8 << 20
"""Larger values are not opened to be shown; they can be fetched."""
BYTES = "application/octet-stream"
_EXACT = 1 << 53
"""From here on JavaScript does not tell whole numbers apart, so they go as text."""

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_MARKDOWN_NAMES = frozenset({"markdown", "md", "readme"})
_MARKDOWN = re.compile(
    r"^(?:#{1,6} \S|```|~~~|[-*] \S|\d+\. \S|> \S|\|.+\|$)|\*\*\S[^*\n]*\*\*|\[[^\]\n]+\]\(\S+\)", re.MULTILINE
)
_HEADING = re.compile(r"^(?:#{1,6} \S|```)", re.MULTILINE)


class Whole(NamedTuple):
    """A whole value as bytes: their media type, and the name under which they are kept."""

    content: bytes
    media: str
    filename: str


def image_media(data: bytes) -> str:
    """The media type of an image by its first bytes; empty for anything else. SVG is none: it can hold programs."""
    for magic, media in _MAGIC:
        if data.startswith(magic):
            return media
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def value_of(value: Any, blobs: BlobStore, *, name: str = "", size_bytes: int = 0) -> Value:
    """A value as it is shown, its beginning where it is long.

    Args:
        blobs: where the large ones are.
        name: what it is called, which may say that it is Markdown.
        size_bytes: how long it is as it is stored.
    """
    match value:
        case None:
            return Value("none")
        case Failure():
            shown, _ = _Clip(MOST_JSON_CHARS).clipped(plain_failure(value))
            return Value("error", text=str(value)[:MOST_TEXT_CHARS], json=shown)
        case Blob():
            return _of_blob(value, blobs, name)
        case bytes():
            media = image_media(value)
            return Value("image" if media else "bytes", media=media or BYTES, size_bytes=len(value))
        case str():
            kind = "markdown" if _is_markdown(value, name) else "text"
            size = size_bytes or len(value.encode("utf-8", "replace"))
            return Value(kind, text=value[:MOST_TEXT_CHARS], size_bytes=size, cut=len(value) > MOST_TEXT_CHARS)
    table = _table(value)
    if table is not None:
        columns, rows, total = table
        (names,), named_short = _cells([columns], MOST_COLUMNS)
        cells, cut = _cells(rows, len(names))
        cut = cut or named_short or total > MOST_ROWS or len(columns) > MOST_COLUMNS
        return Value("table", columns=names, rows=cells, total=total, size_bytes=size_bytes, cut=cut)
    shown, cut = _Clip(MOST_JSON_CHARS).clipped(value)
    return Value("json", json=shown, size_bytes=size_bytes, cut=cut)


def load(blob: Blob, blobs: BlobStore) -> Any:
    """A value that is kept as a blob. Raises ContentError where it is too large to be shown."""
    if blob.size_bytes > MOST_LOADED_BYTES:
        raise ContentError(f"the value is too large to be shown: {blob.size_bytes} bytes; fetch it instead")
    return decode(blobs.get(blob))


def whole(value: Any, blobs: BlobStore, name: str) -> Whole:
    """All of a value as bytes, images and texts as they are, everything else as JSON.

    Raises: CorruptionError, StoreError: it is kept as a blob that cannot be read.
    """
    if isinstance(value, Blob):
        data = blobs.get(value)
        if value.media == "value":
            return whole(decode(data), blobs, name)
        return _named(data, name, text=value.media.startswith("text/"))
    if isinstance(value, bytes):
        return _named(value, name, text=False)
    if isinstance(value, str):
        return _named(value.encode("utf-8", "replace"), name, text=True)
    return Whole(msgspec.json.encode(exact(plain(value))), "application/json", f"{name}.json")


def _named(data: bytes, name: str, *, text: bool) -> Whole:
    media = image_media(data)
    if media:
        return Whole(data, media, "")
    if text:
        return Whole(data, "text/plain; charset=utf-8", f"{name}.txt")
    return Whole(data, BYTES, f"{name}.bin")


def exact(value: Any) -> Any:
    """JSON data in which whole numbers that a page could not tell apart, or JSON not write, are text."""
    match value:
        case bool():
            return value
        case int():
            return value if -_EXACT <= value <= _EXACT else str(value)
        case dict():
            return {key: exact(inner) for key, inner in value.items()}
        case list():
            return [exact(inner) for inner in value]
    return value


def _of_blob(blob: Blob, blobs: BlobStore, name: str) -> Value:
    size = blob.size_bytes
    try:
        if blob.media == "value":
            if size > MOST_LOADED_BYTES:
                return Value("json", size_bytes=size, cut=True)
            return value_of(decode(blobs.get(blob)), blobs, name=name, size_bytes=size)
        if size > MOST_LOADED_BYTES:
            return Value("bytes", media=blob.media, size_bytes=size, cut=True)
        data = blobs.get(blob)
    except (OrreryError, msgspec.DecodeError) as error:
        return Value("error", text=str(error), size_bytes=size)
    if media := image_media(data):
        return Value("image", media=media, size_bytes=size)
    if blob.media.startswith("text/"):
        named = "markdown" if blob.media == "text/markdown" else name
        return value_of(data.decode("utf-8", "replace"), blobs, name=named, size_bytes=size)
    return Value("bytes", media=blob.media, size_bytes=size)


def _is_markdown(text: str, name: str) -> bool:
    """Whether a text reads better as Markdown: it is called so, or has a heading, or several other marks."""
    if name.rpartition(".")[2].lower() in _MARKDOWN_NAMES:
        return True
    beginning = text[:4000]
    if "\n" not in beginning.strip():
        return False
    marks = sum(1 for _ in _MARKDOWN.finditer(beginning))
    return marks >= 3 or (marks >= 1 and _HEADING.search(beginning) is not None)


def _table(value: Any) -> tuple[list[str], Sequence[Any], int] | None:
    """The columns of a table, its first rows, and how many there are; None for what is none.

    A table is a list of maps, a list of lists of one length, or columns and rows by these names.
    """
    if isinstance(value, dict) and value.keys() == {"columns", "rows"}:
        columns, rows = value["columns"], value["rows"]
        if isinstance(columns, list) and _are_lists(rows, len(columns)):
            return [str(column) for column in columns], rows[:MOST_ROWS], len(rows)
        return None
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(row, dict) and row for row in value):
        columns = list(dict.fromkeys(key for row in value[: 10 * MOST_ROWS] for key in row))
        if len(columns) > MOST_COLUMNS:
            return None
        rows = [[row.get(column) for column in columns] for row in value[:MOST_ROWS]]
        return [str(column) for column in columns], rows, len(value)
    width = len(value[0]) if isinstance(value[0], list) else 0
    if len(value) > 1 and width > 1 and _are_lists(value, width):
        return [str(number) for number in range(1, width + 1)], value[:MOST_ROWS], len(value)
    return None


def _are_lists(rows: Any, width: int) -> bool:
    return isinstance(rows, list) and all(isinstance(row, list) and len(row) == width for row in rows)


def _cells(rows: Sequence[Sequence[Any]], width: int) -> tuple[tuple[tuple[Any, ...], ...], bool]:
    cut = False
    shown: list[tuple[Any, ...]] = []
    for row in rows:
        cells = [_Clip(MOST_CELL_CHARS).clipped(cell) for cell in row[:width]]
        cut = cut or any(clipped for _, clipped in cells)
        shown.append(tuple(cell for cell, _ in cells))
    return tuple(shown), cut


class _Clip:
    """Writes the beginning of a value as JSON data, at most about so many characters of it."""

    def __init__(self, chars: int) -> None:
        self.left = chars
        self.cut = False

    def clipped(self, value: Any) -> tuple[Any, bool]:
        """The beginning, and whether there is more."""
        return self._part(value), self.cut

    def _part(self, value: Any) -> Any:
        match value:
            case str():
                most = max(0, min(self.left, MOST_STRING_CHARS))
                self.left -= len(value)
                if len(value) <= most:
                    return value
                self.cut = True
                return value[:most] + "\u2026"
            case dict():
                pairs: dict[str, Any] = {}
                for key, inner in value.items():
                    if self.left <= 0 or len(pairs) >= MOST_ITEMS:
                        self.cut = True
                        break
                    named = self._part(key) if isinstance(key, str) else str(plain(key))
                    pairs[named] = self._part(inner)
                return pairs
            case list() | tuple():
                items: list[Any] = []
                for inner in value:
                    if self.left <= 0 or len(items) >= MOST_ITEMS:
                        self.cut = True
                        break
                    items.append(self._part(inner))
                return items
            case bytes():
                self.left -= min(len(value), 64)
                return plain(value) if len(value) <= 64 else f"<{len(value)} bytes>"
        self.left -= 8
        shown = exact(plain(value))
        return self._part(shown) if isinstance(shown, str | dict | list) else shown
