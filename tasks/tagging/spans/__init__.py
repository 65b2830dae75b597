"""Labels as spans of characters, as annotation tools have them: texts read as tagged sentences, and entities written.

``forms`` finds out what a source is; ``records`` (doccano, Prodigy), ``label_studio``, ``brat`` and ``docbin`` read its
texts with their spans, and write them with those that a tagger found. ``offsets`` knows the units in which tools count
characters. ``alignment`` turns spans of characters into tags of words, and ``reader`` a source into tagged sentences.
``prediction`` finds the entities of whole texts, and ``writer`` writes OUTPUT in the form of INPUT.
"""
