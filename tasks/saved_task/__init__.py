"""Saving and loading of trained task models; no other module knows the layout of their directory."""
