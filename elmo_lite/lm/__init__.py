"""Language model evaluation: perplexity."""
