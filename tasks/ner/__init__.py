"""Named entity recognition: words or text in, entities out."""
