"""All of elmo_lite on text that Python carries (``elmo-lite quickstart``)."""
