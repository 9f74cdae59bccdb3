"""The twin of the page in a terminal: rows of the same spectator, for whoever is at the other end of a line.

Needs the extra `watch`. `outline` and `drawing` decide what stands on a line, without a terminal; `tree`, `dialogs` and
`app` put it on one. May import everything of the dashboard but `web`.
"""
