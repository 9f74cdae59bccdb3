"""The planner that needs no model: an imperative request, read by a grammar, becomes a graph of ordinary tasks.

Tokens (`lexer`), clauses (`clauses`), phrases into the slots of a frame (`reader`, `read_*`), frames
into tasks (`sources`, `refine`, `charts`, `deeds`, `other_tools`). Words are data (`vocabulary`). It says what it did
not understand, and never guesses an effect. Not for open questions: those need a model.
"""

from orrery.planners.rules.planner import Reading, RulesPlanner, understand

__all__ = ["Reading", "RulesPlanner", "understand"]
