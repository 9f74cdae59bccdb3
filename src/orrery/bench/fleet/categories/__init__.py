"""The requests of the suite: a module for each category, with its requests in EXERCISES."""
