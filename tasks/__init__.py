"""Task models over frozen elmo_lite encoders; they use only the public names of ``elmo_lite``."""
