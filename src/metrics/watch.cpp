// SPDX-License-Identifier: MIT
#include "metrics/watch.h"

#include <set>

#include "models/site_width.h"

namespace tepui {
namespace {

// A metric at some of the sites that it accepts.
class MetricAtSites : public Metric {
 public:
  MetricAtSites(std::unique_ptr<Metric> metric, std::set<Site> sites)
      : metric_(std::move(metric)), sites_(std::move(sites)) {}

  std::string_view name() const override { return metric_->name(); }
  bool measures(int first, int last) const override { return metric_->measures(first, last); }
  bool accepts(Site site) const override { return sites_.contains(site) && metric_->accepts(site); }
  std::string variant(int first, int last) const override { return metric_->variant(first, last); }
  bool compares() const override { return metric_->compares(); }
  std::vector<Value> emit(EmitContext& context) const override { return metric_->emit(context); }
  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    return metric_->rows(outputs, context, sink);
  }

 private:
  std::unique_ptr<Metric> metric_;
  std::set<Site> sites_;
};

}  // namespace

Result<std::unique_ptr<WatchWork>> make_watch_work(const ModelSpec& spec, std::string_view sites) {
  auto work = std::make_unique<WatchWork>();
  work->options.surface = 0;
  TEPUI_TRY(const SiteSelection selected,
            SiteSelection::parse(sites, spec, "watch_sites of [train]"));
  std::vector<Point> points = selected.points();
  std::set<Site> scanned;
  for (const Point& point : points) scanned.insert(point.site);
  for (int layer = 0; layer < spec.dims.layers; ++layer) {
    points.push_back({layer, Site::attn_probs});
    for (const Site site : {Site::k, Site::v}) {
      if (site_width(spec, site)) points.push_back({layer, site});
    }
  }
  work->sites = SiteSelection::of(std::move(points));
  for (auto& metric : scan_metrics(work->options))
    work->metrics.push_back(std::make_unique<MetricAtSites>(std::move(metric), scanned));
  // Norms at the other sites that attention reads have not been asked for.
  const std::set<Site> attention = {Site::attn_probs, Site::k, Site::v};
  for (auto& metric : attention_metrics({}, work->marks))
    work->metrics.push_back(std::make_unique<MetricAtSites>(std::move(metric), attention));
  return work;
}

}  // namespace tepui
