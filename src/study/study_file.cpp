// SPDX-License-Identifier: MIT
#include "study/study_file.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "base/mapped_file.h"
#include "base/utf8_text.h"
#include "study/toml_fields.h"

namespace tepui {

namespace {

constexpr std::int64_t kMost = 1 << 30;
constexpr std::string_view kEveryLayer = "every layer";

// Names become parts of folders' names.
bool is_name(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         std::ranges::all_of(name, [](unsigned char c) { return c > ' ' && c < 0x7F && c != '/'; });
}

// "{" NAME "}" in a text: the names, in order.
std::vector<std::string> placeholders(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find('}', at);
    if (end != std::string::npos) names.push_back(text.substr(at + 1, end - at - 1));
  }
  return names;
}

std::string filled(std::string text, const std::string& name, const std::string& value) {
  const std::string mark = "{" + name + "}";
  for (std::size_t at = text.find(mark); at != std::string::npos;
       at = text.find(mark, at + value.size()))
    text.replace(at, mark.size(), value);
  return text;
}

// Where the keys of a table are, by the options that are called after them.
StudyFields fields_of(const TomlFields& table, std::initializer_list<const char*> keys) {
  StudyFields fields;
  for (const std::string key : keys) {
    std::string option = "--" + key;
    std::ranges::replace(option, '_', '-');
    fields[option] = {table.place(key), key};
  }
  return fields;
}

// "0-31" or "0-31:4"; nothing where it is no range.
std::optional<std::vector<std::string>> range_values(const std::string& text) {
  int numbers[3] = {0, 0, 1};
  const char* at = text.data();
  const char* const end = at + text.size();
  const char separators[] = {'-', ':'};
  int count = 0;
  for (; count < 3; ++count) {
    const auto read = std::from_chars(at, end, numbers[count]);
    if (read.ec != std::errc() || numbers[count] < 0) return std::nullopt;
    at = read.ptr;
    if (at == end) break;
    if (count == 2 || *at != separators[count]) return std::nullopt;
    ++at;
  }
  constexpr int kLongest = 100000;
  const auto [first, last, step] = numbers;
  if (count == 0 || last < first || step < 1 || last - first > kLongest) return std::nullopt;
  std::vector<std::string> values;
  for (int value = first; value <= last; value += step) values.push_back(fmt::format("{}", value));
  return values;
}

class StudyReader {
 public:
  StudyReader(const std::filesystem::path& file, const toml::table& root)
      : name_(printable(file.string())), folder_(file.parent_path()), root_(root) {}

  Result<Study> run() {
    TomlFields top(root_, "the study", name_);
    TEPUI_TRY(read_one(top, "study", [this](TomlFields& fields) { return read_settings(fields); }));
    TEPUI_TRY(read_one(top, "massive", [this](TomlFields& fields) { return read_rule(fields); }));
    TEPUI_TRY(read_all(top, "model", [this](TomlFields& fields) { return read_model(fields); }));
    TEPUI_TRY(read_all(top, "text", [this](TomlFields& fields) { return read_text(fields); }));
    TEPUI_TRY(read_all(top, "branch", [this](TomlFields& fields) { return read_branch(fields); }));
    TEPUI_TRY(top.done());
    if (study_.models.empty() || study_.texts.empty())
      return fail(ErrorKind::usage, "{}: expected at least one [[{}]], found none", name_,
                  study_.models.empty() ? "model" : "text");
    if (study_.protocol != Protocol::none && !study_.branches.empty())
      return fail(ErrorKind::usage,
                  "{}: expected no [[branch]] beside a protocol, which has its own",
                  study_.branches.front().place);
    return std::move(study_);
  }

 private:
  using Read = std::function<Status(TomlFields&)>;

  Status read_one(TomlFields& top, const std::string& key, const Read& read) {
    const toml::node* const found = top.node(key);
    if (found == nullptr) return {};
    const auto* table = found->as_table();
    if (table == nullptr) return top.wrong(key, fmt::format("a table: [{}]", key));
    TomlFields fields(*table, "[" + key + "]", name_);
    TEPUI_TRY(read(fields));
    return fields.done();
  }

  Status read_all(TomlFields& top, const std::string& key, const Read& read) {
    const toml::node* const found = top.node(key);
    if (found == nullptr) return {};
    const auto* list = found->as_array();
    if (list == nullptr) return top.wrong(key, fmt::format("tables: [[{}]]", key));
    for (const toml::node& entry : *list) {
      const auto* table = entry.as_table();
      if (table == nullptr) return top.wrong(key, fmt::format("tables: [[{}]]", key));
      TomlFields fields(*table, "[[" + key + "]]", name_);
      TEPUI_TRY(read(fields));
      TEPUI_TRY(fields.done());
    }
    return {};
  }

