"""Dashboard: what a run of 10,000 tasks asks of the page, of its server, and of the run that is looked at.

The run, the dashboard (`orrery ui`) and the browser are processes of their own, as users have them; the bench speaks
HTTP with the one and drives the other. What needs a page is left out, with the reason, where there is none.
"""
