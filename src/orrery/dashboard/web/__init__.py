"""The dashboard behind HTTP: endpoints, who may call them, the stream of changes, and the page.

Needs the extra `ui`. An endpoint is a Python function; what it takes and answers are structs, of which the OpenAPI
document and the page's TypeScript types are made.
"""
