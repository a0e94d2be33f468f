"""Instructions to a language model within material."""

from __future__ import annotations

import polars as pl

from lakehouse.reserve.screening.detector import DETECTORS, FOUND, TextLook

_BEFORE = r"(?:previous|prior|above|earlier|preceding|foregoing|existing|original|past|system|initial)"
_RULES = r"(?:instructions?|prompts?|directions?|commands?|rules?|guidelines?|directives?|messages?|context|training|programming)"
_FORGET = r"(?:ignore|disregard|forget|override|bypass|neglect|skip|dismiss|do not follow|don'?t follow|stop following)"
_CN_FORGET = r"(?:忽略|无视|忘记|忘掉|忽视|不要理会|不要遵守|不要遵循|跳过|抛弃|舍弃|覆盖)"
_CN_BEFORE = r"(?:之前|以上|上面|上述|先前|前面|此前|原有|原来|原先|系统|所有|全部|一切)"
_CN_RULES = r"(?:指令|指示|提示词?|命令|规则|要求|设定|限制|约束|说明|内容|对话)"

FAMILIES: dict[str, tuple[float, str]] = {
    "override": (
        0.7,
        rf"\b{_FORGET}\s+(?:(?:all|any|every|each|the|your|my|of|these|those|this|that|and)\s+){{0,4}}{_BEFORE}\s+(?:\w+\s+){{0,2}}{_RULES}\b"
        rf"|\b{_FORGET}\s+(?:all|everything)\s+(?:(?:of|that|the|your|was|you|have|been|were|said|told)\s+){{0,5}}(?:above|before|{_RULES})\b"
        rf"|\b{_FORGET}\s+(?:all\s+)?(?:of\s+)?your\s+(?:\w+\s+){{0,2}}{_RULES}\b|\bnew\s+(?:system\s+)?instructions?\s*:"
        rf"|{_CN_FORGET}(?:掉|你|您|的|所有|全部|一切|任何|这些|那些){{0,4}}{_CN_BEFORE}(?:的|所有|全部|一切|任何|系统|你|收到){{0,4}}{_CN_RULES}"
        rf"|{_CN_FORGET}你的(?:所有|全部|系统|原有){{0,2}}{_CN_RULES}",
    ),
    "template": (
        0.6,
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|begin_of_text|start_header_id|end_header_id|eot_id|endofprompt|fim_\w+)\|>"
        r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<\|?(?:begin|end)▁of▁sentence\|?>|\n\n(?:Human|Assistant):\s"
        r"|(?:^|\n)#{2,3} ?(?:System|Instruction|Assistant|Response|系统|指令)(?: (?:Prompt|Message))?:"
        r"|(?:^|\n)\s*(?:system|SYSTEM)(?: (?:prompt|message|override|note))?:\s"
        r"|\[(?:system|SYSTEM)\](?:\(|:|\s)",
    ),
    "tool_call": (
        0.6,
        r"</?(?:tool_call|tool_calls|function_calls?|tool_use|tool_code|invoke name=|antml:\w+)\b|<\|(?:tool_call|python_tag|plugin)\|?>"
        r"|\"(?:tool_calls|function_call|tool_use)\"\s*:|\"type\"\s*:\s*\"(?:tool_use|function)\"|</?(?:scratchpad|system_prompt|system-reminder)>",
    ),
    "reveal": (
        0.6,
        r"\b(?:reveal|print|repeat|show|output|display|leak|disclose|tell me|what (?:is|are)|give me)\s+(?:me\s+)?"
        r"(?:(?:the|your|all|of|full|entire|exact)\s+){1,4}(?:system\s+prompts?|initial\s+prompts?|system\s+messages?"
        r"|hidden\s+(?:prompts?|instructions?)|initial\s+instructions?|api keys?)\b"
        r"|(?:输出|显示|泄露|告诉我|打印|复述|重复|公开|说出)(?:一下|出|你|您|的|全部|完整|所有|我){0,4}(?:系统提示词?|系统指令|初始指令|初始提示词?|隐藏指令|提示词)",
    ),
    "persona": (
        0.6,
        r"\byou\s+are\s+(?:now|no\s+longer)\s+(?:(?:an?|the)\s+)?(?:\w+\s+){0,3}"
        r"(?:DAN|AI|assistant|model|chatbot|bot|jailbroken|unrestricted|unfiltered|bound|restricted)\b"
        r"|\b(?:pretend|act|behave|respond)\s+(?:to be|as if you (?:are|were|have)|as though you|as)\s+(?:an?\s+)?(?:\w+\s+){0,3}"
        r"(?:unrestricted|unfiltered|uncensored|jailbroken|DAN\b|no\s+(?:rules|restrictions|filters|limits))"
        r"|\b(?:developer|god|jailbreak|dan|debug|admin)\s+mode\s+(?:is\s+)?(?:now\s+)?(?:enabled|on|activated|engaged)\b"
        r"|\bdo anything now\b"
        r"|(?:你现在|从现在(?:开始|起)[,，]?你?)(?:是|就是|扮演|不再是|进入|不受)(?:一个|一名|任何)?[^。\n]{0,12}(?:没有|无|不受|越狱|开发者模式|任何限制|DAN)",
    ),
    "conceal": (
        0.4,
        r"\b(?:do not|don'?t|never)\s+(?:tell|inform|mention|alert|notify|reveal)\s+(?:this\s+)?(?:to\s+)?(?:the\s+)?"
        r"(?:user|human|anyone about this|this to)\b"
        r"|\bwithout\s+(?:telling|informing|notifying|alerting)\s+the\s+user\b|(?:不要|别|切勿|请勿)(?:告诉|告知|提醒|让)用户",
    ),
    "address": (
        0.3,
        r"\b(?:attention|dear|note to|message to|if you are|as)\s+(?:an?\s+|all\s+|the\s+)?"
        r"(?:AI|LLM|language models?|AI (?:assistants?|agents?|models?)|chatbots?)\b"
        r"|(?:如果你是|作为|致|注意)(?:一个|所有)?(?:AI|人工智能|语言模型|大模型|智能助手)",
    ),
}
"""Weight and pattern of each family, over normalised text; Polars' syntax."""
_CUES = (
    *(
        "ignore",
        "disregard",
        "forget",
        "override",
        "bypass",
        "neglect",
        "skip",
        "dismiss",
        "follow",
        "instruction",
        "<|",
        "[inst]",
        "[/inst]",
    ),
    *(
        "<<sys>>",
        "<</sys>>",
        "_of_turn>",
        "of▁sentence",
        "human:",
        "assistant",
        "##",
        "system",
        "tool_",
        "function",
        "invoke name=",
        "antml:",
    ),
    *(
        "scratchpad",
        "prompt",
        "api key",
        "you are now",
        "you are no longer",
        "pretend",
        "act ",
        "behave",
        "respond",
        " mode",
        "do anything now",
    ),
    *("the user", "human", "about this", "this to", "an ai", "llm", "language model", "chatbot", "ai assistant", "ai agent", "ai model"),
    *(
        "忽略",
        "无视",
        "忘记",
        "忘掉",
        "忽视",
        "不要理会",
        "不要遵",
        "跳过",
        "抛弃",
        "舍弃",
        "覆盖",
        "提示词",
        "系统",
        "初始指令",
        "隐藏指令",
        "你现在",
        "从现在",
    ),
    *("用户", "ai", "人工智能", "语言模型", "大模型", "智能助手"),
)
"""Whatever a pattern matches holds one of these; a search for all at once costs a tenth of one pattern."""
_CASED = frozenset({"template", "tool_call"})
_HIDDEN = 0.3
"""Added where a family shows only after the text was freed from its disguise: honest text has no reason for it."""
_INVISIBLE = r"[\x{AD}\x{200B}-\x{200F}\x{2060}-\x{2064}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{FEFF}\x{FE00}-\x{FE0F}\x{E0000}-\x{E01EF}]"
_SIGNS = r"(?:(?-u:\b)[A-Za-z][\-_.*~|/]{1,2}){4,}[A-Za-z](?-u:\b)"
_SPELT = r"(?:(?-u:\b)[A-Za-z] {1,2}){5,}[A-Za-z](?-u:\b)"
_ALIKE = ("аеорсухѕіјԁһοαεικνρτυ", "aeopcyxsijdhoaeiknptu")
_TAGS = r"[\x{E0020}-\x{E007E}]{4}"


