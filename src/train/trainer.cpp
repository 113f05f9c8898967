// SPDX-License-Identifier: MIT
#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/new_file.h"
#include "train/adopted_model.h"
#include "train/initial_model.h"
#include "train/run_check.h"
#include "train/token_data.h"
#include "train/train_checkpoint.h"
#include "train/train_engine.h"

namespace tepui {
namespace {

class TrainRun {
 public:
  TrainRun(Backend& backend, const TrainRequest& request, const TrainObserver& observer)
      : backend_(backend), request_(request), recipe_(request.recipe), observer_(observer) {}

  Result<TrainOutcome> run() {
    TEPUI_TRY(data_, load_token_data(recipe_.data));
    record_ = request_.record;
    record_.data = data_hash(data_);
    TEPUI_TRY(open());
    out_.first = step_;
    if (observer_.begin) TEPUI_TRY(observer_.begin(step_, recipe_.schedule.steps));
    const std::int64_t end = std::min(recipe_.schedule.steps, request_.until);
    while (step_ < end) {
      if (step_ % recipe_.evaluate_every == 0) {
        TEPUI_TRY(evaluate());
      }
      if (watches(step_)) {
        TEPUI_TRY(watch());
      }
      TEPUI_TRY(one_step());
      ++step_;
      const bool stop = observer_.stop && observer_.stop();
      const bool due = recipe_.checkpoint_every > 0 && step_ % recipe_.checkpoint_every == 0;
      if (due || stop || step_ == end) {
        TEPUI_TRY(save());
      }
      if (stop) break;
    }
    out_.next = step_;
    out_.finished = step_ >= recipe_.schedule.steps;
    if (out_.finished) {
      TEPUI_TRY(evaluate());
      if (recipe_.watch_every > 0) {
        TEPUI_TRY(watch());
      }
      TEPUI_TRY(out_.whole_validation, whole_validation());
    }
    return out_;
  }

 private:
  Status open() {
    TEPUI_TRY(const std::optional<CheckpointPlace> last, last_checkpoint(request_.out));
    const std::filesystem::path initial = request_.out / "initial";
    if (last) {
      TEPUI_TRY(check_recipe(*last, record_));
    } else {
      TEPUI_TRY(make_initial(initial));
    }
    like_ = last ? last->folder : initial;
    TEPUI_TRY(model_, open_model(like_));
    TEPUI_TRY(check_sizes());
    TEPUI_TRY(make_engine());
    TrainState state;
    if (last) {
      TEPUI_TRY(state, read_checkpoint(*last, engine_->parameters()));
      step_ = last->step;
      good_ = out_.checkpoint = last->folder;
    } else {
      for (const Parameter& parameter : engine_->parameters())
        state.values.push_back(parameter_values(parameter));
      good_ = initial;
    }
    return engine_->load(state);
  }

  Status make_initial(const std::filesystem::path& folder) {
    std::filesystem::path unfinished = folder;
    unfinished += ".unfinished";
    std::error_code error;
    std::filesystem::remove_all(unfinished, error);
    std::filesystem::create_directories(unfinished, error);
    if (error)
      return fail(ErrorKind::io, "{}: cannot be made: {}", unfinished.string(), error.message());
    TEPUI_TRY(const int vocabulary, vocabulary_size());
    TEPUI_TRY(check_same_tokens(recipe_, data_));
    if (recipe_.model.from) {
      TEPUI_TRY(write_adopted_model(*recipe_.model.from, unfinished));
    } else {
      TEPUI_TRY(write_initial_model(recipe_.model, vocabulary, recipe_.seed, unfinished));
    }
    if (!data_.tokenizer_json.empty()) {
      // Without a class of its own transformers would take GPT-2's, which splits bytes.
      const std::string_view classes =
          data_.begin
              ? "{\"bos_token\": \"<s>\", \"tokenizer_class\": \"PreTrainedTokenizerFast\"}\n"
              : "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}\n";
      TEPUI_TRY(write_new_file(unfinished / "tokenizer.json", data_.tokenizer_json));
      TEPUI_TRY(write_new_file(unfinished / "tokenizer_config.json", classes));
    }
    constexpr auto kOver = std::filesystem::copy_options::overwrite_existing;
    for (const auto& file : data_.tokenizer_files) {
      std::filesystem::copy_file(file, unfinished / file.filename(), kOver, error);
      if (error)
        return fail(ErrorKind::io, "{}: cannot be copied: {}", file.string(), error.message());
    }
    return replace_folder(unfinished, folder);
  }

