"""Text to sentences, words and bytes; without torch."""
