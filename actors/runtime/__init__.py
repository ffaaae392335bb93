"""Where turns run: many customers in one host, hosts in Ray actors."""
