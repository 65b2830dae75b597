"""Small labelled samples, written by hand for this package and under its licence: to try a head on, not to compare by.

``ner_{train,dev,test}.iob2``: sentences with people, organisations and places. A comment ``# text = ...`` holds the
sentence as it was written; each line below is a word's number, the word as the package's tokeniser finds it, and its
tag in IOB2 (PER, ORG, LOC), with tabs between; a blank line ends the sentence. No word of a name in dev or test, but
"of" and its like, stands in a name in train, so that a head that only remembers names finds nothing there; some words
are names in one sentence and common words in another. ``sentiment_{train,dev,test}.tsv``: a header, then a short text,
a tab, and negative or positive, as many of each.
"""
