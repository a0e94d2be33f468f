"""A pre-trained encoder under PyTorch: texts to vectors, with and without gradients."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lakehouse.core.errors import MissingExtraError, RecipeError

Pooling = Literal["mean", "cls"]
_SCORED_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A tokenizer and a network.

    Attributes:
        device: of PyTorch: `cuda` where there is one, else `cpu`.
        max_length: tokens of a text that are read.
        pooling: a text's vector is the mean of its tokens' last states, or the state of the first token.
    """

    tokenizer: Any
    network: Any
    device: str
    max_length: int
    pooling: Pooling

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.network.config.hidden_size)

    def tokens(self, texts: Sequence[str]) -> tuple[list[list[int]], float]:
        """The token numbers of each text, and the share of texts of which `max_length` cuts the end off."""
        whole = self.tokenizer(list(texts), truncation=False, verbose=False)["input_ids"] if texts else []
        cut = self.tokenizer(list(texts), truncation=True, max_length=self.max_length)["input_ids"] if texts else []
        long = sum(len(ids) > self.max_length for ids in whole)
        return cut, long / max(len(texts), 1)

    def pooled(self, tokens: Sequence[list[int]]) -> Any:
        """Vectors of a batch, shape (texts, width): a tensor that gradients go through."""
        import torch

        longest = max(len(ids) for ids in tokens)
        pad = self.tokenizer.pad_token_id or 0
        ids = torch.tensor([[*one, *[pad] * (longest - len(one))] for one in tokens], device=self.device)
        lengths = torch.tensor([len(one) for one in tokens], device=self.device)
        mask = (torch.arange(longest, device=self.device)[None, :] < lengths[:, None]).long()
        states = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.pooling == "cls":
            return states[:, 0]
        weights = mask[:, :, None].to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)

    def vectors(self, tokens: Sequence[list[int]]) -> NDArray[np.float64]:
        """Vectors of all texts without gradients or dropout, shape (texts, width); texts of like length are read together."""
        import torch

        out = np.empty((len(tokens), self.width))
        order = sorted(range(len(tokens)), key=lambda at: len(tokens[at]))
        self.network.eval()
        with torch.no_grad():
            for start in range(0, len(order), _SCORED_AT_ONCE):
                part = order[start : start + _SCORED_AT_ONCE]
                out[part] = self.pooled([tokens[at] for at in part]).cpu().numpy()
        return out


def check_extra() -> None:
    """Refuse to go on without PyTorch and transformers.

    Raises:
        MissingExtraError: one of them is not installed.
    """
    if any(find_spec(name) is None for name in ("torch", "transformers")):
        raise MissingExtraError("`fine_tune`", "torch")


def load(folder: Path, max_length: int, pooling: Pooling) -> Encoder:
    """The encoder in `folder`, as it was pre-trained. Nothing is fetched, no code of the folder runs, no pickle is read.

    Raises:
        MissingExtraError: the extra `torch` is not installed.
        RecipeError: the files are no encoder that transformers knows, or `max_length` is more than it reads.
    """
    check_extra()
    # Read once, when the hub's client is imported: a worker is a fresh process.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    import transformers

    quiet = transformers.utils.logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe)
        network = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **safe)
    except (OSError, ValueError, KeyError) as error:
        why = str(error).split(". ")[0]  # the rest may be a page of names
        raise RecipeError(f"fine_tune: {folder.name} cannot be loaded: {why}", fix="name an encoder that transformers knows") from error
    reads = getattr(network.config, "max_position_embeddings", None) or max_length
    if max_length > reads:
        raise RecipeError(f"fine_tune: {folder.name} reads at most {reads} tokens, not {max_length}", fix=f"max_length: {reads}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Encoder(tokenizer=tokenizer, network=network.to(device), device=device, max_length=max_length, pooling=pooling)


def layers_of(network: Any) -> list[Any]:
    """The layers of a transformer, first to last: the longest list of modules in it, whatever the family calls it."""
    import torch

    lists = [module for module in network.modules() if isinstance(module, torch.nn.ModuleList)]
    return list(max(lists, key=len, default=[]))
