"""`python -m orrery.apps.constellation`: the demo of a fleet, also as it runs inside networks of its own."""

from __future__ import annotations

import argparse
import sys

from orrery import OrreryError
from orrery.apps.constellation.command import main
from orrery.errors import RequestError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m orrery.apps.constellation", description="Run the demo of a fleet.")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--store", metavar="URL", help="where runs are kept; $ORRERY_STORE, else .orrery/runs.db")
    parser.add_argument("--spare", action="store_true", help="kill no device")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    try:
        sys.exit(main(as_json=given.json, store=given.store, spare=given.spare))
    except OrreryError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, RequestError) else 1)
