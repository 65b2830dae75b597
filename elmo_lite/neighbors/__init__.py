"""Occurrences of words in a text, and those whose contextual vectors are nearest: an index, a search and a picture."""
