"""Text by repeated sampling (``elmo-lite generate``)."""

from __future__ import annotations

import json
import logging
import secrets
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from elmo_lite.errors import ConfigError
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.lm.detokenization import ProseStream
from elmo_lite.lm.generation import GeneratedText
from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.lm.next_command import warn_of_unknown
from elmo_lite.lm.sampling import Sampling
from elmo_lite.nn.bilm import Direction
from elmo_lite.outputs import checked_output, format_of, open_output
from elmo_lite.text.lines import standard_input_lines

log = logging.getLogger("elmo_lite")

Format = Literal["text", "jsonl"]
FORMATS: dict[str, Format] = {".jsonl": "jsonl", ".txt": "text"}


def generate_command(
    model: str,
    output: str | None = None,
    *,
    prompt: str = "",
    num_words: int = 50,
    num_samples: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    direction: Direction = "forward",
    unknown: bool = False,
    stateful: bool = False,
    format: Format | None = None,
    device: str = "cpu",
    overwrite: bool = False,
    quiet: bool = False,
) -> None:
    """Write text by repeated sampling, a line per sample.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        output: File to write: .txt or .jsonl. Defaults to text on standard output, where the first sample appears word
            by word.
        prompt: Text to continue; - for that on standard input. Defaults to the beginning of a sentence.
        num_words: Number of words to write in each sample.
        num_samples: Number of samples.
        temperature: Divides the logits: below 1 the text is more usual, above 1 less; 0 takes the most probable word.
        top_k: Number of most probable words to draw from. Defaults to all.
        top_p: Probability of the smallest set of most probable words to draw from, in (0, 1]. Defaults to all.
        seed: Random seed: the same seed, the same text. Defaults to a new one, which is shown.
        direction: Reading direction: forward writes after the prompt, backward before it.
        format: Format of the output: text or jsonl. Defaults to that of the suffix.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.
        quiet: Show no progress.

    Other Args:
        unknown: Let the unknown word be drawn too; it is written as <unk>.
        stateful: Carry states over the ends of sentences, for models that were trained so (--data.batching windows).
    """
    Sampling(temperature=temperature, top_k=top_k, top_p=top_p)  # checked before the work
    target = checked_output(output, "", overwrite)
    kind = format or _format_of(target)
    keep_freed_memory()
    lm = LanguageModel.from_pretrained(model, device)
    prompt = "".join(line for _, line in standard_input_lines()) if prompt == STANDARD_STREAM else prompt
    if seed is None:
        seed = new_seed() if temperature else 0
    write = partial(
        lm.generate, prompt, num_words, num_samples=num_samples, temperature=temperature, top_k=top_k, top_p=top_p,
        seed=seed, direction=direction, unknown=unknown, stateful=stateful,
    )  # fmt: skip
    warn_of_unknown(lm, [word for sentence in lm.sentences_of(prompt) for word in sentence])
    if target is None and kind == "text" and direction == "forward":
        _show(write, lm.sentences_of(prompt))
    else:
        _save(write, target, kind, seed, num_words * num_samples, quiet)


def _format_of(target: str | None) -> Format:
    if target is not None and not Path(target).suffix:  # more likely a prompt than a file
        raise ConfigError(f"{target}: expected an output that ends in .txt or .jsonl (--prompt TEXT gives a prompt)")
    return format_of(target, FORMATS)


def new_seed() -> int:
    """A seed that was not used before, which is shown, so that the text can be written again."""
    seed = secrets.randbits(32)
    log.info("--seed %d", seed)
    return seed


def _show(write: Callable[..., list[GeneratedText]], prompt: list[list[str]]) -> None:
    """Show the first sample word by word and then the others."""
    stream = ProseStream()
    waiting = [word for number, sentence in enumerate(prompt) for word in ([None] * (number > 0) + sentence)]

    def show(sample: int, word: str | None) -> None:
        if sample == 0:
            sys.stdout.write("".join(map(stream.add, (*waiting, word))))
            sys.stdout.flush()
            waiting.clear()

    try:
        texts = write(on_word=show)
        print(stream.end())
    except KeyboardInterrupt:
        print(stream.end())  # what follows begins a line
        raise
    for text in texts[1:]:
        print(text.text)


def _save(
    write: Callable[..., list[GeneratedText]], target: str | None, kind: Format, seed: int, num_words: int, quiet: bool
) -> None:
    """Write all samples once they are complete."""
    with tqdm(total=num_words, unit="word", delay=1, leave=False, disable=quiet, file=sys.stderr) as bar:
        texts = write(on_word=lambda sample, word: bar.update(word is not None))
    with open_output(target) as file:
        for sample, text in enumerate(texts):
            file.write(f"{text.text if kind == 'text' else _json(sample, text, seed)}\n")


def _json(sample: int, text: GeneratedText, seed: int) -> str:
    found = {"sample": sample, "seed": seed, "direction": text.direction, "text": text.text}
    return json.dumps({**found, "prompt": text.prompt, "sentences": text.sentences}, ensure_ascii=False)
