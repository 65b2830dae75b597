"""Layers shared by task heads."""
