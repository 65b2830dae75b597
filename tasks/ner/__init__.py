"""Named entity recognition: words or text in, entities out.

    from tasks.ner import NerConfig, NerTagger, train

    train(NerConfig(encoder="my_run/model"), "train.conll", "dev.conll", "my_tagger")
    NerTagger.from_pretrained("my_tagger").predict(["Anna works at Siemens in Munich ."])

The names are imported at once, not lazily: a submodule has the name of the function ``train``, and whichever of them
came last would be what others get. Lightning, seqeval and datasets are still loaded only by what needs them.
"""

from tasks.ner.config import NerConfig
from tasks.ner.data import TaggedData, TaggedSentence, read_tagged
from tasks.ner.tagger import NerTagger, Span
from tasks.ner.train import evaluate, train

__all__ = ["NerConfig", "NerTagger", "Span", "TaggedData", "TaggedSentence", "evaluate", "read_tagged", "train"]
