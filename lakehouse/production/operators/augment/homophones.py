"""Chinese texts with slips of the input method."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.augment import common, pinyin
from lakehouse.production.operators.augment.variants import Rate


@OPERATORS.register(version=1, cardinality="1:1", seeded=True, packages=("pypinyin", "jieba"))
def homophones(*, column: str, rate: Rate = 0.05) -> Change:
    """Mistype Chinese as with a pinyin input method: a character becomes another that sounds alike, tones aside.

    Each character that has homophones is exchanged with the chance `rate`, for one of them chosen by how common it is, as an input method
    offers them for a syllable typed without tone. Only the 3,755 common characters of GB/T 2312-1980 (level one, simplified) change, into
    one another; how common each is says jieba 0.42's dictionary. The syllable is the first reading that pypinyin 0.55 (MIT) gives, ü apart
    from u: 的 may become 得, but not 地 (dì). Addresses of pages, all signs and all other scripts stay. Needs the extra `chinese`. A null
    stays null.

    Raises:
        MissingExtraError: pypinyin or jieba is not installed.

    Example:
        `{homophones: {column: text, rate: 0.1}}`
    """
    pinyin.folder()
    return common.exchanging("homophones", column, rate, pinyin.homophones)
