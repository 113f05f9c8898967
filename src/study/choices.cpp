// SPDX-License-Identifier: MIT
#include "study/choices.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "base/hash.h"
#include "base/utf8_text.h"
#include "exec/decoder.h"
#include "exec/device_sizes.h"
#include "models/site_width.h"
#include "study/item_file.h"
#include "study/run_plan.h"
#include "study/run_store.h"
#include "study/scan.h"
#include "study/wording.h"

namespace tepui {

namespace {

using nlohmann::json;

// Items that are scored together have so many tokens, of beginnings and of what goes on from them.
constexpr std::int64_t kBatchTokens = 2048;
// Where weights pass through memory once a batch, a batch is larger.
constexpr std::int64_t kStreamedTokens = 16384;

struct Task {
  TaskFile file;
  std::vector<ChoiceItem> items;
};

std::size_t tokens_of(const ChoiceItem& item) {
  std::size_t tokens = 0;
  for (const ChoiceTokens& choice : item.choices) tokens += choice.ids.size();
  return tokens;
}

Result<Task> load_task(const std::filesystem::path& path, const ChoicesRequest& request,
                       const ScanInput& opened) {
  Task task;
  TEPUI_TRY(task.file, read_task_file(path, request.limit));
  TEPUI_TRY(const auto bos, bos_for(request.corpus, *opened.tokenizer));
  const std::vector<TokenId> before = bos ? std::vector<TokenId>{*bos} : std::vector<TokenId>();
  for (const TaskItem& item : task.file.items) {
    const auto failed = [&](const Error& error) {
      return fail(error.kind, "{}: line {}: {}", path.string(), item.line, error.message);
    };
    ChoiceItem tokens;
    for (std::size_t c = 0; c < item.choices.size(); ++c) {
      auto choice = tokens_of_choice(*opened.tokenizer, item.context(c), item.choices[c], before);
      if (!choice) return failed(choice.error());
      const Status valid = check_sequence(choice->ids, opened.model);
      if (!valid) return failed(valid.error());
      tokens.choices.push_back(*std::move(choice));
    }
    task.items.push_back(std::move(tokens));
  }
  return task;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n\r") - first + 1);
}

double characters(std::string_view text) {
  double count = 0;
  for (std::size_t at = 0; at < text.size(); ++count)
    at += std::max<std::size_t>(decode_utf8(text, at).length, 1);
  return count;
}

ItemResult item_result(const TaskItem& item, const ChoiceItem& tokens,
                       std::vector<std::vector<double>> log_likelihoods) {
  ItemResult result;
  result.line = item.line;
  result.answer = item.answer;
  result.log_likelihoods = std::move(log_likelihoods);
  for (std::size_t c = 0; c < item.choices.size(); ++c) {
    const std::string_view text = trimmed(item.choices[c]);
    const ChoiceTokens& choice = tokens.choices[c];
    const auto put = [&](LengthNorm norm, double length) {
      result.lengths[static_cast<std::size_t>(norm)].push_back(std::max(1.0, length));
    };
    put(LengthNorm::sum, 1);
    put(LengthNorm::characters, characters(text));
    put(LengthNorm::bytes, static_cast<double>(text.size()));
    put(LengthNorm::tokens,
        static_cast<double>(choice.ids.size()) - static_cast<double>(choice.first));
  }
  return result;
}

json identity_of(const ScanInput& opened, const std::vector<Task>& tasks,
                 std::span<const BranchSpec> specs, const MassiveRule& rule) {
  json identity = {{"version", tepui_version()},
                   {"model", opened.model_fingerprint},
                   {"configuration", configuration_fingerprint(opened.model.spec)},
                   {"backend", opened.backend->device().backend},
                   {"isa", opened.backend->device().isa},
                   {"rule", {rule.min_abs, rule.min_ratio}}};
  for (const Task& task : tasks) {
    std::string ids;
    for (std::size_t i = 0; i < task.items.size(); ++i) {
      ids += fmt::format("{}:", task.file.items[i].answer);
      for (const ChoiceTokens& choice : task.items[i].choices) {
        for (const TokenId id : choice.ids) ids += fmt::format("{} ", id);
        ids += fmt::format("from {};", choice.first);
      }
    }
    identity["tasks"].push_back({{"name", valid_utf8(task.file.name)}, {"ids", hash_hex(ids)}});
  }
  identity["branches"] = json::array();
  for (const BranchSpec& spec : specs)
    identity["branches"].push_back({{"name", spec.name}, {"edits", spec.text()}});
  return identity;
}

nlohmann::ordered_json item_json(const std::string& task, const ItemResult& item,
                                 std::span<const BranchRow> branches) {
  nlohmann::ordered_json out;
  out["task"] = valid_utf8(task);
  out["line"] = item.line;
  out["answer"] = item.answer;
  out["log_likelihoods"] = nlohmann::ordered_json::object();
  for (std::size_t b = 0; b < branches.size(); ++b)
    out["log_likelihoods"][valid_utf8(branches[b].name)] = item.log_likelihoods[b];
  return out;
}

// The likelihoods of a line that an earlier run wrote; nothing where it is not this item's.
std::optional<std::vector<std::vector<double>>> stored_item(const json& line, const Task& task,
                                                            std::size_t index,
                                                            std::span<const BranchRow> branches) {
  const auto& item = task.file.items[index];
  if (line.value("task", "") != valid_utf8(task.file.name) || line.value("line", 0) != item.line)
    return std::nullopt;
  std::vector<std::vector<double>> out;
  const json all = line.value("log_likelihoods", json::object());
  for (const BranchRow& branch : branches) {
    const json own = all.value(valid_utf8(branch.name), json::array());
    if (own.size() != item.choices.size()) return std::nullopt;
    out.emplace_back();
    for (const json& value : own) {  // what is not finite was written as null
      if (!value.is_number() && !value.is_null()) return std::nullopt;
      out.back().push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                           : value.get<double>());
    }
  }
  return out;
}

class Choosing {
 public:
  Choosing(const std::vector<Task>& tasks, ChoicesResult& result, std::optional<ItemFile> file,
           const RunProgress& progress)
      : tasks_(tasks), result_(result), file_(std::move(file)), progress_(progress) {
    for (const Task& task : tasks) {
      result_.tasks.push_back({task.file.name, task.file.path.string(), {}});
      for (const ChoiceItem& item : task.items)
        total_ += static_cast<std::int64_t>(tokens_of(item));
    }
  }

