"""Where customers live: placement, ownership, supervision, bootstrap."""
