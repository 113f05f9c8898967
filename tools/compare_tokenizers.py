#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares tepui's tokenizers with the tokenizers and sentencepiece libraries on 1 MB of mixed text.

Every kind of tokenizer_golden_cases.py is trained on part of the text, written as tokenizer.json and, where llama.cpp
has a name for it, as GGUF metadata; SentencePiece models are trained and written in both of their containers.
`tepui tokenize --json` must give the ids of the library on the whole text. The text has many scripts, emoji, code, long
white space and what malformed UTF-8 becomes when it is replaced; the malformed text itself must be refused at the byte
where it goes wrong. Needs the PyPI packages tokenizers, sentencepiece, protobuf, numpy and gguf.

    tools/compare_tokenizers.py                      everything, with build/tepui
    tools/compare_tokenizers.py --published DIR...   folders of published tokenizers as well
    tools/compare_tokenizers.py --every-character    each character of Unicode between others, in place of the mixed text
    tools/compare_tokenizers.py --only NAME...       some cases ("SentencePiece" for all of these)
    tools/compare_tokenizers.py --sample             rewrites tests/data/tokenizers/mixed_cases.json
"""
import argparse
import copy
import io
import json
import pathlib
import random
import subprocess
import tempfile

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as sp_proto
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from tokenizer_golden_cases import cases

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZE = 1_000_000

# case of tokenizer_golden_cases.py -> kinds of tokenizer.ggml.pre
GGUF_KINDS = {
    "gpt2": ["gpt-2", "phi-2"], "llama3": ["llama-bpe"], "merges_win": ["dbrx", "smaug-bpe"],
    "qwen2": ["qwen2", "stablelm2", "deepseek-r1-qwen"], "o200k": ["gpt-4o"], "bloom": ["bloom"], "falcon": ["falcon"],
    "neox": ["olmo", "mpt"], "starcoder": ["starcoder", "refact", "smollm"], "command_r": ["command-r"],
    "tekken": ["tekken"],
}

SCRIPTS = [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x530, 0x58F), (0x5D0, 0x5EA),
           (0x620, 0x64A), (0x660, 0x669), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xE01, 0xE3A),
           (0x1100, 0x11FF), (0x13A0, 0x13F5), (0x1780, 0x17B3), (0x3041, 0x3096), (0x30A0, 0x30FF), (0x4E00, 0x9FFF),
           (0xAC00, 0xD7A3), (0xFF01, 0xFF5E), (0x10400, 0x1044F), (0x1D400, 0x1D4FF), (0x20000, 0x200FF)]
MARKS = [(0x300, 0x36F), (0x591, 0x5BD), (0x64B, 0x652), (0x93C, 0x94D), (0xE34, 0xE3A), (0x3099, 0x309A)]
SPACES = [" ", " ", "  ", "\n", "\n\n", "\t", "\r\n", "    ", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\v",
          "\u180e", "\u0085", "\u1680"]
SPELLINGS = ["<s>", "</s>", "<unk>", "<|end|>", "<|endoftext|>", "[MASK]", "<0x0A>", "\u2581", "'s", "'LL", "don't",
             "\u2019re", "\ufb01", "\u212b", "\u1e9b\u0323", "\u1100\u1161\u11a8", "\ufeff", "\u0000", "\u001b[0m"]


def letters(rng, span, count):
    return "".join(chr(rng.randint(*span)) for _ in range(count))


def emoji(rng):
    faces = [chr(rng.randint(0x1F300, 0x1F6FF)) + rng.choice(["", "\ufe0f", chr(rng.randint(0x1F3FB, 0x1F3FF))])
             for _ in range(rng.randint(1, 4))]
    return rng.choice(["", "\u200d"]).join(faces) + rng.choice(["", "\U0001F1EA\U0001F1F8", "1\ufe0f\u20e3"])


def word(rng):
    dice = rng.random()
    if dice < 0.55:
        text = letters(rng, rng.choice(SCRIPTS), rng.randint(1, 9))
        if rng.random() < 0.25:
            at = rng.randint(1, len(text))
            text = text[:at] + letters(rng, rng.choice(MARKS), rng.randint(1, 3)) + text[at:]
        return text
    if dice < 0.68:
        return str(rng.randint(0, 10 ** rng.randint(1, 14))) + rng.choice(["", "", ".5", ",000", "\u00bd", "\u0663"])
    if dice < 0.78:
        return emoji(rng)
    if dice < 0.86:
        return rng.choice(SPELLINGS)
    return "".join(rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u2026\u3002\uff0c\u00ab\u2014\u20ac\u060c")
                   for _ in range(rng.randint(1, 6)))


def mixed_bytes(size, seed=11):
    """A third each of English, code and random words; malformed bytes here and there."""
    rng = random.Random(seed)
    english = (ROOT / "tests/data/demo-model/sample.txt").read_bytes()
    code = b"".join(path.read_bytes() for path in sorted((ROOT / "src").rglob("*.cpp"))[:40])
    broken = [b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf", b"\x80\x80", b"\xf5\x80"]
    out = b""
    parts = []
    length = 0
    while length < size:
        kind = rng.randrange(3)
        if kind == 2:
            piece = "".join(word(rng) + rng.choice(SPACES) * rng.choice([1] * 30 + [7, 80])
                            for _ in range(rng.randint(20, 60))).encode()
        else:
            source = english if kind == 0 else code
            begin = rng.randrange(len(source))
            piece = source[begin : begin + rng.randint(50, 900)]
        if rng.random() < 0.05:
            at = rng.randrange(len(piece))
            piece = piece[:at] + rng.choice(broken) + piece[at:]
        parts.append(piece)
        length += len(piece)
    out = b"".join(parts)
    return out[:size]


def every_character():
    """All code points that may be assigned, in the company of letters, digits, marks and spaces."""
    points = [value for value in range(1, 0x32400) if not 0xD800 <= value < 0xE000]
    return "".join(f"a{chr(value)}1\u0301{chr(value)} " for value in points + list(range(0xE0000, 0xE0200)))


def train(kind, text, size):
    """The model part of a tokenizer.json, trained on the text."""
    byte = kind == "byte"
    tokenizer = Tokenizer(models.BPE() if byte else models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = (pre_tokenizers.ByteLevel(add_prefix_space=False) if byte
                               else pre_tokenizers.Metaspace())
    options = {"initial_alphabet": sorted(pre_tokenizers.ByteLevel.alphabet())} if byte else {
        "special_tokens": ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % value for value in range(256)],
        "limit_alphabet": 700}
    lines = text.splitlines(keepends=True)
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=size, show_progress=False, **options))
    model = json.loads(tokenizer.to_str())["model"]
    if not byte:
        model.update(fuse_unk=True, byte_fallback=True)
    return model


def json_files(shared):
    """(name, tokenizer.json as a dict) of every case."""
    for case in cases(len(shared["byte"]["vocab"]), len(shared["character"]["vocab"])):
        model = copy.deepcopy(shared[case["model"]])
        model.update(case.get("options", {}))
        for piece in case.get("extra", []):
            model["vocab"].setdefault(piece, len(model["vocab"]))
        # The added tokens stand behind the pieces, however many the training and the case made.
        base = len(shared[case["model"]]["vocab"])
        shift = len(model["vocab"]) - base
        moved = {}
        for token in case.get("added_tokens", []):
            if token["id"] < base:
                continue
            if token["content"] in model["vocab"]:  # the training met it: it has an id, and those behind it move up
                token["id"] = model["vocab"][token["content"]]
                shift -= 1
            else:
                token["id"] += shift
            moved[token["content"]] = token["id"]
        post = case.get("post_processor")
        if post is not None and post["type"] == "TemplateProcessing":
            for name, entry in post["special_tokens"].items():
                entry["ids"] = [moved.get(name, entry["ids"][0])]
        whole = {"version": "1.0", "truncation": None, "padding": None, "decoder": None, "model": model,
                 "added_tokens": case.get("added_tokens", [])}
        for key in ("normalizer", "pre_tokenizer", "post_processor"):
            whole[key] = case.get(key)
        yield case["name"], whole


def write_gguf_bpe(path, whole, kind):
    tokens, types = [], []
    entries = [(piece, id_, gguf.TokenType.NORMAL) for piece, id_ in whole["model"]["vocab"].items()]
    entries += [(token["content"], token["id"],
                 gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED)
                for token in whole["added_tokens"]]
    for text, id_, type_ in sorted(entries, key=lambda entry: entry[1]):
        while len(tokens) <= id_:
            tokens.append(f"[PAD{len(tokens)}]")
            types.append(gguf.TokenType.UNUSED)
        tokens[id_], types[id_] = text, type_
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(kind)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in whole["model"]["merges"]])
    finish(writer)


def write_gguf_sp(path, proto):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list([piece.piece for piece in proto.pieces])
    writer.add_token_scores([piece.score for piece in proto.pieces])
    writer.add_token_types([piece.type for piece in proto.pieces])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(proto.normalizer_spec.add_dummy_prefix)
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Comparison:
    def __init__(self, tepui, text, folder):
        self.tepui, self.text, self.folder = tepui, text, folder
        self.file = folder / "text"
        self.file.write_bytes(text.encode())
        self.compared, self.failed = 0, 0

    def check(self, name, path, expected):
        run = subprocess.run([self.tepui, "tokenize", path, "--text", self.file, "--bos", "no", "--json"],
                             capture_output=True, check=False)
        self.compared += 1
        if run.returncode != 0:
            return self.report(name, run.stderr.decode().strip())
        tokens = json.loads(run.stdout)["tokens"]
        found = [token["id"] for token in tokens]
        if found == expected:
            placed = sum(token["begin"] is not None for token in tokens)
            print(f"{name:<34} {len(found):>8} tokens agree, {placed} of them have offsets", flush=True)
            return None
        at = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))
        where = tokens[at]["begin"] if at < len(tokens) else None
        around = self.text.encode()[max(0, (where or 0) - 30) : (where or 0) + 50]
        return self.report(name, f"token {at} at byte {where}: expected {expected[at:at+6]}, found {found[at:at+6]}, "
                                 f"around {around!r}")

    def report(self, name, message):
        self.failed += 1
        print(f"{name:<34} DIFFERS: {message}", flush=True)


def compare_json(comparison, text, only):
    shared = {"byte": train("byte", text[:400_000], 4000), "character": train("character", text[:400_000], 5000)}
    for name, whole in json_files(shared):
        if only and name not in only:
            continue
        path = comparison.folder / "tokenizer.json"
        path.write_text(json.dumps(whole))
        expected = Tokenizer.from_str(json.dumps(whole)).encode(comparison.text, add_special_tokens=False).ids
        comparison.check(name, path, expected)
        for kind in GGUF_KINDS.get(name, []):
            write_gguf_bpe(comparison.folder / "v.gguf", whole, kind)
            comparison.check(f"  GGUF {kind}", comparison.folder / "v.gguf", expected)


def compare_sentencepiece(comparison, text):
    variants = {
        "SentencePiece as LLaMA's": dict(byte_fallback=True, remove_extra_whitespaces=False,
                                         normalization_rule_name="identity"),
        "SentencePiece as Gemma's": dict(byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False,
                                         normalization_rule_name="identity",
                                         user_defined_symbols=["\u2581" * n for n in range(2, 9)] + ["\n\n", "\t"]),
        "SentencePiece, nmt_nfkc": dict(normalization_rule_name="nmt_nfkc"),
    }
    sentences = [line for line in text[:600_000].splitlines() if line and "\0" not in line]
    for name, options in variants.items():
        buffer = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_writer=buffer, model_type="bpe", vocab_size=4500, minloglevel=2,
            character_coverage=0.98, **options)
        path = comparison.folder / "tokenizer.model"
        path.write_bytes(buffer.getvalue())
        expected = sentencepiece.SentencePieceProcessor(model_file=str(path)).encode(comparison.text)
        comparison.check(name, path, expected)
        if options.get("byte_fallback"):
            write_gguf_sp(comparison.folder / "v.gguf", sp_proto.ModelProto.FromString(buffer.getvalue()))
            comparison.check("  GGUF llama", comparison.folder / "v.gguf", expected)


def compare_published(comparison, folder):
    if (folder / "tokenizer.json").exists():
        library = Tokenizer.from_file(str(folder / "tokenizer.json"))
    else:
        library = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        library.add_special_tokens(["<|endoftext|>"])
    expected = library.encode(comparison.text, add_special_tokens=False).ids
    comparison.check(folder.name, folder, expected)
    for path in folder.glob("*.gguf"):
        comparison.check(f"  {path.name}", path, expected)


def check_malformed(comparison, raw):
    """The first malformed byte is what tepui names."""
    try:
        raw.decode()
        raise AssertionError("the text is well formed")
    except UnicodeDecodeError as error:
        place = error.start
    bad, model = comparison.folder / "malformed", ROOT / "tests/data/demo-model"
    bad.write_bytes(raw)
    run = subprocess.run([comparison.tepui, "tokenize", model, "--text", bad], capture_output=True, check=False)
    message = run.stderr.decode()
    comparison.compared += 1
    if run.returncode == 1 and str(place) in message:
        print(f"malformed text is refused: {message.strip()}")
    else:
        comparison.report("malformed text", f"expected an error at byte {place}, found {message!r}")


def write_sample():
    """A short mixed text with the ids of the trained vocabularies that tokenizer_json_cases.json holds."""
    path = ROOT / "tests/data/tokenizers"
    data = json.loads((path / "tokenizer_json_cases.json").read_text())
    text = mixed_bytes(100_000, seed=5).decode(errors="replace")
    lines = [text[at : at + 80] for at in range(0, len(text), 5000)][:10]
    out = {"texts": lines, "ids": {}}
    for name, whole in json_files({kind: data["models"][kind] for kind in ("byte", "character")}):
        library = Tokenizer.from_str(json.dumps(whole))
        out["ids"][name] = [library.encode(line, add_special_tokens=False).ids for line in lines]
    rows = ",\n".join(f"{json.dumps(name)}:{json.dumps(ids, separators=(',', ':'))}" for name, ids in out["ids"].items())
    (path / "mixed_cases.json").write_text(f'{{"texts":{json.dumps(lines)},\n"ids":{{\n{rows}\n}}}}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tepui", default=str(ROOT / "build/tepui"))
    parser.add_argument("--published", type=pathlib.Path, nargs="*", default=[])
    parser.add_argument("--every-character", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--sample", action="store_true")
    arguments = parser.parse_args()
    if arguments.sample:
        write_sample()
        return 0
    raw = mixed_bytes(SIZE)
    text = raw.decode(errors="replace")
    shown = every_character() if arguments.every_character else text
    with tempfile.TemporaryDirectory() as name:
        comparison = Comparison(arguments.tepui, shown, pathlib.Path(name))
        check_malformed(comparison, raw)
        for folder in arguments.published:
            compare_published(comparison, folder)
        if not arguments.only or "SentencePiece" in arguments.only:
            compare_sentencepiece(comparison, text)
        compare_json(comparison, text, arguments.only)
        print(f"{comparison.compared} comparisons on {len(shown.encode())} bytes, {comparison.failed} differ")
        return 1 if comparison.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
