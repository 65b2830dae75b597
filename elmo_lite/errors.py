"""Errors that name what was expected, what was found, and where."""


class ElmoLiteError(ValueError):
    """A mistake in the input of this library; the command line prints it as one line."""


class ConfigError(ElmoLiteError):
    """A setting is unknown, of the wrong type or impossible."""


class CorpusError(ElmoLiteError):
    """Text or a corpus directory cannot be used as it is."""


class CheckpointError(ElmoLiteError):
    """A saved model cannot be read, or does not fit its configuration."""


class TrainingError(ElmoLiteError):
    """Training cannot go on; the last saved state is kept."""
