"""A corpus to a saved model: training, resuming, measuring."""