@DETECTORS.register(version=1, action="warn", decides=("at_least",))
def prompt_injection(*, columns: list[str] | None = None, at_least: float = 0.6) -> TextLook:
    """Flag texts that instruct a language model in the place of telling something: English and Chinese.

    Families, each a kind: `override` ("ignore all previous instructions", 0.7), `template` (chat templates and role markers, 0.6),
    `tool_call` (tool-call markup, 0.6), `reveal` (asks for the system prompt, 0.6), `persona` ("you are now an unrestricted AI", 0.6),
    `conceal` ("do not tell the user", 0.4), `address` ("if you are a language model", 0.3). A text's score is 1 - the product of (1 -
    weight), and 0.3 more (at most 1) where a family shows only in the text freed from disguise: NFKC, invisible characters out, letters
    that look Latin as Latin, letters set apart by spaces or signs joined, text in tag characters (U+E0020 to U+E007E) read. A text about
    injections, which quotes one, scores as one.

    Args:
        columns: Text columns; without it, all.
        at_least: Score from which a text is flagged; lower ones are kept as signals.
    """
    return TextLook(tuple(columns) if columns is not None else None, _found)


def _found(texts: pl.Series) -> pl.DataFrame:
    freed = _freed(texts)
    frame = pl.DataFrame({"plain": texts, "freed": freed}).with_row_index("_at")
    frame = frame.filter(pl.col("freed").str.contains_any(list(_CUES), ascii_case_insensitive=True))
    patterns = {family: pattern if family in _CASED else f"(?i){pattern}" for family, (_, pattern) in FAMILIES.items()}
    seen = frame.with_columns(**{f: pl.col("freed").str.contains(p) for f, p in patterns.items()})
    seen = seen.filter(pl.any_horizontal(pl.col(f).fill_null(False) for f in patterns))
    rest = pl.lit(1.0)
    for family, (weight, _) in FAMILIES.items():
        rest = rest * pl.when(family).then(1 - weight).otherwise(1.0)
    shown = pl.any_horizontal(pl.col(f) & ~pl.col("plain").str.contains(p) for f, p in patterns.items())
    score = pl.min_horizontal(1 - rest + pl.when(shown).then(_HIDDEN).otherwise(0.0), 1.0)
    seen = seen.with_columns(score.round(4).alias("score"), shown.alias("shown"))
    parts = [FOUND.to_frame()]
    for family, pattern in patterns.items():
        match, at = pl.col("plain").str.extract(f"({pattern})", 1), pl.col("plain").str.find(pattern)
        start = pl.col("plain").cast(pl.Binary).bin.slice(0, at).cast(pl.String).str.len_chars().cast(pl.Int64)
        rows = seen.filter(family).with_columns(match.alias("match"))
        rows = rows.with_columns(pl.when(pl.col("match").is_not_null()).then(start).alias("start"))
        named = rows.select(
            pl.col("_at").cast(pl.Int64),
            "start",
            "score",
            pl.coalesce("match", pl.col("freed").str.extract(f"({pattern})", 1)).alias("match"),
            kind=pl.lit(family),
            end=pl.col("start") + pl.col("match").str.len_chars().cast(pl.Int64),
            detail=pl.when("shown").then(pl.lit("in disguise")),
        )
        parts.append(named)
    return pl.concat(parts, how="diagonal")


