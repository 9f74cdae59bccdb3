"""Agents: tasks that grow, turn by turn, from a goal to an answer.

One turn is two tasks: the call of a model, and the decision on its reply, which answers or grows into the tools that
were asked for and the next turn. May import `workflow`, `tools`, `memory`, `models`, `graph`, `registry` and `errors`.
"""
