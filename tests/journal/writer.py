"""A process that appends for ever and says after each append which event is safe: `writer.py FILE DURABILITY`."""

from __future__ import annotations

import os
import sys
from typing import cast

from orrery.journal.protocol import Durability
from orrery.journal.sqlite import SqliteJournal
from orrery.testing.journals import append, started

path, durability = sys.argv[1:]
journal = SqliteJournal(path, durability=cast("Durability", durability))
lease = journal.create("r", 0.0)
last = 0
while True:
    count = last % 5 + 1  # groups of one to five events
    append(journal, (lease, started(last + 1, last + count)))
    last += count
    os.write(1, b"%d\n" % last)