  Status read_settings(TomlFields& fields) {
    TEPUI_TRY(const auto sites, fields.text("sites"));
    TEPUI_TRY(const auto unit, fields.integer("unit", 1, kMost));
    TEPUI_TRY(const auto protocol, fields.text("protocol"));
    if (sites) study_.fields = fields_of(fields, {"sites"});
    study_.sites = sites.value_or(study_.sites);
    study_.unit = static_cast<int>(unit.value_or(0));
    if (!protocol) return {};
    const auto known = protocol_from_name(*protocol);
    if (!known) return fields.wrong("protocol", "sun2024 or owen2025");
    study_.protocol = *known;
    return {};
  }

  Status read_rule(TomlFields& fields) {
    TEPUI_TRY(const auto min_abs, fields.positive("min_abs"));
    TEPUI_TRY(const auto min_ratio, fields.positive("min_ratio"));
    TEPUI_TRY(const auto calibrate, fields.texts("calibrate"));
    TEPUI_TRY(const auto sequences, fields.integer("sequences", 1, kMost));
    study_.rule.min_abs = min_abs.value_or(study_.rule.min_abs);
    study_.rule.min_ratio = min_ratio.value_or(study_.rule.min_ratio);
    for (const std::string& path : calibrate) study_.calibration.text.push_back(folder_ / path);
    study_.calibration.sequences =
        static_cast<int>(sequences.value_or(study_.calibration.sequences));
    return {};
  }

  Result<std::string> name_of(TomlFields& fields, const std::filesystem::path& from,
                              std::set<std::string>& taken) {
    TEPUI_TRY(const auto given, fields.text("name"));
    std::string name = given.value_or(from.string());
    if (!given)
      std::ranges::replace_if(
          name, [](unsigned char c) { return c <= ' ' || c > '~'; }, '_');
    if (!is_name(name)) return fields.wrong("name", "a name without blanks and '/', for a folder");
    if (!taken.insert(name).second)
      return fields.wrong("name", fmt::format("another name (\"{}\" is taken)", name));
    return name;
  }

  Status read_model(TomlFields& fields) {
    StudyModel model;
    TEPUI_TRY(const std::string path, fields.needed_text("path"));
    TEPUI_TRY(const auto tokenizer, fields.text("tokenizer"));
    model.path = folder_ / path;
    if (tokenizer) model.tokenizer = folder_ / *tokenizer;
    const auto whole = std::filesystem::path(path).lexically_normal();
    const auto last = whole.has_filename() ? whole.filename() : whole.parent_path().filename();
    TEPUI_TRY(model.name, name_of(fields, last, model_names_));
    model.place = fields.place("path");
    study_.models.push_back(std::move(model));
    return {};
  }

  Status read_text(TomlFields& fields) {
    StudyText text;
    CorpusRequest& corpus = text.corpus;
    TEPUI_TRY(const auto files, fields.texts("files"));
    if (files.empty()) return fields.wrong("files", "a text file or a list of them");
    for (const std::string& path : files) corpus.texts.push_back(folder_ / path);
    TEPUI_TRY(text.name, name_of(fields, corpus.texts.front().stem(), text_names_));
    const std::pair<const char*, int*> counts[] = {{"context", &corpus.context},
                                                   {"stride", &corpus.stride},
                                                   {"sequences", &corpus.sequences},
                                                   {"chunks", &corpus.pieces}};
    for (const auto& [key, target] : counts) {
      TEPUI_TRY(const auto value, fields.integer(key, 1, kMost));
      *target = static_cast<int>(value.value_or(0));
    }
    TEPUI_TRY(corpus.joiner, fields.text("joiner"));
    TEPUI_TRY(const auto special, fields.truth("special_tokens"));
    corpus.special_tokens = special.value_or(false);
    TEPUI_TRY(const auto bos, fields.text("bos"));
    if (bos && *bos != "auto" && *bos != "yes" && *bos != "no")
      return fields.wrong("bos", "\"auto\", \"yes\" or \"no\"");
    if (bos)
      corpus.bos = *bos == "yes" ? BosRule::yes : *bos == "no" ? BosRule::no : BosRule::automatic;
    TEPUI_TRY(const auto documents, fields.text("documents"));
    if (documents && *documents != "files" && *documents != "lines")
      return fields.wrong("documents", "\"files\" or \"lines\"");
    corpus.line_documents = documents == "lines";
    if (corpus.line_documents && !corpus.joiner)
      return fields.wrong("joiner", "a text to put between the lines");
    text.place = fields.place("files");
    text.fields = fields_of(fields, {"context", "stride", "sequences", "chunks", "joiner", "bos",
                                     "documents", "special_tokens"});
    study_.texts.push_back(std::move(text));
    return {};
  }

