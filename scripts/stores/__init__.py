"""What `righttime store` does: check, migrate, move, back up and restore."""