  Result<int> vocabulary_size() const {
    const int asked = recipe_.model.vocabulary;
    if (asked != 0 && asked < data_.vocabulary)
      return fail(ErrorKind::usage,
                  "vocabulary of [model]: expected at least the data's {}, found {}",
                  data_.vocabulary, asked);
    return asked != 0 ? asked : data_.vocabulary;
  }

  Status make_engine() {
    TEPUI_TRY(const std::vector<Parameter> parameters, parameters_of(model_));
    TrainEngine::Settings settings;
    settings.shape.sequences = recipe_.batch;
    settings.shape.length = recipe_.model.context;
    settings.shape.dropout = recipe_.model.dropout;
    settings.shape.begin = data_.begin;
    settings.shape.begin_predicts = !has_variant(recipe_.model, "sink_token");
    settings.shape.prefix = model_.spec.dims.prefix;
    settings.shape.auxiliary = recipe_.auxiliary;
    settings.optimiser = recipe_.optimiser;
    settings.accumulation = recipe_.accumulation;
    if (recipe_.watch_every > 0) {
      TEPUI_TRY(watch_work_, make_watch_work(model_.spec, recipe_.watch_sites));
      settings.watched = recipe_.watched_sequences;
      settings.watch = watch_work_.get();
    }
    for (const Parameter& parameter : parameters) {
      const bool is_bias = role_name(parameter.role()).ends_with("_bias");
      settings.shape.frozen.push_back(is_bias && !recipe_.model.bias);
    }
    shape_ = settings.shape;
    TEPUI_TRY(engine_, TrainEngine::make(backend_, model_, std::move(settings)));
    return {};
  }

  Status check_sizes() const {
    const Dims& dims = model_.spec.dims;
    TEPUI_TRY(check_run(recipe_, {dims.layers, dims.width}, data_));
    if (data_.vocabulary > dims.vocabulary)
      return fail(ErrorKind::data, "{}: expected a vocabulary of at least the data's {}, found {}",
                  model_.path, data_.vocabulary, dims.vocabulary);
    if (recipe_.model.context > dims.context && model_.spec.form.positions == PositionKind::learned)
      return fail(ErrorKind::data, "{}: expected a context of at least {}, found {}", model_.path,
                  recipe_.model.context, dims.context);
    return {};
  }

