"""Every field of every metadata file, replaced by what no honest program writes: it loads, or gives an error of ours.

A few hundred cases, ``ELMO_LITE_SOAK`` times as many where that is set to a number. The memory of the process may grow
by a gigabyte in all.
"""

import copy
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo, Tokenization, Vocabulary, load_model, save_model
from elmo_lite.cli.arguments import parse
from elmo_lite.cli.signatures import function_parser
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import ElmoLiteError
from elmo_lite.metadata import read_json, write_json
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.presets import preset_path
from elmo_lite.pretraining.command import default_settings, pretrain_command
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.initial_model import InitialModel
from elmo_lite.pretraining.run import Run, plain_settings
from elmo_lite.published.format import load, save
from tasks.inputs import layer_cache
from tasks.inputs.word_input_config import WordInputConfig
from tasks.ner import training as ner_training
from tasks.ner.config import NerConfig
from tasks.ner.tagger import NerTagger, new_tagger
from tasks.sentiment.classifier import SentimentClassifier, new_classifier
from tasks.sentiment.config import SentimentConfig
from tasks.training import seeds

FACTOR = int(os.environ.get("ELMO_LITE_SOAK", "1"))
CASES = 40 * FACTOR
"""Number of cases for each file."""
GIGABYTE = 2**30

DEEP = "[" * 5000 + "]" * 5000
RAW = [
    "null", "true", "false", "0", "1", "-1", "2", "3.0", "0.5", "-0.5", "1e308", "1e999", "1e-400", "NaN", "Infinity",
    "-Infinity", "65536", "1000000", "4294967296", "1000000000000", "9223372036854775807", "-9223372036854775808",
    "9223372036854775808", "9" * 400, "9" * 5000, '""', '"a"', '"none"', '"words"', '"../../secret"', '"\\u0000"',
    '"\\ud800"', '"' + "x" * 100_000 + '"', "[]", "[null]", "[1, 2]", "[[1, 2]]", "[[1, 2, 3]]", '["a", "a"]',
    "[[3, 1000000000000]]", "{}", '{"a": {}}', '{"a": 1, "a": 2}', DEEP, '{"a":' * 40 + "1" + "}" * 40,
]  # fmt: skip
"""Values as JSON texts; YAML reads them too."""
PLACE = "the place of the value"

SENTENCES = [["a", "good", "film"], ["bad"]]
SMALL = BiLMConfig(char_cnn=CharCNNConfig(embedding_dim=2, filters=((1, 3),), max_characters=8), dim=3, lstm_dim=3)


@dataclass
class File:
    """A metadata file, and what reads it."""

    path: Path
    read: Callable[[], Any]
    is_yaml: bool = False


def elmo() -> Elmo:
    torch.manual_seed(0)
    return Elmo(BiLM(SMALL), Tokenization(kind="whitespace")).eval()


def make_model(out: Path) -> File:
    vocabulary = Vocabulary(["a", "b"])
    training = {"words_seen": 3, "init": {"words_seen": 4}, "steps": 5}
    save_model(out, elmo().bilm, Tokenization(), vocabulary, LMHead(len(vocabulary), 3), training)

    def read() -> None:
        saved = load_model(out, with_head=None)
        save_model(out.with_name("copy"), saved.bilm, saved.tokenization, training=saved.training, overwrite=True)
        InitialModel.find(str(out)).metadata()

    return File(out / "config.json", read)


def make_corpus(out: Path) -> File:
    (out.parent / "text.txt").write_text("a b c\n\nd e f\n" * 30)
    build_corpus([str(out.parent / "text.txt")], out, CorpusSettings(), num_processes=1)

    def read() -> None:
        corpus = Corpus.open(out)
        _ = corpus.tokenization, corpus.max_characters, corpus.vocabulary, corpus.train, corpus.class_of_word
        assert corpus.meta["train"]["words"] >= 0

    return File(out / "meta.json", read)


def make_run(out: Path) -> File:
    Run(plain_settings(PretrainConfig()), "0", 100, "--max_steps 100", 1000, None, {}).write(out)
    parser = function_parser(pretrain_command, "pretrain", ())

    def read() -> None:
        run = Run.read(out)
        run.until(out, None, None)
        parse(parser, ["--out", str(out), "--corpus", "c", "--resume"], "pretrain", default_settings)

    return File(out / "run.json", read)


def make_tagger(out: Path) -> File:
    config = NerConfig(inputs=WordInputConfig(word_dim=3, char_filters=2), lstm_dim=2)
    new_tagger(config, ["PER"], elmo(), SENTENCES).save(out, metrics={"f1": 50.0})
    return File(out / "config.json", lambda: NerTagger.from_pretrained(out).predict(["a good film"]))


