"""The model as a language model: perplexity."""
