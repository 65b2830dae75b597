"""A saved model as a language model: scores of words, next words, blanks and text."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator

import torch

from elmo_lite.embedding.description import described
from elmo_lite.embedding.sentences import Sentence, checked_sentences
from elmo_lite.embedding.word_vectors import WordVectors
from elmo_lite.errors import CheckpointError, ConfigError, require, require_seed
from elmo_lite.hardware import move
from elmo_lite.lm.generation import GeneratedText, continuations
from elmo_lite.lm.next_words import Candidate, around_blank, filler_log_probabilities, most_probable
from elmo_lite.lm.predictor import Predictor
from elmo_lite.lm.sampling import Sampling
from elmo_lite.lm.spelling_shares import SpellingShares
from elmo_lite.lm.stream_scorer import StreamScorer
from elmo_lite.lm.word_scores import OOV, OOV_MEANS, SentenceScore, score_sentences
from elmo_lite.nn.bilm import DIRECTIONS, BiLM, Direction
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.checkpoint import load_model
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import UNKNOWN_CLASS, Vocabulary

CACHE_WORDS, _WORDS_AT_A_TIME = 65536, 16
"""Numbers of words whose token vectors are kept, and computed at a time: few are new at each step of generation."""


class LanguageModel:
    """A forward and a backward language model, from zero states in each sentence, and the classes that they predict.

    Words that are read need no class: the model reads their characters.

    Examples:
        >>> lm = LanguageModel.from_pretrained("en")
        >>> lm.next_words("the students opened their", top_k=3)
        >>> lm.fill("They ___ on the bank of the river.", top_k=3)
        >>> print(lm.generate("The city", num_words=30, seed=1)[0].text)
    """

    def __init__(self, bilm: BiLM, head: LMHead, vocabulary: Vocabulary, tokenization: Tokenization) -> None:
        """Wrap an encoder and its head on one device. They are not copied; the encoder is put into evaluation mode.

        Raises:
            CheckpointError: The head has not one row per class, or there is no class of a word.
        """
        if len(vocabulary) != head.num_classes or len(vocabulary) <= UNKNOWN_CLASS + 1:
            raise CheckpointError(
                f"language model: expected one class per head row, a word among them, "
                f"found {head.num_classes} rows and {len(vocabulary)} classes"
            )
        self.bilm, self.head, self.vocabulary, self.tokenization = bilm.eval(), head, vocabulary, tokenization
        self.name = ""  # path or name that it was loaded from
        self._words = WordVectors(bilm, CACHE_WORDS, _WORDS_AT_A_TIME)

    def __repr__(self) -> str:
        """Name, sizes and settings in one line."""
        return described(self, self.name, self.bilm, self.tokenization, self.vocabulary)

    @classmethod
    def from_pretrained(
        cls, path_or_name: str | os.PathLike[str], device: str | torch.device = "cpu", revision: str | None = None
    ) -> LanguageModel:
        """Load a saved model with its language model head.

        Args:
            path_or_name: Saved model directory, name of a packaged model such as ``en``, or hub name, in this order.
            device: Device to run on.
            revision: Branch, tag or commit on the hub.

        Raises:
            CheckpointError: The model does not exist, is damaged, or was saved without its head.
            ConfigError: The device is unknown.
        """
        saved, name = load_model(path_or_name, with_head=None, revision=revision), os.fspath(path_or_name)
        if saved.lm_head is None or saved.vocabulary is None:
            raise CheckpointError(
                f"{name}: expected a model with its language model head, found an encoder alone; models of `elmo-lite "
                f"pretrain` have one unless `compress` left it out, and `elmo-lite pretrain --init {name} --corpus "
                "DIRECTORY` trains one"
            )
        for module in (saved.bilm, saved.lm_head):
            move(module.requires_grad_(False), device)
        model = cls(saved.bilm, saved.lm_head, saved.vocabulary, saved.tokenization)
        model.name = name
        return model

    def score(
        self, sentences: Iterable[Sentence], oov: OOV = "unk", shares: SpellingShares | None = None
    ) -> list[SentenceScore]:
        """Compute the log probabilities of the words of sentences, in nats, by both directions.

        Args:
            sentences: Iterable of sentences, each a list of words or a string to tokenise.
            oov: What to score in the place of words outside of the vocabulary: "unk", the unknown class; "skip",
                nothing; "spread", the share of their spelling.
            shares: Shares of the unknown class, from ``SpellingShares.from_corpus``; for "spread" alone.

        Returns:
            One score per sentence.

        Raises:
            CorpusError: A word or a sentence, named in the message, is of the wrong type.
            ConfigError: ``oov`` is unknown, or does not agree with ``shares``.
        """
        return list(self.score_iter(sentences, oov, shares))

    def score_iter(
        self,
        sentences: Iterable[Sentence],
        oov: OOV = "unk",
        shares: SpellingShares | None = None,
        on_progress: Callable[[int], object] = lambda number: None,
    ) -> Iterator[SentenceScore]:
        """Lazy version of ``score``, in bounded memory; ``on_progress`` is told the numbers of predictions made."""
        require(oov in OOV_MEANS, "oov", f"one of {', '.join(OOV_MEANS)}", oov)
        if (oov == "spread") != (shares is not None):
            raise ConfigError("shares: expected shares of spellings with oov spread, and only then")
        checked = checked_sentences(sentences, self.tokenization.words)
        scorer = StreamScorer(self.bilm, self.head, self._words)
        return score_sentences(scorer, self.vocabulary, checked, oov=oov, shares=shares, on_progress=on_progress)

    def next_words(self, prompt: Sentence, top_k: int | None = 10, direction: Direction = "forward") -> list[Candidate]:
        """The most probable words after a text, or before it.

        Args:
            prompt: List of words, or a string to tokenise, of which the last (backward: the first) sentence counts. An
                empty one asks for the words that begin (backward: end) a sentence.
            top_k: Number of classes, 1 or more. None means all, whose probabilities add up to 1.
            direction: "forward" for the word after the prompt, "backward" for the one before it.

        Returns:
            Classes and their probabilities, most probable first. The boundary ``</S>`` and the unknown word ``<unk>``
            are classes like any other.

        Raises:
            CorpusError: A word is of the wrong type.
            ConfigError: ``top_k`` or the direction is out of range.
        """
        require(top_k is None or top_k >= 1, "top_k", "1 or more", top_k)
        sentences = self.sentences_of(prompt)
        with torch.inference_mode():
            logits, _ = self._predictor(direction).read(sentences[-1:] if direction == "forward" else sentences[:1])
            return most_probable(logits[0].cpu().double().log_softmax(dim=0), self.vocabulary, top_k)

    def fill(self, sentence: Sentence, top_k: int | None = 10) -> list[Candidate]:
        """The most probable words in a blank, by both directions together.

        Args:
            sentence: List of words, or a string to tokenise, with one word ``___``. Other sentences do not count.
            top_k: Number of classes, 1 or more. None means all, whose probabilities add up to 1.

        Returns:
            Classes and their probabilities by ``next_words.filler_log_probabilities``, most probable first; that of the
            boundary is 0.

        Raises:
            CorpusError: A word is of the wrong type.
            ConfigError: There is no blank or more than one, or ``top_k`` is out of range.
        """
        require(top_k is None or top_k >= 1, "top_k", "1 or more", top_k)
        before, after = around_blank(self.sentences_of(sentence))
        with torch.inference_mode():
            forward, _ = self._predictor("forward").read([before])
            backward, _ = self._predictor("backward").read([after])
            found = filler_log_probabilities(forward[0], backward[0], self.head.bias)
            return most_probable(found, self.vocabulary, top_k)

    def generate(
        self,
        prompt: Sentence = "",
        num_words: int = 50,
        *,
        num_samples: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        direction: Direction = "forward",
        unknown: bool = False,
        stateful: bool = False,
        on_word: Callable[[int, str | None], object] = lambda sample, word: None,
    ) -> list[GeneratedText]:
        """Write text by repeated sampling from ``next_words``.

        A boundary ends a sentence, and the next one begins as in training: from zero states, whatever came before. A
        sentence has a word at least.

        Args:
            prompt: List of words, or a string to tokenise, that the text continues (backward: that it leads to). An
                empty one begins (backward: ends) a sentence.
            num_words: Number of words to write, 1 or more.
            num_samples: Number of texts, 1 or more. The words of a text do not depend on how many there are.
            temperature: Divides the logits, 0 or more: below 1 the text is more usual, above 1 less; 0 always takes the
                most probable class.
            top_k: Number of most probable classes to draw from, 1 or more. Defaults to all.
            top_p: Probability, in (0, 1], of the smallest set of most probable classes to draw from. Defaults to all.
            seed: Random seed. Defaults to another one at each call.
            direction: "forward" writes after the prompt, "backward" before it, from the last word to the first.
            unknown: Whether the unknown word, ``<unk>``, may be drawn. Defaults to False.
            stateful: Whether states are carried over sentences, as in training on windows. Defaults to False.
            on_word: Called with sample and word for each word as it is drawn, and with None at the end of a sentence.

        Returns:
            The texts.

        Raises:
            CorpusError: A word is of the wrong type.
            ConfigError: A setting is out of range.
        """
        for name, number in (("num_words", num_words), ("num_samples", num_samples)):
            require(number >= 1, name, "1 or more", number)
        seed = secrets.randbits(32) if seed is None else seed
        require_seed("seed", seed)
        sentences = self.sentences_of(prompt)
        events = continuations(
            self._predictor(direction), self.vocabulary, sentences, num_words=num_words, num_samples=num_samples,
            sampling=Sampling(temperature=temperature, top_k=top_k, top_p=top_p), seed=seed, unknown=unknown,
            stateful=stateful,
        )  # fmt: skip
        texts = [GeneratedText(sentences, direction) for _ in range(num_samples)]
        for sample, word in events:
            texts[sample].words.append(word)
            on_word(sample, word)
        return texts

    def sentences_of(self, prompt: Sentence) -> list[list[str]]:
        """The sentences of a prompt, at least one: those of a string, or a list of words as it is.

        Raises:
            CorpusError: A word is of the wrong type.
        """
        if isinstance(prompt, str):
            return self.tokenization.sentences(prompt) or [[]]
        return list(checked_sentences([prompt], self.tokenization.words))

    def unknown_words(self, words: Iterable[str]) -> list[str]:
        """The distinct words without a class, in order; they are read by their characters and never predicted."""
        return [word for word in dict.fromkeys(words) if self.vocabulary.class_of(word) == UNKNOWN_CLASS]

    def _predictor(self, direction: Direction) -> Predictor:
        require(direction in DIRECTIONS, "direction", " or ".join(DIRECTIONS), direction)
        return Predictor(self.bilm, self.head, self._words, direction)
