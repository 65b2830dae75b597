"""The command-line program ``elmo-lite``."""
