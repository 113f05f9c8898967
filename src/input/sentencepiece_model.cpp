// SPDX-License-Identifier: MIT
#include "input/sentencepiece_model.h"

#include <cmath>
#include <unordered_set>

#include "input/protobuf.h"
#include "input/utf8.h"

namespace tepui::input {
namespace {

using Wire = ProtoField::Wire;

// Field numbers of sentencepiece_model.proto.
namespace model_field {
constexpr std::uint64_t kPieces = 1, kTrainer = 2, kNormalizer = 3;
}
namespace piece_field {
constexpr std::uint64_t kPiece = 1, kScore = 2, kType = 3;
}
namespace trainer_field {
constexpr std::uint64_t kModelType = 3, kWhitespaceAsSuffix = 24, kByteFallback = 35,
                        kBosPiece = 46, kEosPiece = 47;
}
namespace normalizer_field {
constexpr std::uint64_t kName = 1, kCharsmap = 2, kDummyPrefix = 3, kRemoveExtra = 4, kEscape = 5;
}

Status read_bool(const ProtoReader& reader, const ProtoField& field, const char* name, bool& into) {
  TEPUI_TRY(reader.expect(field, Wire::varint, name));
  into = field.truth();
  return {};
}

Status read_text(const ProtoReader& reader, const ProtoField& field, const char* name,
                 std::string& into) {
  TEPUI_TRY(reader.expect(field, Wire::bytes, name));
  into = field.bytes;
  return {};
}

Result<SentencePiece> read_piece(ProtoReader reader, std::size_t id, const std::string& file) {
  SentencePiece piece;
  while (!reader.done()) {
    TEPUI_TRY(const ProtoField field, reader.next());
    if (field.number == piece_field::kPiece) {
      TEPUI_TRY(read_text(reader, field, "piece", piece.text));
    } else if (field.number == piece_field::kScore) {
      TEPUI_TRY(reader.expect(field, Wire::fixed32, "score"));
      piece.score = field.f32();
    } else if (field.number == piece_field::kType) {
      TEPUI_TRY(reader.expect(field, Wire::varint, "type"));
      if (field.value < 1 || field.value > 6)
        return fail(ErrorKind::data, "{}: piece {}: expected a type from 1 to 6, found {}", file,
                    id, field.value);
      piece.type = static_cast<SentencePiece::Type>(field.value);
    }
  }
  if (piece.text.empty() || first_invalid_utf8(piece.text))
    return fail(ErrorKind::data, "{}: piece {}: expected a text in UTF-8, found '{}'", file, id,
                quotable(piece.text));
  if (!std::isfinite(piece.score))
    return fail(ErrorKind::data, "{}: piece {}: the score is not finite", file, id);
  return piece;
}

Status read_trainer(ProtoReader reader, const std::string& file, SentencePieceModel& model) {
  std::uint64_t type = 1;
  bool suffix = false;
  while (!reader.done()) {
    TEPUI_TRY(const ProtoField field, reader.next());
    switch (field.number) {
      case trainer_field::kModelType:
        TEPUI_TRY(reader.expect(field, Wire::varint, "model_type"));
        type = field.value;
        break;
      case trainer_field::kWhitespaceAsSuffix:
        TEPUI_TRY(read_bool(reader, field, "treat_whitespace_as_suffix", suffix));
        break;
      case trainer_field::kByteFallback:
        TEPUI_TRY(read_bool(reader, field, "byte_fallback", model.byte_fallback));
        break;
      case trainer_field::kBosPiece:
        TEPUI_TRY(read_text(reader, field, "bos_piece", model.bos_piece));
        break;
      case trainer_field::kEosPiece:
        TEPUI_TRY(read_text(reader, field, "eos_piece", model.eos_piece));
        break;
      default: break;
    }
  }
  constexpr std::array<const char*, 5> kNames = {"?", "unigram", "BPE", "word", "char"};
  if (type != 2)
    return fail(ErrorKind::unsupported,
                "{}: SentencePiece model type '{}' is not supported (expected BPE)", file,
                kNames[type < kNames.size() ? type : 0]);
  if (suffix)
    return fail(ErrorKind::unsupported, "{}: treat_whitespace_as_suffix is not supported", file);
  return {};
}

Status read_normalizer(ProtoReader reader, SentencePieceModel& model) {
  while (!reader.done()) {
    TEPUI_TRY(const ProtoField field, reader.next());
    switch (field.number) {
      case normalizer_field::kName:
        TEPUI_TRY(read_text(reader, field, "name", model.normalizer_name));
        break;
      case normalizer_field::kCharsmap:
        TEPUI_TRY(read_text(reader, field, "precompiled_charsmap", model.charsmap));
        break;
      case normalizer_field::kDummyPrefix:
        TEPUI_TRY(read_bool(reader, field, "add_dummy_prefix", model.add_dummy_prefix));
        break;
      case normalizer_field::kRemoveExtra:
        TEPUI_TRY(
            read_bool(reader, field, "remove_extra_whitespaces", model.remove_extra_whitespaces));
        break;
      case normalizer_field::kEscape:
        TEPUI_TRY(read_bool(reader, field, "escape_whitespaces", model.escape_whitespaces));
        break;
      default: break;
    }
  }
  return {};
}

}  // namespace

Status check_sentencepiece_model(const std::string& file, SentencePieceModel& model) {
  std::unordered_set<std::string_view> texts;
  model.byte_ids.fill(-1);
  for (std::size_t i = 0; i < model.pieces.size(); ++i) {
    const SentencePiece& piece = model.pieces[i];
    const auto id = static_cast<TokenId>(i);
    if (!texts.insert(piece.text).second)
      return fail(ErrorKind::data, "{}: piece {}: '{}' is defined twice", file, i,
                  quotable(piece.text));
    if (piece.type == SentencePiece::Type::unknown) {
      if (model.unk >= 0)
        return fail(ErrorKind::data, "{}: pieces {} and {} are both of type unknown", file,
                    model.unk, i);
      model.unk = id;
    } else if (piece.type == SentencePiece::Type::byte) {
      const auto byte = byte_of_token_name(piece.text);
      if (!byte)
        return fail(ErrorKind::data, "{}: piece {}: expected a byte such as <0x0A>, found '{}'",
                    file, i, quotable(piece.text));
      model.byte_ids[static_cast<unsigned char>(*byte)] = id;
    }
  }
  if (model.unk < 0) return fail(ErrorKind::data, "{}: no piece is of type unknown", file);
  for (std::size_t byte = 0; model.byte_fallback && byte < 256; ++byte)
    if (model.byte_ids[byte] < 0)
      return fail(ErrorKind::data, "{}: byte_fallback is set, but the byte 0x{:02X} has no piece",
                  file, byte);
  return {};
}

Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes,
                                                     const std::string& file) {
  // Llama 3 gives the same name to a list of base64 ranks.
  if (!bytes.empty() && bytes[0] != '\n')
    return fail(ErrorKind::data,
                "{}: expected a SentencePiece model, found a file that begins with byte 0x{:02X}",
                file, static_cast<unsigned char>(bytes[0]));
  SentencePieceModel model;
  ProtoReader reader(bytes, 0, file);
  bool trained = false;
  while (!reader.done()) {
    TEPUI_TRY(const ProtoField field, reader.next());
    if (field.number == model_field::kPieces) {
      TEPUI_TRY(reader.expect(field, Wire::bytes, "pieces"));
      TEPUI_TRY(SentencePiece piece, read_piece(reader.inside(field), model.pieces.size(), file));
      model.pieces.push_back(std::move(piece));
    } else if (field.number == model_field::kTrainer) {
      TEPUI_TRY(reader.expect(field, Wire::bytes, "trainer_spec"));
      TEPUI_TRY(read_trainer(reader.inside(field), file, model));
      trained = true;
    } else if (field.number == model_field::kNormalizer) {
      TEPUI_TRY(reader.expect(field, Wire::bytes, "normalizer_spec"));
      TEPUI_TRY(read_normalizer(reader.inside(field), model));
    }
  }
  if (model.pieces.empty())
    return fail(ErrorKind::data, "{}: expected a SentencePiece model, found no pieces", file);
  if (!trained)
    return fail(ErrorKind::data, "{}: no trainer_spec, which tells the kind of model", file);
  TEPUI_TRY(check_sentencepiece_model(file, model));
  return model;
}

}  // namespace tepui::input
