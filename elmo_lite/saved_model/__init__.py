"""The saved model directory, known here alone."""
