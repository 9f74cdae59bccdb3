"""Notes that outlast a conversation: kept for a run or for a user in one small file, recalled by what they are about.

What is recalled was written by somebody at some time: it is data, labelled untrusted, and never an instruction. May
import `models` (its embedding) and below; knows nothing of tools, whose two memory tools live with the agents.
"""

from orrery.memory.notes import USER, Memory, Note, Recalled, of_run

__all__ = ["USER", "Memory", "Note", "Recalled", "of_run"]
