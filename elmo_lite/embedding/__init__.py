"""Sentences to contextual vectors, and to files of them."""
