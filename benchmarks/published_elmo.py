"""Speed of the published model size (2 x 4096 cells projected to 512) in words/s, beside a plain per-step cell.

    python benchmarks/published_elmo.py [TEXT] [--batches 1 32 128] [--threads 2] [--device cpu] [--training]
        [--json FILE]

TEXT has one sentence per line, with words separated by blanks. Defaults to synthetic sentences of Zipf-distributed
words. Lines of more than ``--max_words`` words are skipped. The weights are random: speed does not depend on them.

The plain version computes as AllenNLP does: batches in input order, the character CNN at every position over the full
width, and a loop over positions in each direction. A step of the loop multiplies the input and the previous output with
their weights, and the output of the cell with the projection, for the rows that have not ended. The plain version has
the same weights, and its vectors are compared with ours. Both return one float32 array (L, T, 2D) per sentence. They
alternate (A B A B ...) in one process; figures are medians, and the cache of token vectors is cleared before every
turn. "default" batches by our token budget.

The floor is the time of 2 operations per word for each of the 75.6 million weights of the LSTM layers, at the speed
of the best matrix product measured in the same run, packed weights included; it excludes the token layer and boundary
tokens.

``--training`` measures a step of fine-tuning instead: forward and backward pass of a batch of sentences.
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
from embedding import made_up_sentences, read_sentences, timed
from peak import measure_peak
from torch import Tensor

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.nn.bilm import BiLM, reverse_sequences
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.nn.flops import lstm_flop
from elmo_lite.nn.projected_lstm import ProjectedLSTM
from elmo_lite.text.characters import encode_words

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Sentences = list[list[str]]
PUBLISHED = BiLMConfig(
    char_cnn=CharCNNConfig(filters=((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024)), num_highway=2),
    dim=512,
    lstm_dim=4096,
    num_layers=2,
    cell_clip=3.0,
    projection_clip=3.0,
    forget_bias=1.0,
    dropout=0.0,
)


class PlainELMo(torch.nn.Module):
    """The model step by step, on the weights of a ``BiLM``."""

    def __init__(self, bilm: BiLM) -> None:
        """Share the weights."""
        super().__init__()
        self.bilm = bilm

    def token_vectors(self, char_ids: Tensor) -> Tensor:
        """The character CNN at every position: (B, T, C) to (B, T, D)."""
        cnn, linear = self.bilm.char_cnn, torch.nn.functional.linear
        batch, length, width = char_ids.shape
        embedded = cnn.embedding(char_ids.view(-1, width)).transpose(1, 2)
        pooled = torch.cat([convolution(embedded).max(dim=2).values for convolution in cnn.convolutions], dim=1)
        vectors = cnn.activation(pooled)
        for highway in cnn.highways:
            gate = torch.sigmoid(linear(vectors, highway.gate.weight, highway.gate.bias))
            transformed = torch.relu(linear(vectors, highway.transform.weight, highway.transform.bias))
            vectors = gate * transformed + (1 - gate) * vectors
        return linear(vectors, cnn.projection.weight, cnn.projection.bias).view(batch, length, -1)

    @staticmethod
    def layer(lstm: ProjectedLSTM, inputs: Tensor, lengths: Tensor) -> Tensor:
        """One layer, one direction, over rows (B, T, D) in descending order of length."""
        linear, width = torch.nn.functional.linear, lstm.lstm_dim
        batch, steps, _ = inputs.shape
        h, c = inputs.new_zeros(batch, lstm.dim), inputs.new_zeros(batch, width)
        outputs = inputs.new_zeros(batch, steps, lstm.dim)
        active = [int((lengths > step).sum()) for step in range(steps)]
        rows: list[Tensor] = []
        for step, count in enumerate(active):
            gates = linear(inputs[:count, step], lstm.weight_ih) + linear(h[:count], lstm.weight_hh, lstm.bias)
            i, f, g, o = gates.chunk(4, dim=1)
            c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f + lstm.forget_bias) * c[:count]
            c = c.clamp(-lstm.cell_clip, lstm.cell_clip)
            h = linear(torch.sigmoid(o) * torch.tanh(c), lstm.weight_projection)
            h = h.clamp(-lstm.projection_clip, lstm.projection_clip)
            rows.append(h)
        for step, row in enumerate(rows):
            outputs[: len(row), step] = row
        return outputs

    def forward(self, char_ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, C) character ids with boundary tokens, in descending order of length, to layers (L, B, T, 2D)."""
        tokens = self.token_vectors(char_ids)
        halves = []
        stacks = self.bilm.forward_lstm, self.bilm.backward_lstm
        for stack, current in zip(stacks, (tokens, reverse_sequences(tokens, lengths)), strict=True):
            outputs = [current]
            for index, layer in enumerate(stack.layers):
                output = self.layer(layer.lstm, outputs[-1], lengths)
                outputs.append(output + outputs[-1] if index else output)
            halves.append(outputs)
        ahead, back = halves
        back = [reverse_sequences(layer, lengths) for layer in back]
        return torch.stack([torch.cat(pair, dim=-1) for pair in zip(ahead, back, strict=True)])

    def batches(self, sentences: Sentences, batch_size: int) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Padded batches in input order, rows sorted within: indices of sentences, characters (B, T, C), lengths."""
        width, device = self.bilm.config.char_cnn.max_characters, self.bilm.boundary_char_ids.device
        begin, end = self.bilm.boundary_char_ids.long().cpu()
        for start in range(0, len(sentences), batch_size):
            numbers = sorted(range(start, min(start + batch_size, len(sentences))), key=lambda k: -len(sentences[k]))
            lengths = torch.tensor([len(sentences[k]) + 2 for k in numbers])
            char_ids = torch.zeros(len(numbers), int(lengths.max()), width, dtype=torch.long)
            for row, k in enumerate(numbers):
                char_ids[row, 0], char_ids[row, len(sentences[k]) + 1] = begin, end
                char_ids[row, 1 : len(sentences[k]) + 1] = torch.from_numpy(encode_words(sentences[k], width))
            yield numbers, char_ids.to(device), lengths.to(device)

    @torch.inference_mode()
    def embed(self, sentences: Sentences, batch_size: int) -> Iterator[np.ndarray]:
        """Yield one array per sentence, in order."""
        for numbers, char_ids, lengths in self.batches(sentences, batch_size):
            layers = self(char_ids, lengths).float().cpu()
            arrays = {k: layers[:, row, 1 : len(sentences[k]) + 1].numpy().copy() for row, k in enumerate(numbers)}
            yield from (arrays[k] for k in sorted(arrays))


def build(dtype: torch.dtype, device: str) -> tuple[Elmo, PlainELMo]:
    """Ours and the plain version, with the same random weights."""
    torch.manual_seed(0)
    elmo = Elmo(BiLM(PUBLISHED).to(device=device, dtype=dtype)).eval()
    return elmo, PlainELMo(elmo.bilm)


def differences(models: dict[str, tuple[Elmo, PlainELMo]], sentences: Sentences) -> dict[str, float]:
    """Largest differences of vectors, relative to the largest absolute value."""
    reference = list(models["float32"][1].embed(sentences, 8))
    scale = max(float(np.abs(array).max()) for array in reference)

    def largest(arrays: list[np.ndarray]) -> float:
        return max(float(np.abs(a - b).max()) for a, b in zip(arrays, reference, strict=True)) / scale

    return {dtype: largest(elmo.embed(sentences)) for dtype, (elmo, _) in models.items()}


def compare(
    models: dict[str, tuple[Elmo, PlainELMo]], sentences: Sentences, batch: int | None, repeats: int
) -> dict[str, dict[str, float]]:
    """Median seconds by dtype of ours and of the plain version, taking turns."""
    seconds: dict[str, dict[str, list[float]]] = {dtype: {"ours": [], "plain": []} for dtype in models}
    for turn in range(repeats):
        for dtype, (elmo, plain) in models.items():
            elmo.clear_cache()
            seconds[dtype]["ours"].append(timed(lambda: elmo.embed_iter(sentences, batch_sentences=batch)))  # noqa: B023
            seconds[dtype]["plain"].append(timed(lambda: plain.embed(sentences, batch or 32)))  # noqa: B023
        print(f"batch {batch or 'default'}, turn {turn + 1}: {seconds}", file=sys.stderr)
    return {dtype: {who: statistics.median(all_) for who, all_ in both.items()} for dtype, both in seconds.items()}


def extraction(arguments: argparse.Namespace, sentences: Sentences) -> dict[str, Any]:
    """All measurements without a graph."""
    models = {name: build(dtype, arguments.device) for name, dtype in DTYPES.items()}
    for elmo, _ in models.values():
        elmo.requires_grad_(False)
    found = differences(models, sentences[:16])
    peaks = {name: measure_peak(dtype) for name, dtype in DTYPES.items()} if arguments.device == "cpu" else {}
    rows = []
    for batch in [*arguments.batches, None]:
        part = sentences[:: 16 if batch == 1 else 1]  # single sentences are slow: fewer tell their speed as well
        words = sum(map(len, part))
        seconds = compare(models, part, batch, arguments.repeats)
        peaks = {name: max(peak, measure_peak(DTYPES[name])) for name, peak in peaks.items()}
        rows += [
            {
                "batch": batch or "default",
                "dtype": name,
                "ours_words_per_s": words / both["ours"],
                "plain_words_per_s": words / both["plain"],
                "ratio": both["plain"] / both["ours"],
                "ratio_to_plain_float32": seconds["float32"]["plain"] / both["ours"],
            }
            for name, both in seconds.items()
        ]
    for row in rows:
        if peaks:
            row["share_of_floor"] = row["ours_words_per_s"] * lstm_flop(PUBLISHED) / peaks[row["dtype"]]
    return {"rows": rows, "peak_flop_per_s": peaks, "largest_difference": found}


def training_step(layers: Callable[[], Tensor], model: torch.nn.Module) -> float:
    """Seconds of a forward and a backward pass."""
    start = time.perf_counter()
    layers().float().square().mean().backward()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    taken = time.perf_counter() - start
    model.zero_grad(set_to_none=True)
    return taken


def training(arguments: argparse.Namespace, sentences: Sentences) -> dict[str, Any]:
    """Speed of fine-tuning steps in words/s."""
    rows = []
    for name, dtype in DTYPES.items():
        elmo, plain = build(dtype, arguments.device)
        elmo.train()
        batch = sentences[: arguments.batches[-1]]
        words = sum(map(len, batch))
        (_, char_ids, lengths), *_ = plain.batches(batch, len(batch))
        seconds: dict[str, list[float]] = {"ours": [], "plain": []}
        for _ in range(arguments.repeats):
            seconds["ours"].append(training_step(lambda: elmo(batch).layers, elmo))  # noqa: B023
            seconds["plain"].append(training_step(lambda: plain(char_ids, lengths), plain))  # noqa: B023
            print(f"training, {name}: {seconds}", file=sys.stderr)
        ours, theirs = statistics.median(seconds["ours"]), statistics.median(seconds["plain"])
        rows.append(
            {
                "batch": len(batch),
                "dtype": name,
                "ours_words_per_s": words / ours,
                "plain_words_per_s": words / theirs,
                "ratio": theirs / ours,
            }
        )
    return {"rows": rows}


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    columns = {
        "ours_words_per_s": ("words/s", "{:,.0f}"),
        "plain_words_per_s": ("plain, words/s", "{:,.0f}"),
        "ratio": ("ratio", "{:.1f}"),
        "ratio_to_plain_float32": ("to plain float32", "{:.1f}"),
        "share_of_floor": ("share of floor", "{:.0%}"),
    }
    shown = [key for key in columns if key in result["rows"][0]]
    head = f"{result['sentences']} sentences ({result['text']}), {result['threads']} threads, medians of "
    lines = [f"{head}{result['repeats']}; torch {result['torch']}, {result['device']}"]
    for name, peak in result.get("peak_flop_per_s", {}).items():
        lines.append(f"best product {name}: {peak / 1e9:.0f} GFLOP/s, floor {peak / lstm_flop(PUBLISHED):,.0f} words/s")
    for name, share in result.get("largest_difference", {}).items():
        lines.append(f"largest difference from plain float32, {name}: {share:.1e} of the largest number")
    lines += ["", "| batch | dtype | " + " | ".join(columns[key][0] for key in shown) + " |"]
    lines.append("|---" * (2 + len(shown)) + "|")
    for row in result["rows"]:
        cells = [columns[key][1].format(row[key]) for key in shown]
        lines.append("| " + " | ".join([str(row["batch"]), row["dtype"], *cells]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "text", nargs="?", type=Path, help="tokenised text, one sentence per line (default: synthetic sentences)"
    )
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32, 128])
    parser.add_argument("--sentences", type=int, default=512, help="largest number of sentences")
    parser.add_argument("--max_words", type=int, default=60, help="longer sentences are skipped")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--training", action="store_true", help="measure fine-tuning steps of the last batch size")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sentences = read_sentences(arguments.text) if arguments.text else made_up_sentences(2000)
    sentences = [s for s in sentences if len(s) <= arguments.max_words][: arguments.sentences]
    result = {
        "text": str(arguments.text or "made up"),
        "sentences": len(sentences),
        "threads": arguments.threads,
        "repeats": arguments.repeats,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if arguments.device == "cuda" else arguments.device,
        **(training if arguments.training else extraction)(arguments, sentences),
    }
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
