"""`python -m orrery.bench NAME [options]`."""

from __future__ import annotations

import sys

from orrery.bench.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
