"""The corpus directory, and its batches."""
