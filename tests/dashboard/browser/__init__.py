"""The dashboard in a real browser: the page that is shipped, a real server, real runs, and the log that has the last word."""
