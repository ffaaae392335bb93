"""What a customer's future purchases are worth: BG/NBD and Gamma-Gamma, evaluated at read time."""
