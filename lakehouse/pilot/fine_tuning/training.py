"""The head on frozen vectors, and the fine-tuning of encoder and head under a budget of steps."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.fine_tuning.encoder import Encoder, layers_of

_DECAY = 0.01
_WARM_UP = 0.1
_LARGEST_GRADIENT = 1.0
_DEAD = 1e-4
"""A number of the vectors whose deviation is below this share of the largest one says nothing; its weight is 0."""


@dataclass(frozen=True, kw_only=True)
class TrainingBudget:
    """What every version may spend. `max_seconds` of training a seed never ends a training early: it stops the evaluation."""

    max_steps: int
    max_seconds: float
    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class LinearHead:
    """A linear classifier: scores are vectors @ weights.T + bias, shapes (classes, width) and (classes,)."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def best(self, vectors: NDArray[np.float64]) -> NDArray[np.int64]:
        """The number of the best class of each vector."""
        return np.asarray((vectors @ self.weights.T + self.bias).argmax(1))


@dataclass(frozen=True, kw_only=True)
class FineTunedModel:
    """A fine-tuned model: its loss at each step, seconds of training, and how many numbers of how many were trained."""

    encoder: Encoder
    head: LinearHead
    losses: list[float]
    seconds: float
    trained: int
    parameters: int


def frozen_head(vectors: NDArray[np.float64], classes: NDArray[np.int64], c: float) -> LinearHead:
    """Multinomial logistic regression on standardised vectors (L-BFGS: no chance in it), as a head on the vectors as they are.

    Args:
        c: the inverse strength of the L2 penalty.
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = vectors.mean(0), vectors.std(0)
    # A number that no text changes differs in its last bits only. Divided by that, its weight would be beyond 1e30, and so would be the
    # gradient through it: cut at norm 1, nothing of it would be left for any other.
    scale = np.where(scale > _DEAD * scale.max(), scale, np.inf)
    model = LogisticRegression(C=c, max_iter=2000).fit((vectors - mean) / scale, classes)
    weights, bias = model.coef_, model.intercept_
    if len(weights) == 1:  # two classes are one score: half of it for the one, half against the other
        weights, bias = np.vstack([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    weights = weights / scale
    return LinearHead(weights, bias - weights @ mean)


def tune(
    encoder: Encoder,
    start: LinearHead,
    tokens: Sequence[list[int]],
    classes: NDArray[np.int64],
    *,
    budget: TrainingBudget,
    layers: int | None,
    seed: int,
) -> FineTunedModel:
    """A copy of the encoder, and a head that starts as `start`, trained for `budget.max_steps` steps; `encoder` stays as it is.

    The head starts as the one of the frozen vectors, so that early steps do not spoil the layers for a head that knows nothing yet (Kumar
    et al. 2022, LP-FT), and so that a gain is the layers'. AdamW (Loshchilov and Hutter 2019), weight decay 0.01, gradients cut at
    norm 1, learning rate up over the first tenth of the steps, then linearly to zero. The seed decides dropout and the order of rows.

    Args:
        layers: the last so many layers learn; None: all, and the embeddings.

    Raises:
        RecipeError: more layers than there are, `max_seconds` are over before the last step, or the loss is no number.
    """
    import torch

    torch.manual_seed(seed)
    order = _batches(len(tokens), budget.batch_size, budget.max_steps, np.random.default_rng(seed))
    # Encoder and head learn in copies, so that each seed starts from the same.
    network = copy.deepcopy(encoder.network)
    own = replace(encoder, network=network)
    head = torch.nn.Linear(encoder.width, len(start.bias), device=encoder.device)
    with torch.no_grad():
        head.weight.copy_(torch.tensor(start.weights))
        head.bias.copy_(torch.tensor(start.bias))
    learning = [*_learning(network, layers), *head.parameters()]
    optimiser = torch.optim.AdamW(learning, lr=budget.learning_rate, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, budget.max_steps))
    targets = torch.tensor(classes, device=encoder.device)
    losses: list[float] = []
    began = time.perf_counter()
    network.train()
    for rows in order:
        if time.perf_counter() - began > budget.max_seconds:
            raise RecipeError(
                f"fine_tune: {len(losses)} of {budget.max_steps} steps of seed {seed} took the {budget.max_seconds:g} s of `max_seconds`; "
                "a model of fewer steps would depend on the machine, so none is scored",
                fix="raise max_seconds, or lower max_steps, max_length, batch_size or layers",
            )
        scores = head(own.pooled([tokens[at] for at in rows]))
        loss = torch.nn.functional.cross_entropy(scores, targets[rows])
        if not math.isfinite(value := float(loss.detach())):
            raise RecipeError(f"fine_tune: the loss of step {len(losses) + 1}, seed {seed}, is {value}", fix="lower learning_rate")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, _LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        losses.append(value)
    seconds = time.perf_counter() - began
    found = LinearHead(head.weight.detach().cpu().double().numpy(), head.bias.detach().cpu().double().numpy())
    parameters = sum(p.numel() for p in (*network.parameters(), *head.parameters()))
    trained = sum(p.numel() for p in learning)
    return FineTunedModel(encoder=own, head=found, losses=losses, seconds=seconds, trained=trained, parameters=parameters)


def _learning(network: Any, layers: int | None) -> list[Any]:
    """The parameters that learn; all others are frozen. A pooler behind the last states gives no vector, so it never learns."""
    if layers is None:
        chosen = {id(p): p for name, p in network.named_parameters() if not name.startswith("pooler.")}
    else:
        have = layers_of(network)
        if layers > len(have):
            raise RecipeError(
                f"fine_tune: the model has {len(have)} layers, not {layers}", fix=f"layers: 1 to {len(have)}, or leave it out"
            )
        chosen = {id(p): p for layer in have[-layers:] for p in layer.parameters()}
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) in chosen)
    return list(chosen.values())


def _batches(rows: int, size: int, steps: int, generator: np.random.Generator) -> list[list[int]]:
    """The rows of each step: one shuffled epoch after the other; a batch may reach into the next."""
    needed = steps * size
    shuffled = np.concatenate([generator.permutation(rows) for _ in range(-(-needed // rows))])[:needed]
    return [part.tolist() for part in shuffled.reshape(steps, size)]


def _rate(step: int, steps: int) -> float:
    """The factor of the learning rate: up over the first tenth of the steps, then linearly down."""
    warm = max(1, round(_WARM_UP * steps))
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))
