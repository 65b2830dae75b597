"""The published ELMo format, known here alone."""