  Status one_step() {
    const auto begin = std::chrono::steady_clock::now();
    StepReport report;
    report.step = step_;
    report.rate = learning_rate(recipe_.schedule, step_);
    TEPUI_TRY(engine_->begin_step(step_));
    for (int i = 0; i < recipe_.accumulation; ++i) {
      const auto number = static_cast<std::uint64_t>(step_ * recipe_.accumulation + i);
      const TokenBatch batch =
          draw_batch(data_.train, shape_, recipe_.seed, BatchUse::training, number);
      TEPUI_TRY(const double loss,
                engine_->accumulate(batch, i, dropout_key(recipe_.seed, number)));
      report.loss += loss;
      TEPUI_TRY(const double auxiliary, engine_->auxiliary_loss());
      report.auxiliary += auxiliary;
    }
    TEPUI_TRY(report.norm, engine_->gradient_norm());
    TEPUI_TRY(check_numbers(report));
    TEPUI_TRY(engine_->update(step_, report.rate));
    if (recipe_.tvr.every > 0 && (step_ + 1) % recipe_.tvr.every == 0) {
      TEPUI_TRY(report.rescaled, engine_->rescale(recipe_.tvr));
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    report.seconds = spent.count();
    out_.seconds += report.seconds;
    out_.tokens += std::int64_t{shape_.sequences} * shape_.length * recipe_.accumulation;
    return observer_.step ? observer_.step(report) : Status();
  }

  // Before the update, so that the weights stay those of the step before.
  Status check_numbers(const StepReport& report) {
    const double most = recipe_.stop_above > 0
                            ? recipe_.stop_above
                            : 4 * std::log(static_cast<double>(model_.spec.dims.vocabulary));
    if (std::isfinite(report.loss) && std::isfinite(report.norm) && report.loss <= most) return {};
    TEPUI_TRY(const std::string where, engine_->faulty_gradient());
    const std::string what =
        !std::isfinite(report.loss) ? fmt::format("the loss is {}", report.loss)
        : !std::isfinite(report.norm)
            ? fmt::format("the gradients' norm is {}", report.norm)
            : fmt::format("the loss is {:.4g}, above {:.4g}: the run diverges", report.loss, most);
    return fail(ErrorKind::data, "step {}: {}{}; the last good checkpoint is {}", report.step, what,
                where.empty() ? "" : fmt::format(", first in the gradient of {}", where),
                good_.string());
  }

  Status evaluate() {
    EvaluationReport report;
    report.step = step_;
    TEPUI_TRY(report.training, mean_loss(data_.train, BatchUse::of_training));
    TEPUI_TRY(report.validation, mean_loss(data_.validation, BatchUse::of_validation));
    return observer_.evaluation ? observer_.evaluation(report) : Status();
  }

  bool watches(std::int64_t step) const {
    if (recipe_.watch_every == 0) return false;
    const bool early = step < recipe_.watch_every && (step & (step - 1)) == 0;
    return early || step % recipe_.watch_every == 0;
  }

  Status watch() {
    WatchReport report;
    report.step = step_;
    report.work = watch_work_.get();
    TrainShape shape = shape_;
    shape.sequences = recipe_.watched_sequences;
    shape.prefix = 0;  // what it shows is not counted, but measured
    report.unscored = static_cast<std::size_t>(std::max(shape_.prefix - 1, 0));
    std::size_t counted = 0;
    const TokenBatch batch = whole_batch(data_.validation, shape, 0, counted);
    TEPUI_TRY(const std::vector<double> losses, engine_->watch(batch));
    const auto length = static_cast<std::size_t>(shape.length);
    for (std::size_t at = 0; at < batch.ids.size(); at += length) {
      const auto first = static_cast<std::ptrdiff_t>(at);
      const auto last = static_cast<std::ptrdiff_t>(at + length);
      report.sequences.emplace_back(batch.ids.begin() + first, batch.ids.begin() + last);
      report.losses.emplace_back(losses.begin() + first, losses.begin() + last - 1);
    }
    for (std::size_t i = 0; i < engine_->parameters().size(); ++i) {
      const Parameter& parameter = engine_->parameters()[i];
      TEPUI_TRY(const std::vector<float> values, engine_->value(i));
      report.weights.push_back(
          {parameter.layer, std::string(role_name(parameter.role())), weight_statistics(values)});
    }
    report.rows = [this](RowSink& sink) { return engine_->watched_rows(sink); };
    if (!observer_.watch) return {};
    const Status watched = observer_.watch(report);
    if (watched) return {};
    return fail(watched.error().kind, "step {}: {}; the last good checkpoint is {}", step_,
                watched.error().message, good_.string());
  }

  Result<double> mean_loss(const std::vector<std::int32_t>& tokens, BatchUse use) {
    double sum = 0;
    for (int i = 0; i < recipe_.evaluation_batches; ++i) {
      const auto number = static_cast<std::uint64_t>(step_ * recipe_.evaluation_batches + i);
      const TokenBatch batch = draw_batch(tokens, shape_, recipe_.seed, use, number);
      TEPUI_TRY(const double loss, engine_->evaluate(batch));
      sum += loss;
    }
    const auto predicted =
        static_cast<double>(shape_.length) - static_cast<double>(unpredicted(shape_));
    return sum / (static_cast<double>(recipe_.evaluation_batches) * shape_.sequences * predicted);
  }

  Result<double> whole_validation() {
    double sum = 0;
    std::size_t all = 0;
    for (std::size_t i = 0; i < whole_batches(data_.validation.size(), shape_); ++i) {
      std::size_t counted = 0;
      TEPUI_TRY(const double loss,
                engine_->evaluate(whole_batch(data_.validation, shape_, i, counted)));
      sum += loss;
      all += counted;
    }
    return sum / static_cast<double>(all);
  }

  Status save() {
    TEPUI_TRY(const TrainState state, engine_->save());
    TEPUI_TRY(write_checkpoint(request_.out, step_, engine_->parameters(), state, like_, record_));
    good_ = out_.checkpoint = request_.out / checkpoint_name(step_);
    return {};
  }

  Backend& backend_;
  const TrainRequest& request_;
  RecipeRecord record_;  // with the data
  const TrainRecipe& recipe_;
  const TrainObserver& observer_;
  TokenData data_;
  Model model_;
  std::filesystem::path like_;             // whose configuration and tokenizer checkpoints get
  std::filesystem::path good_;             // the last checkpoint
  std::unique_ptr<WatchWork> watch_work_;  // outlives the engine, which uses it
  std::unique_ptr<TrainEngine> engine_;
  TrainShape shape_;
  std::int64_t step_ = 0;
  TrainOutcome out_;
};

}  // namespace

Result<TrainOutcome> train(Backend& backend, const TrainRequest& request,
                           const TrainObserver& observer) {
  return TrainRun(backend, request, observer).run();
}

}  // namespace tepui
