"""Small labelled samples, written by hand for this package and under its licence; for first trials, not for benchmarks.

``ner_{train,dev,test}.iob2``: sentences with people, organisations and places. A comment ``# text = ...`` holds the
original sentence. Each line below it holds the number of a word, the word as tokenised by this package, and its IOB2
tag (PER, ORG, LOC), separated by tabs. A blank line ends the sentence. No word of a name in dev or test occurs in a
name in train, except words such as "of", so that a head that only memorises names finds none. Some words are names in
one sentence and common words in another.

``sentiment_{train,dev,test}.tsv``: a header, then lines with a short text, a tab, and negative or positive. Both labels
are equally frequent.
"""
