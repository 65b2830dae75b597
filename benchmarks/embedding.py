"""Embedding speed in words/s beside a plain version of the same model, in float32 and bfloat16.

    python benchmarks/embedding.py [TEXT] [--model DIR] [--batches 1 32 128] [--threads 2] [--json FILE]

TEXT has one sentence per line, with words separated by blanks. Defaults to synthetic sentences of Zipf-distributed
words. The model defaults to an untrained one of the default size (``laptop``): speed does not depend on the weights.

The plain version is the straightforward implementation: torch.nn.LSTM, padded batches in input order, the character
CNN at every position over the full width. It has the same weights, and its vectors are compared with ours. Both read
the same sentences and return one float32 array (L, T, 2D) per sentence. They alternate (A B A B ...) in one process;
figures are medians, and the cache of token vectors is cleared before every turn. "default" batches by our token
budget.

The share of peak is the speed of the operations of real positions and distinct words (no padding) divided by that of
the best matrix product measured in the same run. Plain products and products with weights packed for oneDNN are
measured, in several sizes and in the same precision.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peak import measure_peak
from torch import Tensor

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.nn.bilm import BiLM, reverse_sequences
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.nn.flops import lstm_flop, token_layer_flop
from elmo_lite.text.characters import encode_words

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Sentences = list[list[str]]


class PlainELMo(torch.nn.Module):
    """The model without optimisations, with the weights of a ``BiLM``."""

    def __init__(self, bilm: BiLM) -> None:
        """Share the weights."""
        super().__init__()
        self.bilm = bilm
        self.lstms = [
            [self._batch_first(layer.lstm) for layer in stack.layers]
            for stack in (bilm.forward_lstm, bilm.backward_lstm)
        ]

    @staticmethod
    def _batch_first(lstm: torch.nn.LSTM) -> torch.nn.LSTM:
        copy = torch.nn.LSTM(lstm.input_size, lstm.hidden_size, batch_first=True).to(lstm.weight_ih_l0.dtype)
        copy.load_state_dict(lstm.state_dict())
        return copy.eval()

    def token_vectors(self, char_ids: Tensor) -> Tensor:
        """The character CNN at every position: (B, T, C) to (B, T, D)."""
        cnn = self.bilm.char_cnn
        batch, length, width = char_ids.shape
        embedded = cnn.embedding(char_ids.view(-1, width)).transpose(1, 2)
        pooled = torch.cat([convolution(embedded).max(dim=2).values for convolution in cnn.convolutions], dim=1)
        vectors = cnn.activation(pooled)
        for highway in cnn.highways:
            vectors = highway(vectors)
        return cnn.projection(vectors).view(batch, length, -1)

    def forward(self, char_ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T + 2, C) characters with boundary tokens at both ends to layers (L, B, T, 2D)."""
        tokens = self.token_vectors(char_ids)
        words = tokens[:, 1:-1]
        halves = []
        for layers, read in ((self.lstms[0], tokens), (self.lstms[1], reverse_sequences(tokens, lengths + 2))):
            outputs = []
            current = read
            for index, lstm in enumerate(layers):
                output = lstm(current)[0]
                current = output + current if self.bilm.config.skip_connections and index else output
                outputs.append(current)
            halves.append(outputs)
        result = [torch.cat([words, words], dim=-1)]
        for ahead, back in zip(*halves, strict=True):
            result.append(torch.cat([ahead, reverse_sequences(back, lengths + 2)], dim=-1)[:, 1:-1])
        return torch.stack(result)

    @torch.inference_mode()
    def embed(self, sentences: Sentences, batch_size: int) -> Iterator[np.ndarray]:
        """Padded batches in input order."""
        width = self.bilm.config.char_cnn.max_characters
        begin, end = self.bilm.boundary_char_ids.long()
        for start in range(0, len(sentences), batch_size):
            batch = sentences[start : start + batch_size]
            lengths = torch.tensor([len(sentence) for sentence in batch])
            char_ids = torch.zeros(len(batch), int(lengths.max()) + 2, width, dtype=torch.long)
            for row, sentence in enumerate(batch):
                char_ids[row, 0], char_ids[row, len(sentence) + 1] = begin, end
                char_ids[row, 1 : len(sentence) + 1] = torch.from_numpy(encode_words(sentence, width))
            layers = self(char_ids, lengths).float()
            for row, length in enumerate(lengths.tolist()):
                yield layers[:, row, :length].numpy().copy()


