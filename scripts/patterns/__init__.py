"""How well the patterns of `actors.patterns` do on real households."""
