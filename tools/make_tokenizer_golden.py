#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/data/tokenizers: small tokenizers and the ids that the tokenizers and sentencepiece
libraries give for a list of awkward texts.

Needs the PyPI packages tokenizers, sentencepiece and protobuf. The build and the tests need none of
them: they read what this wrote. usage: make_tokenizer_golden.py
"""

import copy
import io
import json
import pathlib

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as sp_proto
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from tokenizer_golden_cases import cases
from tokenizer_golden_texts import TEXTS

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "data" / "tokenizers"
CORPUS = (ROOT / "tests" / "data" / "demo-model" / "sample.txt").read_text().splitlines()[:80]


def train_byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        CORPUS + ["Hello world 123 12 <the> don't"],
        trainers.BpeTrainer(
            vocab_size=400,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return json.loads(tokenizer.to_str())["model"]


def train_characters():
    """SentencePiece-like: spaces as U+2581, all byte tokens in front."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % byte for byte in range(256)]
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=460, special_tokens=special, show_progress=False)
    )
    model = json.loads(tokenizer.to_str())["model"]
    model["fuse_unk"] = True
    model["byte_fallback"] = True
    return model


def write_json_cases():
    shared = {"byte": train_byte_level(), "character": train_characters()}
    listed = []
    for case in cases(len(shared["byte"]["vocab"]), len(shared["character"]["vocab"])):
        model = copy.deepcopy(shared[case["model"]])
        model.update(case.get("options", {}))
        for piece in case.get("extra", []):
            model["vocab"].setdefault(piece, len(model["vocab"]))
        shift = case.pop("shift", 0)  # the added tokens stand behind the extra pieces
        for token in case.get("added_tokens", []):
            token["id"] += shift
        if shift:
            case["post_processor"]["special_tokens"]["<s>"]["ids"][0] += shift
        whole = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "decoder": None,
            "model": model,
        }
        for key in ("added_tokens", "normalizer", "pre_tokenizer", "post_processor"):
            whole[key] = case.get(key, [] if key == "added_tokens" else None)
        tokenizer = Tokenizer.from_str(json.dumps(whole))
        case["ids"] = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
        listed.append(case)
    for model in shared.values():
        model["merges"] = [
            list(pair) if not isinstance(pair, str) else pair for pair in model["merges"]
        ]
    with open(OUT / "tokenizer_json_cases.json", "w") as file:
        compact = lambda value: json.dumps(value, separators=(",", ":"))
        file.write(
            '{"texts":%s,\n"models":%s,\n"cases":[\n%s\n]}\n'
            % (compact(TEXTS), compact(shared), ",\n".join(compact(case) for case in listed))
        )


def train_sentencepiece(**options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        model_type="bpe",
        minloglevel=2,
        **options,
    )
    proto = sp_proto.ModelProto.FromString(model.getvalue())
    proto.trainer_spec.ClearField("input")
    proto.denormalizer_spec.Clear()
    return proto


def write_sentencepiece_cases():
    rules = OUT / "rules.tsv"
    # "AB" -> "ab", the ligature -> "fi", an ideographic space -> a space, a soft hyphen -> nothing
    rules.write_text("41 42\t61 62\nFB01\t66 69\n3000\t20\nAD\t\n1E9B 323\t1E69\n")
    mapped = train_sentencepiece(
        vocab_size=200,
        normalization_rule_tsv=str(rules),
        user_defined_symbols=["<|end|>", "Nation", "[MASK]"],
        character_coverage=0.98,
    )
    rules.unlink()
    mapped.normalizer_spec.ClearField("normalization_rule_tsv")
    gemma = train_sentencepiece(
        vocab_size=420,
        normalization_rule_name="identity",
        byte_fallback=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        user_defined_symbols=["\u2581" * n for n in (2, 3, 4)] + ["\n\n"],
    )
    unused = train_sentencepiece(
        vocab_size=420,
        normalization_rule_name="identity",
        byte_fallback=True,
        remove_extra_whitespaces=False,
    )
    for index, piece in enumerate(unused.pieces):
        if piece.type == 1 and len(piece.piece) in (2, 3) and index % 2:
            piece.type = 5
    listed = {}
    for name, proto in (("mapped", mapped), ("gemma", gemma), ("unused", unused)):
        (OUT / f"sp_{name}.model").write_bytes(proto.SerializeToString())
        library = sentencepiece.SentencePieceProcessor(model_file=str(OUT / f"sp_{name}.model"))
        listed[f"sp_{name}.model"] = [
            library.encode(text + extra)
            for text in TEXTS
            for extra in ("", " ABfi\ufb01\u00ad AB\u3000x ")
        ]
    (OUT / "sentencepiece_cases.json").write_text(
        json.dumps(
            {
                "texts": [
                    text + extra for text in TEXTS for extra in ("", " ABfi\ufb01\u00ad AB\u3000x ")
                ],
                "models": listed,
            },
            separators=(",", ":"),
        )
        + "\n"
    )


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    write_json_cases()
    write_sentencepiece_cases()
