"""Training of a head, with its encoder frozen or along with it."""
