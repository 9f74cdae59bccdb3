"""The last task of a batch: did every row succeed?"""

from __future__ import annotations

from typing import Any

from orrery.errors import RowsFailedError


def every_row(rows: dict[str, Any]) -> bool:
    """True. Raises RowsFailedError if a row did not succeed, with the first reasons."""
    total, succeeded = rows["total"], rows["succeeded"]
    if succeeded == total:
        return True
    parts = [f"{rows['failed']:,} of {total:,} rows failed"] if rows["failed"] else []
    if missing := total - succeeded - rows["failed"]:
        parts.append(f"{missing:,} of {total:,} rows were not finished")
    said = "; ".join(f"row {one['row']:,}: {one['error']}" for one in rows["errors"][:2])
    why = f": {rows['stopped']}" if rows.get("stopped") else f", such as {said}" if said else ""
    raise RowsFailedError(f"{', '.join(parts)}{why}; {rows['results']} has the result of each")
