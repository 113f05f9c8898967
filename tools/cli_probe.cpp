// SPDX-License-Identifier: MIT
// tepui probe
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "commands.h"
#include "run_options.h"
#include "study/json_values.h"
#include "study/probe.h"
#include "study/probe_apply.h"
#include "study/probe_report.h"
#include "terminal.h"
#include "usage.h"

namespace tepui {

namespace {

struct ProbeArguments {
  ProbeRequest request;
  RunWords words;
  std::string controls = "all";
  std::string rank = "f-statistic";
  std::string scratch;
  std::vector<std::filesystem::path> apply;
  std::optional<std::string> predictions;
  bool json = false;
  std::set<std::string> given;  // names of the options that are
};

const std::vector<std::string> kControls = {"random-labels", "control-task", "mdl", "random-model"};

Status read_controls(ProbeArguments& a) {
  if (a.controls == "all") return {};
  ProbeControls& controls = a.request.settings.controls;
  controls = {false, false, false};
  a.request.random_model = false;
  if (a.controls == "none") return {};
  std::string rest = a.controls + ",";
  while (!rest.empty()) {
    const std::size_t end = rest.find(',');
    const std::string name = rest.substr(0, end);
    rest.erase(0, end + 1);
    if (name == kControls[0])
      controls.random_labels = true;
    else if (name == kControls[1])
      controls.control_task = true;
    else if (name == kControls[2])
      controls.online_code = true;
    else if (name == kControls[3])
      a.request.random_model = true;
    else
      return fail(ErrorKind::usage,
                  "--controls {}: expected all, none, or a list of random-labels, control-task, "
                  "mdl and random-model",
                  a.controls);
  }
  return {};
}

// Options that would say nothing of what is done.
Status check_given(const ProbeArguments& a) {
  constexpr std::string_view kOfTraining[] = {
      "--probe",    "--site",  "--layers",  "--features",  "--massive-channels",
      "--seeds",    "--folds", "--lambda",  "--balanced",  "--controls",
      "--channels", "--rank",  "--hidden",  "--epochs",    "--tolerance",
      "--scratch",  "--out",   "--dry-run", "--iterations"};
  const auto given = [&](std::string_view name) { return a.given.contains(std::string(name)); };
  const auto trains = [&](std::string_view kind) {
    return fmt::format(",{},", a.request.probes).find(fmt::format(",{},", kind)) !=
           std::string::npos;
  };
  if (!a.apply.empty()) {
    const auto idle = std::ranges::find_if(kOfTraining, given);
    if (idle == std::end(kOfTraining)) return {};
    return fail(ErrorKind::usage, "{}: goes with --target, found --apply", *idle);
  }
  const auto goes_with = [&](std::string_view name, bool there, std::string_view kinds) -> Status {
    if (!given(name) || there) return {};
    return fail(ErrorKind::usage, "{}: goes with --probe {}, found {}", name, kinds,
                a.request.probes);
  };
  const bool has_layers = trains("mlp1") || trains("mlp2");
  TEPUI_TRY(goes_with("--hidden", has_layers, "mlp1 or mlp2"));
  TEPUI_TRY(goes_with("--epochs", has_layers, "mlp1 or mlp2"));
  TEPUI_TRY(goes_with("--channels", trains("sparse"), "sparse"));
  return goes_with("--rank", trains("sparse"), "sparse");
}

Status complete(ProbeArguments& a) {
  TEPUI_TRY(complete_request(a.request, a.words, "probe"));
  if (a.request.targets.empty() == a.apply.empty())
    return fail(
        ErrorKind::usage,
        "expected one of --target LIST and --apply PROBE, found {} (tepui probe --help tells "
        "what there is)",
        a.apply.empty() ? "none" : "both");
  if (a.predictions && a.apply.empty())
    return fail(ErrorKind::usage, "--predictions: goes with --apply, found --target");
  TEPUI_TRY(check_given(a));
  TEPUI_TRY(read_controls(a));
  TEPUI_TRY(a.request.settings.fit.ranking, ranking_from_name(a.rank));
  if (!a.scratch.empty()) {
    TEPUI_TRY(a.request.scratch, parse_bytes(a.scratch, "--scratch"));
  }
  return {};
}

Status run_apply(const ProbeArguments& a) {
  ApplyRequest request;
  static_cast<InputRequest&>(request) = a.request;
  request.probes = a.apply;
  request.labels = a.request.labels;
  request.rule = a.request.rule;
  ProgressBar bar("probe");
  const auto outcome = apply_probes(request, bar.callbacks());
  bar.close();
  if (!outcome) return tl::unexpected(outcome.error());
  if (a.predictions) TEPUI_TRY(write_predictions(*outcome, *a.predictions));
  const std::string text =
      a.json ? json_text(apply_json(*outcome)) : apply_table(*outcome, terminal_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!a.json)
    fmt::print("\n{} tokens of {} sequences in {:.2f} s{}\n", outcome->tokens, outcome->sequences,
               outcome->seconds,
               a.predictions ? fmt::format("; every token is in {}", *a.predictions) : "");
  return flush_output();
}

Status run(ProbeArguments& a) {
  TEPUI_TRY(complete(a));
  if (!a.apply.empty()) return run_apply(a);
  ProgressBar bar("probe");
  auto outcome = run_probe(a.request, bar.callbacks());
  bar.close();
  if (!outcome) return tl::unexpected(outcome.error());
  if (!outcome->plan.empty()) return print_plan(*outcome);
  TEPUI_TRY(StoreReader store, StoreReader::open(outcome->folder));
  TEPUI_TRY(const ProbeSummary summary, summarise_probes(store));
  const std::string text = a.json ? json_text(probe_json(summary))
                                  : probe_table(summary, terminal_letters(), terminal_width());
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!a.json)
    fmt::print("\nStored in {} ({}).\n", outcome->folder.string(),
               outcome->trained == 0
                   ? "nothing had to be computed anew"
                   : fmt::format("{} of {} probes trained in {:.1f} s", outcome->trained,
                                 outcome->probes, outcome->seconds));
  return flush_output();
}

std::vector<std::string> target_words() {
  std::vector<std::string> names;
  for (const TargetKind& kind : probe_target_kinds()) names.emplace_back(kind.name);
  return names;
}

void add_what_options(CLI::App& command, ProbeArguments& a) {
  ProbeRequest& request = a.request;
  command
      .add_option("--target", request.targets, "What is to be told of a token; several with commas")
      ->check(offering({target_words(), true}))
      ->type_name("LIST");
  command
      .add_option("--probe", request.probes,
                  "linear (logistic regression, of values ridge), mlp1,\nmlp2, sparse (logistic "
                  "regression on the --channels that\ntell most), ridge, lda, means; several with "
                  "commas")
      ->check(offering({{"linear", "mlp1", "mlp2", "sparse", "ridge", "lda", "means"}, true}))
      ->type_name("LIST")
      ->capture_default_str();
  command.add_option("--site,--sites", request.sites, "Sites, as --sites of tepui scan")
      ->check(offering({site_words(), true}))
      ->type_name("LIST")
      ->capture_default_str();
  command
      .add_option("--layers", request.layers,
                  "Layers of the sites that name none: 3, 3-9, 1,4-6\n(default: all)")
      ->type_name("LIST");
  command
      .add_option("--features", request.features,
                  "How rows are looked at: raw, standardised,\nwithout-massive, only-massive, "
                  "clipped:V, rms, or some\nof them joined by +; several with commas")
      ->check(offering({{"raw", "standardised", "without-massive", "only-massive", "rms"}, true}))
      ->type_name("LIST")
      ->capture_default_str();
  command
      .add_option(
          "--labels", request.labels,
          "Of the target labels: CoNLL-U (its UPOS tags), or a\nword, a tab and its label a "
          "line, a file for each text; or\none of sequence, position and label, counted from 0 "
          "and\nparted by tabs, behind a first line of these three\nwords. All numbers: values; "
          "else classes")
      ->type_name("FILE");
  command
      .add_option("--massive-channels", request.massive_channels,
                  "Those of the features without-massive and\nonly-massive, e.g. 36,119 (default: "
                  "where the rule finds\nmassive activations in the text)")
      ->type_name("LIST");
  add_rule_options(command, request.rule);
}

void add_training_options(CLI::App& command, ProbeArguments& a) {
  ProbeSettings& settings = a.request.settings;
  command.add_option("--seeds", settings.seeds, "Splits by sequence, each with a fresh probe")
      ->check(count_up_to(1000))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--folds", settings.folds,
                  "A split scores on 1/N of the sequences, holds out as\nmany, and learns from the "
                  "others; N seeds score on all")
      ->check(count_up_to(1000, 3))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--lambda", settings.lambdas,
                  "The loss is the mean, plus this / 2 times the squared\nweights. Of several each "
                  "split takes the best on what it\nholds out")
      ->check(positive_number())
      ->type_name("L")
      ->capture_default_str();
  command.add_flag("--balanced", settings.balanced, "Classes weigh the same, however frequent");
  command
      .add_option("--controls", a.controls,
                  "What stands beside each result: all, none, or some of\nrandom-labels, "
                  "control-task, mdl, random-model")
      ->check(offering({kControls, true}))
      ->type_name("LIST")
      ->capture_default_str();
  command.add_option("--channels", a.request.sparse, "Channels of sparse probes; each is a probe")
      ->check(count_up_to(1 << 20))
      ->delimiter(',')
      ->type_name("LIST");
  command
      .add_option("--rank", a.rank,
                  "What tells which channels tell most: f-statistic,\nmean-difference or l1")
      ->check(one_of({"f-statistic", "mean-difference", "l1"}))
      ->type_name("NAME")
      ->capture_default_str();
  command.add_option("--hidden", settings.fit.hidden, "Width of the hidden layers of mlp1, mlp2")
      ->check(count_up_to(1 << 16))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--epochs", settings.fit.most_epochs, "At most so many, of mlp1 and mlp2")
      ->check(count_up_to(100000))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option(
          "--tolerance", settings.fit.solver.tolerance,
          "A logistic regression is solved where its gradient is\nthis small against that at "
          "the start")
      ->check(positive_number())
      ->type_name("T")
      ->capture_default_str();
  command
      .add_option("--iterations", settings.fit.solver.most_iterations, "or given up after so many")
      ->check(count_up_to(1 << 30))
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace

void add_probe(CLI::App& app, int argc, char** argv, int& code) {
  auto a = std::make_shared<ProbeArguments>();
  CLI::App* command = app.add_subcommand(
      "probe", "What can be read from activations, layer by layer, with controls");
  add_input_options(*command, a->request, a->words);
  add_what_options(*command, *a);
  add_training_options(*command, *a);
  add_backend_options(*command, a->request, a->words);
  command
      ->add_option("--scratch", a->scratch,
                   "What rows may take on disk where a quarter of --memory\nis not enough, in the "
                   "folder of the results (default:\n16GiB)")
      ->type_name("SIZE");
  command
      ->add_option("--out", a->request.out,
                   "Folder of the results; the same command goes on where it\nstopped, other "
                   "targets, places, features and probes are\nadded (default: "
                   "tepui-probe-<model>-<text>-<hash>)")
      ->type_name("DIR");
  command
      ->add_option("--apply", a->apply,
                   "Instead of training: probes that were stored, DIR/probes/\nNAME.json or all of "
                   "DIR, on this text")
      ->type_name("PROBE");
  command
      ->add_option("--predictions", a->predictions,
                   "What they say of every token, as a table with tabs")
      ->type_name("FILE");
  command->add_flag(
      "--dry-run", a->request.dry_run,
      "Print what would be trained, the room that rows take, and\nthe plan of a pass; "
      "run nothing");
  command->add_flag("--json", a->json, "Print one JSON document instead of the tables");
  std::string targets = "Targets:\n";
  for (const TargetKind& kind : probe_target_kinds())
    targets += fmt::format("  {:<16} {}\n", kind.name, kind.what);
  command->footer(
      targets +
      "\nOne of --text, --prompt and --ids is needed.\n\n"
      "  tepui probe models/Llama-3.2-1B --text wiki.txt --target sentence-end,position "
      "\\\n      --probe linear,mlp1 --features standardised,without-massive");
  a->request.command = quoted_command(argc, argv);
  command->callback([a, command, &code] {
    for (const CLI::Option* const option : command->get_options())
      if (option->count() > 0) a->given.insert(option->get_name());
    code = finish_command(run(*a));
  });
}

}  // namespace tepui