  // What the file has, in its order.
  Status take_stored() {
    if (!file_) return {};
    std::size_t next = 0;
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
      for (std::size_t i = 0; i < tasks_[t].items.size(); ++i, ++next) {
        if (next == file_->items().size()) return {};
        auto stored = stored_item(file_->items()[next], tasks_[t], i, result_.branches);
        if (!stored)
          return fail(ErrorKind::data, "results by item, line {}: expected those of {}: line {}",
                      next + 2, tasks_[t].file.path.string(), tasks_[t].file.items[i].line);
        keep(t, i, *std::move(stored));
      }
    }
    return {};
  }

  Status run(ChoiceScorer& scorer, std::int64_t batch) {
    if (progress_.advance) progress_.advance(done_, total_);
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
      const auto& items = tasks_[t].items;
      for (std::size_t first = result_.tasks[t].items.size(); first < items.size();) {
        std::size_t last = first;
        std::int64_t tokens = 0;
        while (last < items.size() && (last == first || tokens < batch))
          tokens += static_cast<std::int64_t>(tokens_of(items[last++]));
        TEPUI_TRY(auto scores, scorer.score(std::span(items).subspan(first, last - first)));
        for (std::size_t i = first; i < last; ++i) {
          keep(t, i, std::move(scores[i - first]));
          ++result_.computed;
          if (file_)
            TEPUI_TRY(file_->add(
                item_json(tasks_[t].file.name, result_.tasks[t].items.back(), result_.branches)));
        }
        if (file_) TEPUI_TRY(file_->sync());
        if (progress_.advance) progress_.advance(done_, total_);
        first = last;
      }
    }
    return {};
  }

 private:
  void keep(std::size_t task, std::size_t item, std::vector<std::vector<double>> scores) {
    const Task& own = tasks_[task];
    result_.tasks[task].items.push_back(
        item_result(own.file.items[item], own.items[item], std::move(scores)));
    done_ += static_cast<std::int64_t>(tokens_of(own.items[item]));
  }

  const std::vector<Task>& tasks_;
  ChoicesResult& result_;
  std::optional<ItemFile> file_;
  const RunProgress& progress_;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

}  // namespace

std::vector<std::vector<TokenId>> all_choices(const std::vector<Task>& tasks) {
  std::vector<std::vector<TokenId>> sequences;
  for (const Task& task : tasks)
    for (const ChoiceItem& item : task.items)
      for (const ChoiceTokens& choice : item.choices) sequences.push_back(choice.ids);
  return sequences;
}

