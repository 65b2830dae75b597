"""Language models of growing strength on one text, from n-grams to the biLM (``elmo-lite ladder``)."""
