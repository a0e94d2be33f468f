"""Declared columns to a class or a number: gradient boosted trees, and which columns they lean on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.plotting import BLUE, INK, figure, plain, png
from lakehouse.pilot.models.learner import TRUTH, Explanation, Learner, as_text, two_classes, with_classes, with_numbers
from lakehouse.pilot.models.packaged_model import PackagedModel
from lakehouse.pilot.parameters import Features, Positive

_IMPORTANCE_ROWS, _REPEATS = 2_000, 5


class BoostedTrees(Learner):
    """Histogram gradient boosting (scikit-learn, after LightGBM: Ke et al. 2017) of a fixed number of trees.

    Texts and truth values are categories, ordinal codes in the order of their names; a category that training did not see is missing, and
    missing values have a branch of their own. Each split looks at half of the columns, drawn anew by the seed.
    """

    def __init__(self, *, features: Sequence[str], label: str, classes: bool, trees: Positive = 100) -> None:
        if not features or len(set(features)) < len(features) or label in features:
            raise RecipeError("train: `features` names at least one column, each once, and not the label", fix="correct `features`")
        self.columns, self.label, self.classes, self.trees = list(features), label, classes, trees
        self.needs = {**dict.fromkeys(self.columns, "feature"), label: "label" if classes else "number"}

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        return with_classes(rows, self.label) if self.classes else with_numbers(rows, self.label)  # type: ignore[arg-type]

    def check_train(self, rows: pl.DataFrame) -> None:
        if self.classes:
            two_classes(rows, self.label)  # type: ignore[arg-type]
        super().check_train(rows)

    def learn_features(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        from sklearn.compose import ColumnTransformer
        from sklearn.preprocessing import OrdinalEncoder

        categories = [c for c in self.columns if not rows.schema[c].is_numeric()]
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
        numbers = [c for c in self.columns if c not in categories]
        learnt = ColumnTransformer([("categories", encoder, categories), ("numbers", "passthrough", numbers)])
        return learnt, learnt.fit_transform(self._frame(rows))

    def features(self, learnt: Any, rows: pl.DataFrame) -> Any:
        return learnt.transform(self._frame(rows))

    def fit(self, features: Any, rows: pl.DataFrame, seed: int) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingClassifier if self.classes else HistGradientBoostingRegressor
        return kind(max_iter=self.trees, max_features=0.5, early_stopping=False, random_state=seed).fit(features, self._truth(rows))

    def predict(self, model: Any, features: Any, rows: pl.DataFrame) -> pl.Series:
        predicted = model.predict(features)
        return pl.Series([str(p) for p in predicted], dtype=pl.String) if self.classes else as_text(pl.Series(predicted, dtype=pl.Float64))

    def notes(self, features: Any) -> dict[str, float]:
        return {"features": features.shape[1]}

    def explained(self, model: Any, learnt: Any, sets: Mapping[str, pl.DataFrame], seed: int) -> Explanation:
        """How much the model leans on each column, by set."""
        files = {}
        for name, part in sets.items():
            table = self.importance(model, learnt, part, seed)
            files[f"{name}/importance.csv"] = table.write_csv().encode()
            files[f"{name}/importance.png"] = importance_picture(
                table, f"{name}: loss of {'macro F1' if self.classes else 'RMSE'}, permuted"
            )
        return Explanation(files=files)

    def importance(self, model: Any, learnt: Any, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """How much worse the score is when a column is permuted (Breiman 2001), on the first 2,000 rows, five times a column.

        Returns:
            `column`, `importance` (mean), `std`; the most important first.
        """
        from sklearn.inspection import permutation_importance

        rows = rows.head(_IMPORTANCE_ROWS)
        score = "f1_macro" if self.classes else "neg_root_mean_squared_error"
        found = permutation_importance(
            model, self.features(learnt, rows), self._truth(rows), scoring=score, n_repeats=_REPEATS, random_state=seed
        )
        order = [c for _, columns in self._groups(learnt) for c in columns]
        table = pl.DataFrame({"column": order, "importance": found.importances_mean, "std": found.importances_std})
        return table.sort("importance", "column", descending=[True, False])

    def fitted(self, learnt: Any, model: Any, rows: pl.DataFrame) -> PackagedModel:
        import pickle

        from sklearn.pipeline import Pipeline

        example = self._plain(rows.filter(~pl.any_horizontal(pl.col(self.columns).is_null())).head(3))
        return PackagedModel(pickle.dumps(Pipeline([("features", learnt), ("model", model)])), example)

    def _groups(self, learnt: Any) -> list[tuple[str, list[str]]]:
        return [(name, list(columns)) for name, _, columns in learnt.transformers_ if name in ("categories", "numbers")]

    def _truth(self, rows: pl.DataFrame) -> Any:
        return rows[TRUTH].to_numpy() if self.classes else rows[TRUTH].cast(pl.Float64).to_numpy()

    def _plain(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(
            pl.col(c).cast(pl.Float64).fill_null(float("nan")) if rows.schema[c].is_numeric() else pl.col(c).cast(pl.String)
            for c in self.columns
        )

    def _frame(self, rows: pl.DataFrame) -> Any:
        frame = self._plain(rows).to_pandas()
        texts = [c for c in self.columns if not rows.schema[c].is_numeric()]
        # Object columns with None: what scikit-learn's encoder takes for missing.
        return frame.astype(dict.fromkeys(texts, object)).where(frame.notna(), None) if texts else frame


def tree_classifier(*, features: Features, label: str, trees: Positive = 100) -> BoostedTrees:
    """Trees that tell classes."""
    return BoostedTrees(features=features, label=label, classes=True, trees=trees)


def tree_regressor(*, features: Features, label: str, trees: Positive = 100) -> BoostedTrees:
    """Trees that tell numbers."""
    return BoostedTrees(features=features, label=label, classes=False, trees=trees)


def importance_picture(table: pl.DataFrame, title: str) -> bytes:
    """PNG of `column`, `importance`, `std`, the most important of at most 30 columns first."""
    shown = table.head(30)
    made, axes = figure(6.5, max(2.0, 0.3 * shown.height + 1))
    axes.barh([plain(c) for c in shown["column"]], shown["importance"].to_numpy(), xerr=shown["std"].to_numpy(), color=BLUE, ecolor=INK)
    axes.invert_yaxis()
    axes.set_xlabel("loss of the score when the column is permuted")
    axes.set_title(plain(title), fontsize=10)
    return png(made)