def made_up_sentences(number: int, seed: int = 0) -> Sentences:
    """Words of Zipf-distributed frequency (exponent 1 over 50,000) and English length, log-normal sentence lengths."""
    random = np.random.default_rng(seed)
    lengths = np.clip(random.lognormal(2.0, 0.4, 50_000).astype(int), 1, 25)
    letters = random.integers(ord("a"), ord("z") + 1, lengths.sum()).astype(np.uint8).tobytes().decode()
    ends = np.cumsum(lengths)
    words = [letters[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    cumulative = np.cumsum(1 / np.arange(1, len(words) + 1))
    sizes = np.clip(random.lognormal(3.0, 0.6, number).astype(int), 1, 200)
    drawn = np.searchsorted(cumulative, random.random(sizes.sum()) * cumulative[-1])
    return [[words[i] for i in part] for part in np.split(drawn, np.cumsum(sizes)[:-1])]


def read_sentences(path: Path) -> Sentences:
    """Lines that are not blank."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line.strip()]


def useful_flop(config: BiLMConfig, sentences: Sentences) -> int:
    """Operations of real positions and distinct words, each word at its own length plus the widest filter."""
    widest = max(width for width, _ in config.char_cnn.filters)
    lengths = {word: len(word.encode()) + 2 for sentence in sentences for word in sentence}
    width = config.char_cnn.max_characters
    cnn = sum(token_layer_flop(config, min(length + widest, width)) for length in lengths.values())
    return cnn + lstm_flop(config) * sum(len(sentence) + 1 for sentence in sentences)


def timed(run: Callable[[], Iterator[np.ndarray]]) -> float:
    """Seconds to compute all vectors, which are discarded."""
    start = time.perf_counter()
    for _ in run():
        pass
    return time.perf_counter() - start


def largest_difference(ours: Elmo, plain: PlainELMo, sentences: Sentences) -> float:
    """Largest difference between the vectors of both versions."""
    pairs = zip(ours.embed(sentences), plain.embed(sentences, 8), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def compare(
    models: dict[str, tuple[Elmo, PlainELMo]], sentences: Sentences, batch: int | None, repeats: int
) -> dict[str, dict[str, float]]:
    """Median seconds, by dtype, of ours and of the plain version (at 32 where we choose the batches), taking turns."""
    seconds: dict[str, dict[str, list[float]]] = {dtype: {"ours": [], "plain": []} for dtype in models}
    for _ in range(repeats):
        for dtype, (elmo, plain) in models.items():
            elmo.clear_cache()
            seconds[dtype]["ours"].append(timed(lambda: elmo.embed_iter(sentences, batch_sentences=batch)))  # noqa: B023
            seconds[dtype]["plain"].append(timed(lambda: plain.embed(sentences, batch or 32)))  # noqa: B023
    return {dtype: {who: statistics.median(all_) for who, all_ in both.items()} for dtype, both in seconds.items()}


def build(model: str | None) -> dict[str, tuple[Elmo, PlainELMo]]:
    """Both versions in both precisions."""
    models = {}
    for name, dtype in DTYPES.items():
        torch.manual_seed(0)
        elmo = Elmo.from_pretrained(model, dtype=name) if model else Elmo(BiLM(BiLMConfig()).to(dtype)).eval()
        elmo.requires_grad_(False)
        if elmo.bilm.config.is_projected:
            raise SystemExit("the plain version is torch.nn.LSTM without clipping: choose a model without projection")
        models[name] = (elmo, PlainELMo(elmo.bilm))
    return models


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """All measurements."""
    torch.set_num_threads(arguments.threads)
    sentences = read_sentences(arguments.text) if arguments.text else made_up_sentences(4000)
    sentences = sentences[: arguments.sentences]
    models = build(arguments.model)
    peaks = {dtype: measure_peak(DTYPES[dtype]) for dtype in models}
    rows = []
    for batch in [*arguments.batches, None]:
        # A plain batch of 1 is slow: a tenth of the text tells its speed as well.
        part = sentences[:: 10 if batch == 1 else 1]
        words, flop = sum(map(len, part)), useful_flop(models["float32"][0].bilm.config, part)
        seconds = compare(models, part, batch, arguments.repeats)
        peaks = {dtype: max(peak, measure_peak(DTYPES[dtype])) for dtype, peak in peaks.items()}
        for dtype, both in seconds.items():
            rows.append(
                {
                    "batch": batch or "default",
                    "dtype": dtype,
                    "words": words,
                    "ours_words_per_s": words / both["ours"],
                    "plain_words_per_s": words / both["plain"],
                    "ratio": both["plain"] / both["ours"],
                    "ratio_to_plain_float32": seconds["float32"]["plain"] / both["ours"],
                    "flop_per_s": flop / both["ours"],
                }
            )
            print(f"batch {batch or 'default'} {dtype}: {both}", file=sys.stderr)
    for row in rows:
        row["share_of_peak"] = row["flop_per_s"] / peaks[row["dtype"]]
    first = sentences[:20]
    float_elmo, plain = models["float32"]
    return {
        "text": str(arguments.text or "made up"),
        "sentences": len(sentences),
        "threads": arguments.threads,
        "repeats": arguments.repeats,
        "torch": torch.__version__,
        "peak_flop_per_s": peaks,
        "largest_difference_from_plain": largest_difference(float_elmo, plain, first),
        "largest_difference_bfloat16_float32": max(
            float(np.abs(a - b).max())
            for a, b in zip(models["bfloat16"][0].embed(first), float_elmo.embed(first), strict=True)
        ),
        "rows": rows,
    }


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        f"{result['sentences']} sentences ({result['text']}), {result['threads']} threads, "
        f"medians of {result['repeats']}; "
        "peak " + ", ".join(f"{dtype} {peak / 1e9:.0f} GFLOP/s" for dtype, peak in result["peak_flop_per_s"].items()),
        "",
        "| batch | dtype | words/s | plain, words/s | ratio | to plain float32 | share of peak |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['batch']} | {row['dtype']} | {row['ours_words_per_s']:,.0f} | {row['plain_words_per_s']:,.0f} | "
            f"{row['ratio']:.1f} | {row['ratio_to_plain_float32']:.1f} | {row['share_of_peak']:.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "text", nargs="?", type=Path, help="tokenised text, one sentence per line (default: synthetic sentences)"
    )
    parser.add_argument("--model", help="saved model (default: an untrained one of the default size)")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32, 128])
    parser.add_argument("--sentences", type=int, default=2000, help="largest number of sentences")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    result = run(arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
