"""Training of task heads, with a frozen or a trained encoder."""