def make_tagger_of_another_encoder(out: Path) -> File:
    elmo().save_pretrained(out.with_name("encoder"))
    config = NerConfig(inputs=WordInputConfig(words="none", chars=False), lstm_dim=2, encoder_inside=False)
    new_tagger(config, ["PER"], elmo(), SENTENCES).save(out, encoder_path=str(out.with_name("encoder")))
    return File(out / "config.json", lambda: NerTagger.from_pretrained(out).predict(["a good film"]))


def make_classifier(out: Path, **settings: Any) -> File:
    config = SentimentConfig(inputs=WordInputConfig(word_dim=3, char_filters=2), **settings)
    new_classifier(config, ["bad", "good"], None, SENTENCES).save(out)
    return File(out / "config.json", lambda: SentimentClassifier.from_pretrained(out).predict(["a good film"]))


def make_cache(out: Path) -> File:
    meta = layer_cache.Meta.of(elmo(), SENTENCES)
    layer_cache.store(elmo(), SENTENCES, out, meta, progress=False)
    return File(out / "meta.json", lambda: layer_cache.check(out, meta))


def make_options(out: Path) -> File:
    out.mkdir()
    save(elmo(), out / "options.json", out / "weights.hdf5")
    return File(out / "options.json", lambda: load(out / "options.json", out / "weights.hdf5"))


def make_seed(out: Path) -> File:
    content = {"settings": {"lstm_dim": 3}, "scores": {"dev": {"f1": 50.0}, "best_epoch": 3}}
    write_json(out / "seed.json", content)

    def read() -> None:
        found = seeds.finished(out / "seed.json", content["settings"])
        if found is not None:
            seeds.summarize([found, content["scores"]])

    return File(out / "seed.json", read)


def make_preset(out: Path, group: str, name: str, command: Callable[..., Any]) -> File:
    out.mkdir()
    path = out / "settings.yaml"
    shutil.copy(preset_path(name, group), path)
    parser = function_parser(command, group, ())
    needed = ["--out", "o", *(["--corpus", "c"] if group == "pretrain" else ["--train", "a", "--dev", "b"])]

    def read() -> None:
        parse(parser, ["--config", str(path), *needed], group)

    return File(path, read, is_yaml=True)


FILES: dict[str, Callable[[Path], File]] = {
    "model": make_model,
    "corpus": make_corpus,
    "run": make_run,
    "tagger": make_tagger,
    "tagger of another encoder": make_tagger_of_another_encoder,
    "pooled classifier": make_classifier,
    "bcn classifier": lambda out: make_classifier(out, head="bcn"),
    "cache": make_cache,
    "options": make_options,
    "seed": make_seed,
    "pretrain preset": lambda out: make_preset(out, "pretrain", "laptop", pretrain_command),
    "ner preset": lambda out: make_preset(out, "ner", "few", ner_training.train_command),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to all values inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*path, key)
        yield from places(part, (*path, key))


def mutated(content: Any, path: tuple[Any, ...], kind: str, raw: str, is_yaml: bool) -> str:
    """The text of a file in which one value is replaced or removed, or a key added beside it."""
    content = copy.deepcopy(content)
    holder = content
    for key in path[:-1]:
        holder = holder[key]
    if kind == "remove":
        del holder[path[-1]]
    elif kind == "add" and isinstance(holder, dict):
        holder["unknown"] = PLACE
    else:
        holder[path[-1]] = PLACE
    text = json.dumps(content, indent=2)  # which is YAML, too
    return text.replace(json.dumps(PLACE), raw)


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A gigabyte of address space more than the process has, where the system has such a limit."""
    resource = pytest.importorskip("resource")
    statm = Path("/proc/self/statm")
    if not statm.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + GIGABYTE, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("name", FILES)
def test_every_field(name: str, tmp_path: Path, little_memory: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = FILES[name](tmp_path / "out")
    file.read()
    content = yaml.safe_load(file.path.read_text()) if file.is_yaml else read_json(file.path)
    if isinstance(content, dict):
        content.pop("checksum", None)  # with it, each change would be one of the checksum
    fields = list(places(content))
    errors = 0
    for number in range(CASES):
        generator = random.Random(f"{name} {number}")
        path = fields[(number * 7) % len(fields) if number % 2 else generator.randrange(len(fields))]
        kind = generator.choice(["replace"] * 8 + ["remove", "add"])
        raw = generator.choice(RAW)
        file.path.write_text(mutated(content, path, kind, raw, file.is_yaml), encoding="utf-8")
        try:
            file.read()
        except ElmoLiteError as error:
            assert "\n" not in str(error) and len(str(error)) < 2000, f"{path}: {kind} {raw:.50}: {error}"
            errors += 1
        except BaseException as error:
            raise AssertionError(f"{path}: {kind} {raw:.50}: {type(error).__name__}: {error!s:.500}") from error
    assert errors > 0