// What the largest batch takes beside the model where beginnings are kept: their keys and values
// here and in caches, those of every choice with its beginning, and what the choices' own tokens,
// which are computed at once, take in a layer and in the head.
std::uint64_t bytes_of_batch(const ScanInput& opened, const std::vector<Task>& tasks,
                             int branches) {
  std::size_t longest = 0;
  for (const Task& task : tasks)
    for (const ChoiceItem& item : task.items) longest = std::max(longest, tokens_of(item));
  const std::int64_t tokens = (kBatchTokens + static_cast<std::int64_t>(longest)) * branches;
  const ModelSpec& spec = opened.model.spec;
  const int widest = site_width(spec, Site::mlp_act).value_or(spec.dims.width);
  const int row = 10 * spec.dims.width + 4 * widest + 3 * usual_head_tile(opened.backend->device());
  return 2 * decoder_bytes(spec.dims, tokens) +
         static_cast<std::uint64_t>(tokens) * static_cast<std::uint64_t>(row) * sizeof(float);
}

Result<ChoicesResult> run_choices(const ChoicesRequest& request, const RunProgress& progress) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(ScanInput opened, open_without_text(request, pool));
  std::vector<Task> tasks;
  for (const auto& path : request.tasks) {
    TEPUI_TRY(Task task, load_task(path, request, opened));
    opened.sources.push_back(path.string());
    // Calibration without a text of its own looks at right answers.
    for (std::size_t i = 0; i < task.items.size(); ++i)
      opened.sequences.push_back(
          task.items[i].choices[static_cast<std::size_t>(task.file.items[i].answer)].ids);
    tasks.push_back(std::move(task));
  }
  progress.tell(opened.notes);
  const auto sequences = all_choices(tasks);
  TEPUI_TRY(const BranchSetup setup,
            set_up_branches(request.branches, longest_of(sequences), request.calibration, request,
                            opened, pool, request.rule, progress));
  progress.tell(notes_of_idle_edits(setup.specs, sequences));
  const json identity = identity_of(opened, tasks, setup.specs, request.rule);
  opened.corpus.fingerprint = hash_hex(identity["tasks"].dump());
  ChoicesResult result;
  result.run = run_info(request, opened);
  result.branches.push_back({std::string(kUnedited), ""});
  for (const BranchSpec& spec : setup.specs) result.branches.push_back({spec.name, spec.text()});
  std::optional<ItemFile> file;
  if (request.out) {
    TEPUI_TRY(file, ItemFile::open(*request.out, identity));
  }
  Choosing choosing(tasks, result, std::move(file), progress);
  TEPUI_TRY(choosing.take_stored());
  const auto metrics = prefix_metrics();
  TEPUI_TRY(const Schedule schedule, make_schedule(setup.branches, opened.model.spec.dims.layers));
  TEPUI_TRY(const SiteSelection sites, prefix_sites(opened.model.spec));
  RunWork shared{schedule, sites, metrics, true, false};
  shared.beside = bytes_of_batch(opened, tasks, schedule.branches);
  const auto beside = RunPlan::make(request, opened, shared, sequences);
  // Beginnings are kept where they fit beside the whole model. Else every choice is a sequence of
  // its own, and the weights pass once for a batch of them.
  const bool fits = beside && beside->memory().all_resident;
  const SiteSelection nowhere;
  const RunWork whole{schedule, nowhere, {}, true, false};
  const auto plan = fits ? beside : RunPlan::make(request, opened, whole, sequences);
  if (!plan) return tl::unexpected(plan.error());
  ExecOptions exec = plan->options({}, "");
  exec.massive = request.rule;
  Executor executor(*opened.backend, opened.model, pool, exec, metrics);
  TEPUI_TRY(const auto head,
            Head::make(*opened.backend, opened.model, pool, 0, plan->memory().keeps_head));
  ChoiceScorer scorer(*opened.backend, opened.model, executor, *head, setup.branches, request.rule,
                      fits);
  result.shared = scorer.shares();
  result.fits = fits;
  if (progress.stage) progress.stage("choices");
  if (progress.stopping && request.out)
    progress.stopping([file = spelled_out(request.out->string(), Letters::unicode)] {
      return fmt::format("what was computed is in {}; the same command goes on", file);
    });
  const auto start = std::chrono::steady_clock::now();
  TEPUI_TRY(choosing.run(scorer, fits ? kBatchTokens : kStreamedTokens));
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.rows = scorer.rows();
  return result;
}

}  // namespace tepui
