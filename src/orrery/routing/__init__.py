"""From candidates to a choice with its reason: ways through a graph of tools, and their health.

Pure: health is told, time comes in. Imports graph, cost and below.
"""
