// SPDX-License-Identifier: MIT
#include "input/gguf_pre_tokenizers.h"

#include <algorithm>
#include <initializer_list>

namespace tepui::input {
namespace {

// tiktoken's cl100k and its relatives: digits in threes, or one by one.
constexpr std::string_view kDigitsInThrees =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kDigitsAlone =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kBloom = R"( ?[^(\s|[.,!?…。，、।۔،])]+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kO200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// DeepSeek's: cased letters, punctuation, Han and Hangul apart.
constexpr std::string_view kCased =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)";
constexpr std::string_view kMarks =
    R"(\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}\x{3000}-\x{3002}]+)";
constexpr std::string_view kHanAndHangul =
    R"([\x{4e00}-\x{9fa5}\x{0800}-\x{4e00}\x{ac00}-\x{d7ff}]+)";
constexpr std::string_view kHanAndKana =
    R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)";
constexpr std::string_view kWordsAndMarks =
    R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

Json split(std::string_view regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", std::string(regex)}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}
Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", use_regex}};
}
Json digits(bool individual) { return {{"type", "Digits"}, {"individual_digits", individual}}; }
Json sequence(Json::array_t steps) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}
Json split_to_bytes(std::string_view regex) { return sequence({split(regex), byte_level(false)}); }
Json nfc() { return {{"type", "NFC"}}; }

bool any_of(std::string_view kind, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, kind) != names.end();
}

}  // namespace

std::optional<GgufPreTokenizer> gguf_pre_tokenizer(std::string_view kind) {
  if (any_of(kind, {"gpt-2", "phi-2"})) return GgufPreTokenizer{{}, byte_level(true)};
  if (any_of(kind, {"mpt", "olmo", "gptneox"})) return GgufPreTokenizer{nfc(), byte_level(true)};
  if (any_of(kind, {"llama-bpe", "llama3", "llama-v3"}))
    return GgufPreTokenizer{{}, split_to_bytes(kDigitsInThrees), true, true};
  if (any_of(kind, {"dbrx", "smaug-bpe"}))
    return GgufPreTokenizer{{}, split_to_bytes(kDigitsInThrees)};
  if (any_of(kind, {"qwen2", "deepseek-r1-qwen", "stablelm2"}))
    return GgufPreTokenizer{nfc(), split_to_bytes(kDigitsAlone)};
  if (kind == "falcon")
    return GgufPreTokenizer{{},
                            sequence({{{"type", "Punctuation"}, {"behavior", "Contiguous"}},
                                      byte_level(true),
                                      digits(false),
                                      split("[0-9][0-9][0-9]")})};
  if (any_of(kind, {"starcoder", "refact", "smollm"}))
    return GgufPreTokenizer{{}, sequence({digits(true), byte_level(true)})};
  if (kind == "command-r")
    return GgufPreTokenizer{nfc(), sequence({digits(true), byte_level(true)})};
  if (any_of(kind, {"bloom", "poro-chat", "gpt3-finnish"}))
    return GgufPreTokenizer{{}, split_to_bytes(kBloom)};
  if (kind == "viking")
    return GgufPreTokenizer{{}, sequence({split(kBloom), digits(true), byte_level(false)})};
  if (kind == "deepseek-llm")
    return GgufPreTokenizer{
        {},
        sequence({split("[\r\n]"), split(kCased), split(kMarks), split(R"(\s+$)"),
                  split(kHanAndHangul), digits(true), byte_level(false)})};
  if (kind == "deepseek-coder")
    return GgufPreTokenizer{{},
                            sequence({split("[\r\n]"), split(R"(\s?\p{L}+)"), split(R"(\s?\p{P}+)"),
                                      split(kHanAndHangul), digits(true), byte_level(false)})};
  if (kind == "deepseek-v3")
    return GgufPreTokenizer{{},
                            sequence({split(R"(\p{N}{1,3})"), split(kHanAndKana),
                                      split(kWordsAndMarks), byte_level(false)})};
  if (kind == "tekken") return GgufPreTokenizer{{}, split_to_bytes(kTekken), true, true};
  if (kind == "gpt-4o") return GgufPreTokenizer{{}, split_to_bytes(kO200k)};
  return std::nullopt;
}

std::string_view gguf_kind_of_architecture(std::string_view architecture) {
  if (any_of(architecture, {"gpt2", "phi2"})) return "gpt-2";
  if (any_of(architecture, {"falcon", "mpt", "olmo", "bloom", "qwen2", "command-r", "gptneox"}))
    return architecture;
  return {};
}

}  // namespace tepui::input
