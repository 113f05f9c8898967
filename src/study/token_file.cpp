// SPDX-License-Identifier: MIT
#include "study/token_file.h"

#include <map>

#include "base/utf8_text.h"
#include "store/export_row.h"
#include "store/output_file.h"

namespace tepui {

namespace {

constexpr Point kLogitsPlace{kNoLayer, Site::logits};

}  // namespace

Status write_token_file(StoreReader& store, const std::filesystem::path& file) {
  TEPUI_TRY(const auto sequences, store.sequences());
  TEPUI_TRY(const auto vocabulary, store.vocabulary());
  TEPUI_TRY(const auto scores, store.likelihoods());
  std::map<std::int32_t, std::string> pieces;
  for (const VocabularyRow& token : vocabulary) pieces[token.token_id] = token.piece;
  TEPUI_TRY(auto out, OutputFile::create_named(file));
  TEPUI_TRY(out.write("branch,sequence,position,token_id,piece,log_likelihood\n"));
  std::string text;
  ExportRow row(ExportFormat::csv, text);
  for (const LikelihoodRow& score : scores) {
    const auto& tokens = sequences[static_cast<std::size_t>(score.sequence)].tokens;
    TEPUI_TRY(const auto series, store.series(score.sequence, kLogitsPlace, score.branch));
    if (series.size() != 1 || series.front().values.size() + 1 != tokens.size())
      return fail(ErrorKind::data,
                  "{}: expected the log-likelihoods of the {} tokens of sequence {}, found others",
                  store.file().string(), tokens.size(), score.sequence);
    const auto first = tokens.size() - static_cast<std::size_t>(score.tokens);
    for (std::size_t position = first; position < tokens.size(); ++position) {
      row.begin();
      row.number("branch", score.branch);
      row.number("sequence", score.sequence);
      row.number("position", static_cast<std::int64_t>(position));
      row.number("token_id", tokens[position]);
      row.text("piece", escape_bytes(pieces[tokens[position]]));
      row.real("log_likelihood", series.front().values[position - 1]);
      row.end();
    }
    TEPUI_TRY(out.write(text));
    text.clear();
  }
  return out.commit();
}

}  // namespace tepui
