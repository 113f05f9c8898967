# SPDX-License-Identifier: MIT
"""The tokenizer descriptions that make_tokenizer_golden.py records ids for."""

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = "|".join(
    [
        rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
TEKKEN = O200K.replace(CONTRACTION, "").replace(r"\p{N}{1,3}", r"\p{N}")
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"
DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=False):
    return {
        "type": "ByteLevel",
        "add_prefix_space": prefix,
        "trim_offsets": True,
        "use_regex": regex,
    }


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def normalizers(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


def added(number, content, **flags):
    token = {
        "id": number,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": False,
    }
    token.update(flags)
    return token


def cases(byte_size, character_size):
    metaspace = {
        "type": "Metaspace",
        "replacement": "\u2581",
        "prepend_scheme": "first",
        "split": True,
    }
    bos = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [byte_size], "tokens": ["<s>"]}},
    }
    marked = [
        added(0, "<unk>", special=True),
        added(1, "<s>", special=True),
        added(2, "</s>", special=True),
    ]
    runs = [added(byte_size + i, " " * (8 - i), normalized=True) for i in range(7)]
    flags = [
        added(character_size, "[MASK]", lstrip=True, special=True),
        added(character_size + 1, "word", single_word=True),
        added(character_size + 2, "<|end|>", rstrip=True),
        added(character_size + 3, "caf\u00e9", normalized=True),
    ]
    yield dict(name="gpt2", model="byte", pre_tokenizer=byte_level(regex=True), exact=True)
    yield dict(
        name="llama3",
        model="byte",
        options={"ignore_merges": True},
        extra=["\u0120President", "123", "\u0120States"],
        pre_tokenizer=sequence(split(LLAMA3), byte_level()),
        post_processor=bos,
        exact=True,
        adds_bos=True,
        added_tokens=[
            added(byte_size, "<s>", special=True),
            added(byte_size + 1, "<|end|>", special=True),
        ],
        shift=3,
    )
    yield dict(
        name="merges_win",
        model="byte",
        extra=["\u0120President", "123", "\u0120States"],
        exact=True,
        pre_tokenizer=sequence(split(LLAMA3), byte_level()),
    )
    yield dict(
        name="qwen2",
        model="byte",
        normalizer={"type": "NFC"},
        pre_tokenizer=sequence(split(QWEN2), byte_level()),
    )
    yield dict(
        name="o200k", model="byte", pre_tokenizer=sequence(split(O200K), byte_level()), exact=True
    )
    yield dict(
        name="cl100k",
        model="byte",
        pre_tokenizer=sequence(split(CL100K, "Removed", True), byte_level()),
        exact=True,
    )
    yield dict(
        name="bloom", model="byte", pre_tokenizer=sequence(split(BLOOM), byte_level()), exact=True
    )
    yield dict(
        name="deepseek3",
        model="byte",
        exact=True,
        pre_tokenizer=sequence(
            split(r"\p{N}{1,3}"),
            split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
            split(DEEPSEEK3),
            byte_level(),
        ),
    )
    yield dict(
        name="deepseek_coder",
        model="byte",
        exact=True,
        pre_tokenizer=sequence(
            split("[\r\n]"),
            split(r"\s?\p{L}+"),
            split(r"\s?\p{P}+"),
            split(r"\s+$"),
            split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
            {"type": "Digits", "individual_digits": True},
            byte_level(),
        ),
    )
    yield dict(
        name="falcon",
        model="byte",
        exact=True,
        pre_tokenizer=sequence(
            {"type": "Punctuation", "behavior": "Contiguous"},
            byte_level(regex=True),
            {"type": "Digits", "individual_digits": False},
            split("[0-9][0-9][0-9]"),
        ),
    )
    digits = {"type": "Digits", "individual_digits": True}
    yield dict(
        name="starcoder",
        model="byte",
        pre_tokenizer=sequence(digits, byte_level(regex=True)),
        exact=True,
    )
    yield dict(
        name="command_r",
        model="byte",
        normalizer={"type": "NFC"},
        pre_tokenizer=sequence(digits, byte_level(regex=True)),
    )
    yield dict(
        name="tekken",
        model="byte",
        options={"ignore_merges": True},
        extra=["\u0120President", "123"],
        pre_tokenizer=sequence(split(TEKKEN), byte_level()),
        exact=True,
    )
    yield dict(
        name="roberta",
        model="byte",
        pre_tokenizer=byte_level(prefix=True, regex=True),
        adds_bos=True,
        post_processor={
            "type": "RobertaProcessing",
            "sep": ["</s>", byte_size + 1],
            "cls": ["<s>", byte_size],
            "trim_offsets": True,
            "add_prefix_space": True,
        },
        added_tokens=[
            added(byte_size, "<s>", special=True),
            added(byte_size + 1, "</s>", special=True),
        ],
    )
    yield dict(
        name="neox",
        model="byte",
        normalizer={"type": "NFC"},
        pre_tokenizer=byte_level(regex=True),
        added_tokens=runs,
    )
    for form in ("NFD", "NFKC", "NFKD"):
        yield dict(
            name=form.lower(), model="byte", normalizer={"type": form}, pre_tokenizer=byte_level()
        )
    yield dict(
        name="strip_lower",
        model="byte",
        pre_tokenizer=byte_level(),
        normalizer=normalizers(
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Lowercase"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Prepend", "prepend": "> "},
        ),
    )
    for behavior in ("Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            yield dict(
                name=behavior + ("_inverted" if invert else ""),
                model="byte",
                exact=behavior != "Removed",
                pre_tokenizer=sequence(split(r"\s|[,.!]", behavior, invert), byte_level()),
            )
    yield dict(
        name="literal",
        model="byte",
        pre_tokenizer=sequence(split("the", "MergedWithNext", kind="String"), byte_level()),
        exact=True,
    )
    yield dict(
        name="empty_matches",
        model="byte",
        pre_tokenizer=sequence(split(r"[a-m]*", "Isolated"), byte_level()),
        exact=True,
    )
    yield dict(
        name="whitespace",
        model="byte",
        pre_tokenizer=sequence({"type": "Whitespace"}, byte_level()),
    )
    yield dict(
        name="word_class",
        model="byte",
        pre_tokenizer=sequence(split(r"\w+", "MergedWithNext"), byte_level()),
        exact=True,
    )
    yield dict(
        name="whitespace_split",
        model="byte",
        pre_tokenizer=sequence({"type": "WhitespaceSplit"}, byte_level()),
    )
    yield dict(
        name="char_delimiter",
        model="byte",
        pre_tokenizer=sequence({"type": "CharDelimiterSplit", "delimiter": "o"}, byte_level()),
    )
    yield dict(
        name="punctuation",
        model="byte",
        pre_tokenizer=sequence({"type": "Punctuation", "behavior": "Isolated"}, byte_level()),
        exact=True,
    )
    llama = normalizers(
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
    )
    yield dict(name="llama2", model="character", normalizer=llama, added_tokens=marked)
    yield dict(name="flags", model="character", normalizer=llama, added_tokens=marked + flags)
    yield dict(
        name="gemma",
        model="character",
        normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        pre_tokenizer=split(" ", "MergedWithPrevious", kind="String"),
        added_tokens=marked,
    )
    for scheme in ("always", "first", "never"):
        for cut in (True, False):
            yield dict(
                name=f"metaspace_{scheme}_{'split' if cut else 'whole'}",
                model="character",
                added_tokens=marked,
                pre_tokenizer=dict(metaspace, prepend_scheme=scheme, split=cut),
            )
    yield dict(
        name="metaspace_sequence",
        model="character",
        added_tokens=marked,
        pre_tokenizer=sequence({"type": "Punctuation", "behavior": "Isolated"}, metaspace),
    )
    yield dict(
        name="fused_unknown",
        model="character",
        options={"byte_fallback": False},
        pre_tokenizer=metaspace,
    )
    yield dict(
        name="single_unknown",
        model="character",
        options={"byte_fallback": False, "fuse_unk": False},
        pre_tokenizer=metaspace,
    )
