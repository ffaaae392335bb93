"""What a machine must have: facts about it, and verdicts on them."""