  Result<StudyVariable> read_variable(TomlFields& fields, const std::string& key) {
    StudyVariable variable{key, {}, false};
    const toml::node& node = *fields.node(key);
    const auto* text = node.as_string();
    if (text != nullptr && text->get() == kEveryLayer) {
      variable.every_layer = true;
      return variable;
    }
    const auto range = text != nullptr ? range_values(text->get()) : std::nullopt;
    if (range) variable.values = *range;
    if (const auto* list = node.as_array()) {
      for (const toml::node& entry : *list) {
        if (entry.is_string() || entry.is_number())
          variable.values.push_back(toml_spelling(entry));
        else
          variable.values.clear();
        if (variable.values.empty()) break;
      }
    }
    if (variable.values.empty())
      return fields.wrong(key,
                          "a list of numbers or texts, a range such as \"0-31\" or \"0-31:4\", or "
                          "\"every layer\"");
    return variable;
  }

  Status read_branch(TomlFields& fields) {
    StudyBranch branch;
    branch.place = fields.place("edits");
    TEPUI_TRY(const auto edits, fields.texts("edits"));
    if (edits.empty()) return fields.wrong("edits", "an edit or a list of edits");
    for (const std::string& edit : edits) branch.edits += (branch.edits.empty() ? "" : ";") + edit;
    TEPUI_TRY(const auto name, fields.text("name"));
    branch.name = name.value_or(branch.edits);
    TEPUI_TRY(branch.models, fields.texts("models"));
    for (const std::string& model : branch.models)
      if (!model_names_.contains(model))
        return fields.wrong("models", "names of models of this study");
    for (const std::string& key : fields.others()) {
      TEPUI_TRY(auto variable, read_variable(fields, key));
      branch.variables.push_back(std::move(variable));
    }
    const auto known = [&](const std::string& name) {
      return std::ranges::find(branch.variables, name, &StudyVariable::name) !=
             branch.variables.end();
    };
    for (const std::string& used : placeholders(branch.edits + branch.name))
      if (!known(used))
        return fail(ErrorKind::usage,
                    "{}: {{{}}} of [[branch]]: expected a field {} that says what stands for it, "
                    "found none",
                    branch.place, printable(used), printable(used));
    for (const StudyVariable& variable : branch.variables)
      for (const std::string* text : {&branch.edits, &branch.name})
        if (text->find("{" + variable.name + "}") == std::string::npos)
          return fail(ErrorKind::usage,
                      "{}: {} of [[branch]]: expected {{{}}} in its {}, found none",
                      fields.place(variable.name), printable(variable.name),
                      printable(variable.name), text == &branch.edits ? "edits" : "name");
    study_.branches.push_back(std::move(branch));
    return {};
  }

  std::string name_;
  std::filesystem::path folder_;
  const toml::table& root_;
  Study study_;
  std::set<std::string> model_names_;
  std::set<std::string> text_names_;
};

void expand(const StudyBranch& branch, std::size_t variable, BranchRequest filled_in, int layers,
            std::vector<BranchRequest>& out) {
  if (variable == branch.variables.size()) {
    filled_in.option = branch.place + ": edits";
    out.push_back(std::move(filled_in));
    return;
  }
  const StudyVariable& own = branch.variables[variable];
  std::vector<std::string> values = own.values;
  if (own.every_layer)
    for (int layer = 0; layer < layers; ++layer) values.push_back(fmt::format("{}", layer));
  for (const std::string& value : values)
    expand(branch, variable + 1,
           {filled(filled_in.name, own.name, value), filled(filled_in.edits, own.name, value)},
           layers, out);
}

}  // namespace

Result<Study> read_study(const std::filesystem::path& file) {
  TEPUI_TRY(const std::string text, read_file(file));
  try {
    const toml::table root = toml::parse(text, file.string());
    return StudyReader(file, root).run();
  } catch (const toml::parse_error& error) {
    return fail(ErrorKind::usage, "{}: {}", toml_place(printable(file.string()), error.source()),
                printable(std::string(error.description())));
  }
}

std::vector<BranchRequest> expand_branches(const Study& study, const StudyModel& model,
                                           int layers) {
  std::vector<BranchRequest> out;
  for (const StudyBranch& branch : study.branches) {
    const bool wanted = branch.models.empty() ||
                        std::ranges::find(branch.models, model.name) != branch.models.end();
    if (wanted) expand(branch, 0, {branch.name, branch.edits}, layers, out);
  }
  return out;
}

}  // namespace tepui
