"""What must not happen: rules that may refuse."""
