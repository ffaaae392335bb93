"""The demo: a year of real households, replayed through the HTTP front door."""
