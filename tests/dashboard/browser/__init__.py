"""The dashboard in a real browser: the page that is shipped, a real server, real runs, and what their logs say."""
