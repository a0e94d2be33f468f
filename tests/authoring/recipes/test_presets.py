"""Presets make datasets that pass the check and keep sound texts: Python's own manual (in every Python), and Chinese prose."""

from __future__ import annotations

import re
from collections import Counter
from pydoc_data.topics import topics

import pytest

from lakehouse.authoring.recipes.draft import write
from lakehouse.authoring.recipes.presets import presets, read_preset
from lakehouse.core.errors import SpecError
from lakehouse.operations.check import check
from tests.factory import Factory, notes
from tests.system.commands import called

MANUAL = [
    # Paragraphs of the manual as a web page would have them: markup and code blocks out, one paragraph a line.
    "\n".join(
        " ".join(re.sub(r"[*\"`|{}^]+", "", paragraph).split())
        for paragraph in re.split(r"\n\s*\n", text)
        if not re.search(r"::=|>>>|^ {4,}|\*\*\*|===|---", paragraph)
    )
    for text in topics.values()
]
PROSE = [text for text in MANUAL if len(text.split()) > 150]
REPEATED = "Buy now. " * 60
JUNK = [REPEATED, "One short line.", "- menu\n" * 40, "Das ist ein deutscher Satz über den Fluss und die Berge im Norden. " * 6]

RIVER = (
    "这条河发源于北面的山地，河水大半来自春天融化的积雪。到了五月，水面会漫过下游的草甸，村里的人便把牛羊赶到高处去。"
    "河谷最窄的地方有一座石桥，据说是三百多年前的商队修的，桥栏上还留着当年刻下的名字。老人们常说，只要桥还在，赶集的路就不会断。"
    "如今公路从山脚下绕过去，货车不再经过村子，桥上只剩下散步的人和钓鱼的孩子。"
    "去年秋天，县里派人来量了桥墩，说要把裂开的石缝补好，再在桥头立一块牌子，把它的来历写清楚。大家听了都很高兴，还主动凑钱买了石料。"
)
TEA = (
    "做茶的手艺在这个镇上传了五代，每年清明前后，家家户户天不亮就上山采芽。鲜叶摊在竹匾里晾到午后，等叶片发软才下锅炒。"
    "火候全凭手感，锅太热会焦，太凉又留有青气，学徒往往要练上三四年才敢独自掌锅。炒好的茶装进陶罐，用棉纸封口，放在阴凉的阁楼上。"
    "镇上的合作社前几年买了机器，产量翻了一番，可是老主顾还是愿意多花钱买手工茶，说机器做的少了一点回甘。"
    "年轻人于是想出一个办法，白天用机器赶订单，晚上关了灯在灶前炒自己的那一锅，两种茶分开卖，标签上写得明明白白，谁也不会买错。"
)
LIBRARY = (
    "图书馆搬进新楼以后，借书的人比从前多了一倍。一层是儿童区，地上铺着软垫，孩子们可以趴着看画册；二层放报刊和地方文献，"
    "安静得能听见翻页的声音；三层全是自习的座位，考试季节一座难求。馆员说，最受欢迎的不是小说，而是菜谱和修理家电的手册，"
    "书页常常被翻得卷了边。为了让上班的人也能借到书，图书馆把闭馆时间推迟到晚上十点，又在地铁站里放了还书箱。"
    "上个月他们开始整理旧档案，请退休教师来辨认手写的信件，打算明年办一个小展览，让大家看看一百年前这座城市里的人是怎样生活和通信的。"
)
BROKEN_CHINESE = {
    "短": "这家店不错，下次还来。",
    "英": "The river rises in the hills to the north, and most of it is snow that the spring sets free. " * 4,
    "菜单": "首页\n新闻\n体育\n财经\n" * 25,
    "重复": "全场五折，欢迎选购，机会难得。" * 30,
}


def run(factory: Factory, preset: str, texts: list[str], **options: str) -> tuple[int, Counter[tuple[str, str, str]]]:
    """Make the preset's dataset from `texts`; returns the rows of gold, and how many rows left where."""
    made = write(factory.project, read_preset(preset, **options))
    assert check(factory.project) == []
    factory.material(notes(*texts))
    factory.made(made.dataset)
    return factory.rows("gold", made.dataset).height, Counter(factory.fates(made.dataset).values())


