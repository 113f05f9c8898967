// SPDX-License-Identifier: MIT
// How far an edited run has left the unedited one: |x - unedited| / |unedited| (l2 norms) of each
// token, as means over tokens.
#include "metrics/list.h"

namespace tepui {

namespace {

enum : int { kAll = 0, kFirst = 1, kOthers = 2 };

class Change : public Metric {
 public:
  std::string_view name() const override { return "change"; }
  bool compares() const override { return true; }

  std::vector<Value> emit(EmitContext& context) const override {
    if (!context.unedited.present()) return {};
    return {context.builder.l2_distance(context.x, context.unedited, "distance"),
            context.builder.l2_norm(context.unedited, "norm")};
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    const auto distances = outputs[0].as<float>();
    const auto norms = outputs[1].as<float>();
    std::size_t row = 0;
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      const auto length = static_cast<std::size_t>(context.lengths[s]);
      double first = 0;
      double others = 0;
      for (std::size_t position = 0; position < length; ++position, ++row) {
        const double own = share(double{distances[row]}, double{norms[row]});
        (position == 0 ? first : others) += own;
      }
      Observation out;
      out.sequence = context.first_sequence + static_cast<int>(s);
      out.point = context.point;
      out.metric = name();
      const auto add = [&](int rank, double value) {
        out.rank = rank;
        out.value = static_cast<float>(value);
        return sink.add(out);
      };
      TEPUI_TRY(add(kAll, (first + others) / static_cast<double>(length)));
      TEPUI_TRY(add(kFirst, first));
      if (length > 1) TEPUI_TRY(add(kOthers, others / static_cast<double>(length - 1)));
    }
    return {};
  }

 private:
  static double share(double distance, double norm) { return distance == 0 ? 0 : distance / norm; }
};

}  // namespace

std::unique_ptr<Metric> make_change() { return std::make_unique<Change>(); }

}  // namespace tepui
