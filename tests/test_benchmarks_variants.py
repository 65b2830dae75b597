"""The table of benchmarks/variants.py: differences of equal seeds, and their standard errors."""

import argparse
import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import paired
import variants
from data_sets import SETS
from transfer import ROWS


def test_differences_are_those_of_equal_seeds() -> None:
    base = {0: 70.0, 1: 80.0, 2: 60.0}
    assert paired.paired({0: 71.0, 1: 81.0, 5: 0.0}, base) == (1.0, 0.0)
    mean, error = paired.paired({0: 71.0, 1: 83.0}, base) or (0, 0)
    assert (mean, error) == (2.0, pytest.approx(math.sqrt(2) / math.sqrt(2)))
    assert paired.paired({7: 1.0}, base) is None
    assert math.isnan((paired.paired({0: 71.0}, base) or (0, 0))[1])


def test_overall_is_the_mean_over_sets() -> None:
    assert paired.overall([(1.0, 0.3), (2.0, 0.4)]) == (1.5, pytest.approx(0.25))


def test_table() -> None:
    scores = {"uner": {"mix": {0: 70.0, 1: 71.0}, "top": {0: 72.0, 1: 72.0}, "concat": {}}, "sst2": {"mix": {0: 80.0}}}
    assert paired.table_of(scores, ["mix"], "dev") == [
        ["set", "variant", "seeds", "dev", "over mix"],
        ["uner", "mix", "2", "70.50", "+0.00 ± 0.00"],
        ["uner", "top", "2", "72.00", "+1.50 ± 0.50"],
        ["sst2", "mix", "1", "80.00", "+0.00 ± ?"],
        ["all 2", "mix", "", "", "+0.00 ± ?"],
        ["all 1", "top", "", "", "+1.50 ± 0.50"],
    ]


@pytest.mark.parametrize("variant", variants.VARIANTS)
def test_every_variant_is_a_setting_of_a_task(variant: str, tmp_path: Path) -> None:
    table = variants.Variants(tmp_path, tmp_path, "en", "", "")
    tasks = [name for name in ("uner", "sst2", "imdb") if variants.fits(variant, SETS[name])]
    assert tasks
    for name in tasks:
        config = table.config(SETS[name], ROWS[variants.ROW_OF_WORDS[False]], {"variant": variant}, 1)
        assert (config.finetune.seed, config.inputs.words, config.representation.encoder) == (1, "trainable", "en")
        rate = variants.default_rate(SETS[name]) * variants.VARIANTS[variant].rate
        assert config.finetune.learning_rate == pytest.approx(rate)
        of_mix = variants.VARIANTS[variant].mix_rate
        assert config.finetune.mix_learning_rate == (None if of_mix is None else pytest.approx(of_mix * rate))


def test_classifiers_have_their_own_default_rate() -> None:
    assert variants.default_rate(SETS["imdb"]) == variants.default_rate(SETS["sst2"]) == 1e-3
    assert variants.default_rate(SETS["uner"]) == variants.default_rate(SETS["upos"]) == 3e-3


def test_variants_differ_from_the_default(tmp_path: Path) -> None:
    table = variants.Variants(tmp_path, tmp_path, "en", "", "")
    for name in ("uner", "sst2-sentences"):
        fitting = [variant for variant in variants.VARIANTS if variants.fits(variant, SETS[name])]
        row = ROWS[variants.ROW_OF_WORDS[False]]
        configs = {variant: table.config(SETS[name], row, {"variant": variant}, 1).to_dict() for variant in fitting}
        same = {variant for variant, config in configs.items() if config == configs["default"]}
        assert same == {"default", "top"}
        assert ("wide" in fitting) == (name == "uner")


def test_joined_variants_have_the_settings_of_both() -> None:
    both = variants.variant_of("mix-from-top-10x+batch-64-2x+rate-2x")
    assert both == variants.Variant(
        {"layers": "mix", "mix_start": "top"}, finetune={"batch_size": 64}, rate=4, mix_rate=10
    )
    assert variants.variant_of("top+upper").representation == {"layers": "1,2"}
    with pytest.raises(argparse.ArgumentTypeError, match=r"expected one of default, .* joined by \+, found top\+toop"):
        variants.variant_of("top+toop")
