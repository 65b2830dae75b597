"""The directory of a trained task model, known here alone."""
