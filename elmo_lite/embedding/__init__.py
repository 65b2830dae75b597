"""Contextual vectors of sentences, and files of vectors."""
