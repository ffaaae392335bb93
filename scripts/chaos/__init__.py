"""`righttime chaos`: a load, faults, and a checker that reads what is left."""
