"""The paper's network: character ids to layers and to a loss; plain numbers in, no files."""
