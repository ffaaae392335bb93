"""The nouns of the project; standard library only."""
