"""The append-only truth of runs: the protocol of a store, the stores, and how a run is read back.

Imports the standard library, msgspec, errors, registry, graph and the scheduler's events; knows nothing of
drivers, executors or models.
"""

from orrery.journal.blobs import BlobStore, BlobWriter, FileBlobs
from orrery.journal.protocol import Durability, Journal, Lease, Request, RequestKind, RunSummary
from orrery.journal.stores import open_journal, stores

__all__ = [
    "BlobStore",
    "BlobWriter",
    "Durability",
    "FileBlobs",
    "Journal",
    "Lease",
    "Request",
    "RequestKind",
    "RunSummary",
    "open_journal",
    "stores",
]