@pytest.mark.parametrize(("preset", "least"), [("fineweb", 0.5), ("gopher", 0.6), ("c4", 0.6), ("redpajama", 0.6)])
def test_a_preset_keeps_most_of_a_manual_and_none_of_the_junk(notes_factory: Factory, preset: str, least: float) -> None:
    kept, left = run(notes_factory, preset, [*PROSE, *JUNK, PROSE[0]])
    assert least * len(PROSE) <= kept <= len(PROSE)
    fates = notes_factory.fates(preset)
    stayed = [text for i, text in enumerate(JUNK, len(PROSE)) if fates.get(f"{i:02}", ("kept",))[0] != "dropped"]
    assert stayed == ([REPEATED] if preset == "c4" else []), left  # C4 has no rule against repetition


def test_the_chinese_preset_keeps_prose_merges_other_scripts_and_drops_the_rest(notes_factory: Factory) -> None:
    notes_factory.write("words.txt", "彩票代购\n")
    traditional = RIVER.translate(
        str.maketrans(
            "这条发来积会边刻当说桥还赶断绕货车过钓鱼县派补块写清楚听买料", "這條發來積會邊刻當說橋還趕斷繞貨車過釣魚縣派補塊寫清楚聽買料"
        )
    )
    private = LIBRARY + "有事请打13812345678，身份证11010519491231002X。"
    texts = [RIVER, TEA, private, traditional, TEA + "需要彩 票 代 购请联系。" + LIBRARY[:80], *BROKEN_CHINESE.values()]
    kept, left = run(notes_factory, "chinese-web", texts, words="words.txt")
    fates = notes_factory.fates("chinese_web")
    assert kept == 3, left
    assert fates["03"][0] == "merged"
    assert fates["04"][:2] == ("dropped", "sensitive_words")
    assert [fates[f"{i:02}"][:2] for i in (5, 6, 7, 8)] == [
        ("dropped", "text_length"),
        ("dropped", "language"),
        ("dropped", "average_line_length"),
        ("dropped", "character_repetition"),
    ]
    assert notes_factory.texts("gold", "chinese_web")[2].endswith("有事请打[PHONE]，身份证[CN_ID]。")


def test_every_step_of_every_preset_names_the_source_of_its_numbers(notes_factory: Factory) -> None:
    assert sorted(presets()) == ["c4", "chinese-web", "fineweb", "gopher", "redpajama"]
    for name, preset in presets().items():
        assert all(len(step.source) > 10 and (step.step is None) != (step.missing is None) for step in preset.steps), name
        text = write(notes_factory.project, read_preset(name), name=f"p_{name.replace('-', '_')}").files
        (declared,) = [content for path, content in text.items() if path.startswith("assets/")]
        assert declared.count("  # ") >= len(preset.steps)
    assert check(notes_factory.project) == []


def test_fineweb_names_the_url_filter_and_a_preset_without_its_words_leaves_the_step_out() -> None:
    assert [loss.what for loss in read_preset("fineweb").losses] == ["url_filter"]
    assert [loss.what for loss in read_preset("chinese-web").losses] == ["sensitive_words"]
    assert {"c4_badwords": {"column": "body", "words_file": "bad.txt"}} in read_preset("c4", "body", "bad.txt").steps


def test_an_unknown_preset_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SpecError, match="fineweb"):
        read_preset("finweb")


def test_the_command_takes_a_preset_or_a_file_and_words_in_the_folder(notes_factory: Factory) -> None:
    folder = notes_factory.root
    assert "--preset NAME" in called(folder, "recipe", "import", code=2)
    notes_factory.write("words.txt", "彩票代购\n")
    said = called(folder, "recipe", "import", "--preset", "chinese-web", "--words", "words.txt", "--strict")
    assert "written: assets/datasets/chinese_web.yaml, contracts/chinese_web.py (12 steps, 0 parts left out)" in said
