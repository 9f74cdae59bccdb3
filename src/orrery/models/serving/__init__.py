"""How a model server spends its time: reading prompts, keeping their beginnings, writing answers.

Plain arithmetic; the clock comes in. The simulated server sends its tokens by it, and `cost` reckons with it.
"""

from orrery.models.serving.timing import INSTANT, PrefixCache, Timing

__all__ = ["INSTANT", "PrefixCache", "Timing"]
