"""Demonstration of elmo_lite on text that comes with Python (``elmo-lite quickstart``)."""