def _freed(texts: pl.Series) -> pl.Series:
    """The texts freed from disguise; those without any are as they were."""
    rows = texts.str.contains(r"[^\x00-\x7F\x{4E00}-\x{9FFF}，。！？、；：“”（）]").fill_null(False).arg_true()
    out = texts.clone()  # `scatter` writes in place
    if len(rows):
        chosen = texts.gather(rows).to_frame("t")
        tags = pl.col("t").str.contains(_TAGS)
        # The characters U+E0020 to U+E007E are ASCII shifted up: read as what they spell.
        spelt = {chr(0xE0000 + c): chr(c) for c in range(0x20, 0x7F)}
        read = pl.when(tags).then(pl.col("t").str.replace_many(list(spelt), list(spelt.values()))).otherwise("t")
        plain = read.str.normalize("NFKC").str.replace_all(_INVISIBLE, "").str.replace_many(list(_ALIKE[0]), list(_ALIKE[1]))
        out = out.scatter(rows, chosen.select(plain).to_series())
    rows = out.str.contains(_SIGNS).fill_null(False).arg_true()
    if len(rows):
        out = out.scatter(rows, out.gather(rows).str.replace_all(r"(?-u:\b)([A-Za-z])[\-_.*~|/]{1,2}", "${1}"))
    rows = out.str.contains(_SPELT).fill_null(False).arg_true()
    if len(rows):
        # One space is between letters, more of them between words.
        joined = out.gather(rows).str.replace_all(r"(?-u:\b)([A-Za-z]) ", "${1}\u0001").str.replace_all(r"\x01 +", " ")
        out = out.scatter(rows, joined.str.replace_all("\u0001", ""))
    rows = out.str.contains(r"[\p{Han}][ \-_.*·~|/]{1,3}[\p{Han}]").fill_null(False).arg_true()
    if len(rows):
        once = out.gather(rows).str.replace_all(r"(\p{Han})[ \-_.*·~|/]{1,3}(\p{Han})", "${1}${2}")
        out = out.scatter(rows, once.str.replace_all(r"(\p{Han})[ \-_.*·~|/]{1,3}(\p{Han})", "${1}${2}"))
    return out
