"""`python -m orrery.apps.observatory`, for an installation without the command line's extra."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from orrery import OrreryError
from orrery.apps.observatory.command import main
from orrery.errors import RequestError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m orrery.apps.observatory", description="Run Orrery's demo.")
    parser.add_argument("--crash", action="store_true", help="kill this process half-way; the next demo goes on")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--store", metavar="URL", help="where runs are kept; $ORRERY_STORE, else .orrery/runs.db")
    parser.add_argument("--folder", type=Path, help="where the report goes; else .orrery/demo/RUN")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    try:
        sys.exit(main(crash=given.crash, as_json=given.json, store=given.store, folder=given.folder))
    except OrreryError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, RequestError) else 1)
