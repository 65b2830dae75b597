"""Corpus directories and training batches."""
