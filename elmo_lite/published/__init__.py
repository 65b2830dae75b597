"""Reading and writing of the published ELMo format."""
