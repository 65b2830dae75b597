"""Who may import whom, and what each use of the package loads."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import elmo_lite

ROOT = Path(__file__).parents[1]
EVERYTHING = "*"

# Arrows of the design: module -> modules of elmo_lite and packages that it may import. `errors` may be imported by all.
# Imports for type checkers alone do not count.
MAY_IMPORT: dict[str, str] = {
    "__init__": "",
    "__main__": "cli",
    "allennlp": "allennlp_bilm allennlp_ids allennlp_mix torch",
    "allennlp_bilm": "allennlp_ids allennlp_layers published_format torch",
    "allennlp_ids": "characters numpy torch",
    "allennlp_layers": "allennlp_ids allennlp_state bilm bilstm characters word_vectors torch",
    "allennlp_mix": "torch",
    "allennlp_state": "torch",
    "arguments": "presets docstring_parser jsonargparse yaml",
    "batches": "characters corpus numpy torch",
    "bigrams": "numpy",
    "bilm": "config characters char_cnn bilstm numpy torch",
    "bilstm": "projected_lstm torch",
    "char_cnn": "characters packed_linear torch",
    "characters": "numpy torch",
    "checkpoint": "bilm config head_file lm_head model_card model_files model_names model_settings tensor_files "
    "tokenization vocabulary",
    "compress": "checkpoint head_file model_names model_settings",
    "cost": "config",
    "cli": "__init__ arguments",
    "config": "",
    "contexts": "numpy",
    "corpus": "corpus_builder tokenization vocabulary numpy",
    "corpus_blocks": "text_files tokenization numpy",
    "corpus_builder": "characters config corpus corpus_blocks text_files tokenization vocabulary numpy tqdm",
    "data_module": "batches corpus pretrain_config pytorch_lightning torch",
    "demonstration": "cli",
    "elmo": "bilm characters checkpoint length_batches scalar_mix tokenization vocabulary word_vectors numpy torch",
    "embedding_files": "memory elmo text_files tokenization vector_files numpy tqdm",
    "errors": "",
    "head_file": "lm_head quantization tensor_files torch",
    "language_model": "batches bilm bilstm lm_head optimizers pretrain_config pytorch_lightning torch",
    "length_batches": "",
    "lm_head": "torch",
    "model_card": "config tensor_files torch",
    "model_files": "",
    "model_names": "model_files model_settings huggingface_hub",
    "model_settings": "config model_files tokenization",
    "optimizers": "torch",
    "presets": "",
    "memory": "",
    "precision": "torch",
    "new_model": "bilm checkpoint config corpus language_model lm_head model_names model_settings presets "
    "pretrain_config vocabulary numpy torch yaml",
    "run_file": "config corpus pretrain_config",
    "run_start": "corpus data_module new_model pretrain_config run_file speed torch",
    "speed": "bilm corpus cost data_module memory new_model optimizers precision pretrain_config numpy torch",
    "pretrain": EVERYTHING,
    "pretrain_config": "config",
    "packed_linear": "torch",
    "projected_lstm": "packed_linear projected_recurrence torch",
    "projected_recurrence": "packed_linear torch",
    "published_format": "bilm checkpoint elmo published_options published_weights torch",
    "published_layout": "bilm characters config torch",
    "published_options": "config",
    "published_weights": "bilm config published_layout published_options h5py numpy torch",
    "python_prose": "",
    "quantization": "torch",
    "quickstart": "bigrams contexts corpus demonstration elmo python_prose quickstart_heads",
    "quickstart_heads": "cli demonstration",
    "scalar_mix": "torch",
    "scoring": "bilm characters checkpoint corpus corpus_blocks length_batches lm_head memory text_files tokenization "
    "vocabulary numpy torch tqdm",
    "tensor_files": "model_files safetensors torch",
    "text_files": "datasets pyarrow zstandard",
    "tokenization": "tokenizers",
    "training_callbacks": "scoring pytorch_lightning torch tqdm",
    "vector_files": "h5py numpy pyarrow safetensors",
    "vocabulary": "",
    "word_vectors": "bilm characters packed_linear numpy torch",
}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of imported modules, those inside functions included."""
    for node in ast.iter_child_nodes(tree):
        if is_type_checking(node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
        yield from imports(node)


def arrows(path: Path) -> set[str]:
    """Imported modules of elmo_lite by their file's name, and other packages outside the standard library."""
    found = set()
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        parts = name.split(".")
        if parts[0] == "elmo_lite":
            found.add(parts[1] if len(parts) > 1 else "__init__")
        elif parts[0] not in sys.stdlib_module_names:
            found.add(parts[0])
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "elmo_lite").glob("*.py")), ids=lambda path: path.stem)
def test_arrows(path: Path) -> None:
    assert path.stem in MAY_IMPORT, f"{path.name}: say in MAY_IMPORT what it may import"
    found = arrows(path)
    assert "tasks" not in found
    if MAY_IMPORT[path.stem] != EVERYTHING:
        wrong = found - set(MAY_IMPORT[path.stem].split()) - {"errors"}
        assert not wrong, f"{path.name} imports {sorted(wrong)}"


def test_there_is_no_utils() -> None:
    assert not [path for folder in ("elmo_lite", "tasks") for path in (ROOT / folder).rglob("utils.py")]


@pytest.mark.parametrize("path", sorted((ROOT / "tasks").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_tasks_use_public_names(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "elmo_lite":
            assert node.module == "elmo_lite", f"{path}: import public names from elmo_lite, not {node.module}"
            assert {alias.name for alias in node.names} <= set(elmo_lite.__all__)
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("elmo_lite.") for alias in node.names)


def test_public_names_agree() -> None:
    tree = ast.parse((ROOT / "elmo_lite" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if is_type_checking(node))
    assert isinstance(block, ast.If)
    typed = {
        alias.name: (node.module or "").removeprefix("elmo_lite.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == elmo_lite._MODULE_OF
    assert elmo_lite.__all__ == sorted(typed)
    assert set(elmo_lite.__all__) <= set(dir(elmo_lite))


@pytest.mark.parametrize("name", elmo_lite.__all__)
def test_public_names_resolve(name: str) -> None:
    assert getattr(elmo_lite, name).__module__ == f"elmo_lite.{elmo_lite._MODULE_OF[name]}"


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Bert'"):
        elmo_lite.Bert  # noqa: B018


def loaded(code: str, *packages: str) -> set[str]:
    """Which packages a fresh process has loaded after some code."""
    code += f"\nimport sys\nprint(*(name for name in {packages!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_is_instant() -> None:
    assert loaded("import elmo_lite", "torch", "numpy", "tokenizers", "jsonargparse", "importlib.metadata") == set()


def test_elmo_loads_torch_and_nothing_heavier() -> None:
    heavy = ("pytorch_lightning", "datasets", "h5py", "sklearn", "pyarrow", "pandas", "tensorboard")
    assert loaded("from elmo_lite import Elmo, BiLM, BiLMConfig, ScalarMix, save_model", "torch", *heavy) == {"torch"}


def test_packages_are_named() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for top in ("elmo_lite", "tasks")
        for path in (ROOT / top).rglob("__init__.py")
    }
    presets = {f"elmo_lite.configs.{path.name}" for path in (ROOT / "configs").iterdir() if any(path.glob("*.yaml"))}
    assert set(settings["packages"]) == folders | {"elmo_lite.configs"} | presets
    assert all((ROOT / top / "py.typed").is_file() for top in ("elmo_lite", "tasks"))
