"""Pretraining from a corpus to a saved model, with exact resumption."""
