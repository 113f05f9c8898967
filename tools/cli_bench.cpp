// SPDX-License-Identifier: MIT
// tepui bench
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "base/progress.h"
#include "commands.h"
#include "interrupt.h"
#include "models/named_shape.h"
#include "run_options.h"
#include "store/output_file.h"
#include "study/bench_report.h"
#include "study/json_values.h"
#include "usage.h"

namespace tepui {

namespace {

struct BenchArguments {
  BenchRequest request;
  std::string out;
  std::string command;
  bool json = false;
};

Status print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return flush_output();
}

// In the file that was asked for.
Status keep(const BenchArguments& arguments, const std::string& json) {
  TEPUI_TRY(auto file, OutputFile::create_named(arguments.out));
  TEPUI_TRY(file.write(json));
  return file.commit();
}

// The text or the document, and the document in the file.
Status give(const BenchArguments& arguments, const std::string& text, const std::string& json) {
  TEPUI_TRY(print(arguments.json ? json : text));
  if (arguments.out.empty()) return {};
  TEPUI_TRY(keep(arguments, json));
  if (!arguments.json) fmt::print("\nStored in {}.\n", arguments.out);
  return flush_output();
}

Status run_bench_command(const BenchArguments& arguments) {
  const BenchRequest& request = arguments.request;
  if (request.layers > 0 && request.shape.empty())
    return fail(ErrorKind::usage, "--layers {}: expected --shape beside it: of a model all are run",
                request.layers);
  if (request.head && request.profile.empty())
    return fail(ErrorKind::usage,
                "--head: expected --predict beside it; --scores measures the vocabulary's scores");
  if (!arguments.request.profile.empty()) {
    TEPUI_TRY(const Prediction found, predict(arguments.request));
    return give(arguments, prediction_text(found), json_text(prediction_json(found)) + "\n");
  }
  const auto document = [&](const BenchResult& result) {
    auto json = bench_json(result);
    json["command"] = arguments.command;
    return json_text(json) + "\n";
  };
  InterruptNotice interrupted;
  std::optional<Progress> bar;
  BenchProgress progress;
  progress.advance = [&](int done, int runs) {
    if (!bar) bar.emplace("bench", "runs", runs);
    bar->update(done);
  };
  progress.round = [&](const BenchResult& result) -> Status {
    if (arguments.out.empty()) return {};
    TEPUI_TRY(keep(arguments, document(result)));
    interrupted.tell([rounds = result.rows.front().peaks.size(), out = arguments.out] {
      return fmt::format("what {} round{} measured is stored in {}", rounds, rounds == 1 ? "" : "s",
                         out);
    });
    return {};
  };
  const auto result = run_bench(arguments.request, progress);
  bar.reset();
  if (!result) return tl::unexpected<Error>(result.error());
  return give(arguments, bench_text(*result), document(*result));
}

std::vector<std::string> shape_words() {
  std::vector<std::string> words;
  for (const NamedShape& shape : named_shapes()) words.emplace_back(shape.name);
  return words;
}

// Three a line of the help.
std::vector<std::string> shape_lines() {
  std::vector<std::string> lines;
  const std::vector<std::string> words = shape_words();
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (at % 3 == 0)
      lines.push_back(words[at]);
    else
      lines.back() += ", " + words[at];
  }
  return lines;
}

std::vector<std::string> profile_words() {
  std::vector<std::string> words{"cpu", "vulkan"};
  for (const DeviceProfile& profile : device_profiles()) words.push_back(profile.name);
  return words;
}

void add_subject_options(CLI::App& bench, BenchRequest& request) {
  bench.add_option("MODEL", request.model, "A model folder or file, as for scan")->type_name("");
  bench
      .add_option("--shape", request.shape,
                  fmt::format("A model of a named shape with random weights:\n{}",
                              fmt::join(shape_lines(), ",\n")))
      ->check(one_of(shape_words()))
      ->type_name("NAME");
  bench
      .add_option("--layers", request.layers,
                  "Measure so many layers of the shape and scale the\n"
                  "times (default: as many as half of the memory holds)")
      ->check(count_up_to(1000))
      ->type_name("N");
  bench.add_option("--backends", request.backends, "What is compared")
      ->delimiter(',')
      ->check(offering({{"cpu", "vulkan"}, true}, backend_name()))
      ->capture_default_str()
      ->type_name("LIST");
  bench
      .add_option("--types", request.types,
                  "Weights stored as f32, f16, bf16 or q8_0 (default:\n"
                  "as they are; f32 of a shape)")
      ->delimiter(',')
      ->check(offering({{"f32", "f16", "bf16", "q8_0"}, true}))
      ->type_name("LIST");
  bench.add_option("--lengths", request.lengths, "Tokens of a sequence")
      ->delimiter(',')
      ->check(count_up_to(1 << 20))
      ->capture_default_str()
      ->type_name("LIST");
}

}  // namespace

void add_bench(CLI::App& app, int argc, char** argv, int& code) {
  auto arguments = std::make_shared<BenchArguments>();
  arguments->command = quoted_command(argc, argv);
  BenchRequest& request = arguments->request;
  CLI::App* bench = app.add_subcommand(
      "bench", "Measure how fast backends are, or predict how fast a device would be");
  add_subject_options(*bench, request);
  bench
      ->add_option("--sites", request.sites,
                   "Where the statistics of a scan are taken, as for scan")
      ->capture_default_str()
      ->type_name("LIST");
  bench->add_option("--tokens", request.tokens, "Tokens that one run computes")
      ->check(count_up_to(1 << 24))
      ->capture_default_str()
      ->type_name("N");
  bench->add_option("--rounds", request.rounds, "Rounds; in each everything is measured once")
      ->check(count_up_to(1000))
      ->capture_default_str()
      ->type_name("N");
  bench
      ->add_option("--predict", request.profile,
                   "Run nothing, but tell what one sequence of the first\n"
                   "length takes, with weights of the first type: FLOPs,\n"
                   "bytes, dispatches, barriers, and the least time on\n"
                   "h100, h100-matrix, integrated, or a device that is\n"
                   "here (cpu, vulkan:N), then beside what it took")
      ->check(offering({profile_words(), false}))
      ->type_name("PROFILE");
  bench->add_flag("--scores", request.scores, "Measure passes with every token's loss as well");
  bench->add_flag("--last-logits", request.last,
                  "Measure passes with the logits of each sequence's last\n"
                  "position as well");
  bench->add_option("--generate", request.generate, "Measure N tokens behind a prompt as well")
      ->check(count_up_to(10000))
      ->type_name("N");
  bench->add_flag("--head", request.head, "Predict the scores of the vocabulary as well");
  bench->add_option("--threads", request.threads, "Threads of the CPU backend (default: all)")
      ->check(count_up_to(1024))
      ->type_name("N");
  bench->add_option("--out", arguments->out, "Keep what was measured, for tepui report FILE.json")
      ->type_name("FILE.json");
  bench->add_flag("--json", arguments->json, "Print one JSON document instead of the tables");
  bench->footer(
      "Tokens are those of a prefill; the head is left out but with "
      "--scores.\n\n"
      "  tepui bench --shape llama-134m --types f32,bf16,q8_0\n"
      "  tepui bench models/Llama-3.2-1B --backends cpu,vulkan:0 --lengths 512\n"
      "  tepui bench --shape llama-8b --predict h100 --lengths 2048");
  bench->callback([arguments, &code] { code = finish_command(run_bench_command(*arguments)); });
}

}  // namespace tepui
