"""The program ``elmo-lite``."""
