"""Wholes: a value of a run, or a part of it, as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from orrery.dashboard.panel import value_at
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.values import MOST_LOADED_BYTES, Whole, whole
from orrery.errors import RequestError, UnknownNameError
from orrery.graph.values import Blob, blobs_in, decode
from orrery.scheduler.machine import Machine

_NOT_NAMES = re.compile(r"[^\w.-]+")


def whole_of(spectator: Spectator, task: str, output: str, blob: str, path: str) -> Whole:
    """The whole of what is named by exactly one of a task, an output, and the digest of a blob of the run.

    Args:
        path: a JSON Pointer to a part of it; empty for all.

    Raises: RequestError, UnknownNameError: there is no such thing in the run; StoreError.
    """
    if bool(task) + bool(output) + bool(blob) != 1:
        raise RequestError("name one of task, output and blob, and no more")
    blobs = spectator.journal.blobs
    name = _NOT_NAMES.sub("-", (task or output or f"blob-{blob[:12]}").rpartition("/")[2])[:100]
    value = _blob(spectator, blob) if blob else value_at(spectator, task=task, output=output)
    if path:
        if isinstance(value, Blob) and value.media == "value":
            value = decode(blobs.get(value))
        value = _part(value, path)
    return whole(value, blobs, name)


def _blob(spectator: Spectator, digest: str) -> Blob:
    """The blob of a digest, if the run refers to it: digests of others are no way to their bytes."""
    with spectator.lock:
        for blob in _blobs_of(spectator, digest):
            if blob.digest == digest:
                return blob
    raise UnknownNameError("blob", digest, ())


def _blobs_of(spectator: Spectator, digest: str) -> Iterator[Blob]:
    """The blobs of a run's inputs, arguments and results among which one with this digest would be."""
    machine: Machine = spectator.machine
    yield from blobs_in(machine.results.inputs)
    store, mark, kept = spectator.journal.blobs, digest.encode(), b"value"
    for record in machine.records.values():
        value = record.value
        if value is not None and mark in value:
            yield from blobs_in(decode(value))
        yield from blobs_in(record.task.args)
    for record in machine.records.values():  # and at last inside of what is itself kept as a blob
        if record.value is not None and kept in record.value[:120]:
            whole_value = decode(record.value)
            if isinstance(whole_value, Blob) and whole_value.size_bytes <= MOST_LOADED_BYTES:
                data = store.get(whole_value)
                if mark in data:
                    yield from blobs_in(decode(data))


def _part(value: Any, pointer: str) -> Any:
    """The part of a value to which a JSON Pointer (RFC 6901) leads. Raises UnknownNameError, RequestError."""
    if not pointer.startswith("/"):
        raise RequestError(f"{pointer!r} is not a JSON Pointer; one begins with a slash, such as /rows/0")
    for word in pointer[1:].split("/"):
        key = word.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdecimal() and len(key) < 10 and int(key) < len(value):
            value = value[int(key)]
        else:
            raise UnknownNameError("output", pointer, ())
    return value
