"""What people and scripts are told of a run: values and events as lines and as JSON, and a graph as text to change.

It decides nothing and writes nothing. Whoever shows a run imports it: the command line and the dashboard.
"""
