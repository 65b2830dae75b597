"""One HTML page that shows what runs have left: curves, scores, errors, settings, commands. It reads run files only."""
