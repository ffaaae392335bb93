"""Jobs that fit models to what a system knows, or to files."""
