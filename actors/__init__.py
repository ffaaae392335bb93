"""What a customer is and does. Importing it does not import ray."""

from actors import compiled

compiled.install()
