"""Any model, one form: requests and replies over pydantic-ai's providers, prices, limits, and a simulated server.

What needs `orrery[models]` is imported when a model is used. May import `graph`, `registry` and `errors`.
"""

from orrery.models.request import Offer, Reply, Request, Spent

__all__ = ["Offer", "Reply", "Request", "Spent"]
