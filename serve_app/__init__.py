"""How the world reaches a customer: the HTTP front door and the model server."""
