"""What a task's head reads: words as vectors of its own, and the encoder's layers."""
