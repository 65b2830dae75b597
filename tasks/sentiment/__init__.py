"""Sentiment, or any one label a text: readers, two heads, training, prediction."""
