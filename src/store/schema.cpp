// SPDX-License-Identifier: MIT
#include "store/schema.h"

namespace tepui {

namespace {

constexpr const char* kSchema = R"sql(
-- A store of tepui, version 2. Numbers count from 0. Blobs are arrays in little-endian order.

-- Facts about the file. 'identity': JSON of all that determines the results (a store is continued
-- only by a run of the same identity).
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each time the program worked on this store.
CREATE TABLE run (
  id                    INTEGER PRIMARY KEY,
  options               TEXT NOT NULL,  -- JSON: the options as given
  model                 TEXT NOT NULL,  -- a short name
  model_path            TEXT NOT NULL,  -- as given
  model_fingerprint     TEXT NOT NULL,
  tokenizer             TEXT NOT NULL,  -- its kind
  tokenizer_fingerprint TEXT NOT NULL,
  text                  TEXT NOT NULL,  -- what was read
  text_fingerprint      TEXT NOT NULL,
  backend               TEXT NOT NULL,
  device                TEXT NOT NULL,
  detail                TEXT NOT NULL,  -- instruction set, driver
  version               TEXT NOT NULL,  -- of tepui
  started               TEXT NOT NULL,  -- UTC, ISO 8601
  finished              TEXT            -- NULL: was interrupted, or still runs
) STRICT;

-- The input: what the model saw.
CREATE TABLE sequence (
  sequence    INTEGER PRIMARY KEY,
  source      TEXT NOT NULL,     -- the file it was cut from, or 'prompt', 'ids'
  first_token INTEGER NOT NULL,  -- index in the source of its first token after BOS
  has_bos     INTEGER NOT NULL,  -- 1: tokens[0] is a BOS put before the piece
  tokens      BLOB NOT NULL      -- i32 [T]
) STRICT;

-- The tokens that occur in the sequences.
CREATE TABLE vocabulary (
  token_id INTEGER PRIMARY KEY,
  piece    BLOB NOT NULL,  -- the vocabulary's own spelling
  bytes    BLOB NOT NULL   -- what it stands for in running text; may be part of a character
) STRICT;

-- What was run: branch 0 is the unedited run, the others have edits.
CREATE TABLE branch (
  branch INTEGER PRIMARY KEY,
  name   TEXT NOT NULL,
  edits  TEXT NOT NULL   -- as written, several separated by ';'; '' for branch 0
) STRICT;

-- Units of work that are there whole: sequences first .. last - 1. What is in no unit has no rows.
CREATE TABLE unit (
  first INTEGER PRIMARY KEY,
  last  INTEGER NOT NULL
) STRICT;

-- Single numbers in long form. rank, position and channel are -1 where they mean nothing.
--   top_k        rank 0.. (largest |value| first), value signed
--   quantile     rank: index in the list of fractions; parameter: the fraction; value: that quantile
--                of |x| (the element at floor(fraction * (n - 1)) of the n sorted; 0.5: lower median)
--   above        rank 0.. in ascending (position, channel): |value| > parameter * median, or > a
--                floor where the median is 0, up to a capacity
--   above_count  how many of those there are, listed or not
--   massive      of tepui attention and origin, at resid_post of branch 0: rank 0.. in ascending
--                (position, channel): the massive activations
--   origin       of tepui origin: rank 0.. in ascending (position, channel): at embeddings,
--                attn_out_post, mlp_out_post (with attn_out, mlp_out before a norm behind) and
--                resid_post, the element that is massive in some layer
--   largest      of tepui origin: the largest |x| of every site, signed
--   change       of branches with edits: |x - unedited| / |unedited|, l2 norms of a token; rank 0:
--                mean over tokens, 1: position 0, 2: mean over the others
CREATE TABLE observation (
  branch    INTEGER NOT NULL,
  sequence  INTEGER NOT NULL,
  layer     INTEGER NOT NULL,  -- -1: the site has none (embeddings, final_norm, logits)
  site      TEXT NOT NULL,
  metric    TEXT NOT NULL,
  rank      INTEGER NOT NULL,
  parameter REAL NOT NULL,
  position  INTEGER NOT NULL,
  channel   INTEGER NOT NULL,
  value     ANY,               -- a real number, exactly the f32; NULL: NaN
  PRIMARY KEY (branch, sequence, layer, site, metric, rank)
) STRICT, WITHOUT ROWID;

-- Arrays. channel_max: values [D] signed, indices: the position of each. token_max: values [T]
-- signed, indices: the channel of each. l2_norm: values [T], no indices. surface, of the first
-- sequences alone: values of tokens x channels in at most 256 x 256 cells, row by row; where a cell
-- covers more than one element (ceil(T / 256) x ceil(D / 256) of them), its largest, signed, and
-- indices: position * D + channel of it, else no indices. At site logits: log_likelihood: values
-- [T - 1], log p(token t + 1 | tokens up to t) in nats.
-- Of tepui attention, by head h of H: received [H, T], what key j receives as a mean over the
-- queries at or behind it; received_early [H, n], the same among the first n tokens; entropy [H] in
-- nats; marked_share [H], what the massive tokens (or those asked for) receive of the queries behind
-- them; z_part, z_rest [H, 4], of what their values and all others give to z: mean |y|^2 over these
-- queries, |mean y|^2, mean |y - mean y|^2, mean of cos(y, mean y); out_part, out_rest [4], the same
-- behind the output projection; norm_first, norm_marked, norm_others (by head at q, k, v), l2 norms
-- of position 0, of these tokens and of the others; peak_...: the largest element's share of the
-- squared norm; map.H, map.mean [n, n] by query: scores at attn_scores, probabilities at attn_probs.
-- Of tepui origin, for each of P elements in the order of `origin`: by_head [P, H] at z, what each
-- head gives to the channel of attn_out; by_neuron [P, N] at mlp_act, what the strongest neurons give
-- to that of mlp_out, indices: the neuron (of experts e * F + neuron); by_neuron.act and
-- by_neuron.weight, their activations and entries of the down projection.
CREATE TABLE series (
  branch   INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  layer    INTEGER NOT NULL,
  site     TEXT NOT NULL,
  metric   TEXT NOT NULL,
  "values" BLOB NOT NULL,      -- f32
  indices  BLOB NOT NULL,      -- u32, as many as values, or empty
  PRIMARY KEY (branch, sequence, layer, site, metric)
) STRICT;

-- What a sequence's text is worth under a branch, in nats, summed over the tokens that are scored.
CREATE TABLE likelihood (
  branch   INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  tokens   INTEGER NOT NULL,  -- scored: each is predicted from those before it
  nll      ANY,               -- a real number: the sum of -log p; NULL: not finite
  kl       ANY,               -- a real number: the sum of KL(branch 0 || branch); NULL: not finite
  PRIMARY KEY (branch, sequence)
) STRICT, WITHOUT ROWID;

-- Means that edits use: of massive activations at a place and channel, over the calibration text.
CREATE TABLE calibration (
  layer       INTEGER NOT NULL,  -- -1: the site has none
  site        TEXT NOT NULL,
  channel     INTEGER NOT NULL,
  token_class TEXT NOT NULL,     -- 'first' (position 0) or 'other'
  count       INTEGER NOT NULL,
  mean        REAL NOT NULL,     -- signed
  deviation   REAL NOT NULL,     -- of the sample; 0 for one value
  PRIMARY KEY (layer, site, channel, token_class)
) STRICT, WITHOUT ROWID;

-- Of tepui probe: what a probe reads of a target at a place. By seed, of the test sequences:
-- accuracy, balanced_accuracy, f1, mcc, roc_auc of labels, r2 and mean_square of values; majority,
-- the accuracy of the most frequent label (of values: r2 of their mean), both of the training rows;
-- random_labels, the accuracy (r2) of a probe that learnt the labels in random order; control, that
-- of the control task, and selectivity, the difference; bits, uniform_bits and compression of the
-- online code and the same behind control_; train_rows, dev_rows, test_rows; loss, gradient_norm
-- (over that at the start), iterations and converged of what is solved, epochs of what is trained in
-- batches; lambda; channel.0, channel.1, ... of sparse probes, the best first. Seed -1: p_value,
-- one-sided, of the advantage over the majority by flipping signs of whole sequences.
CREATE TABLE probe (
  model    TEXT NOT NULL,     -- 'given', or 'random': of random weights in the same shape
  target   TEXT NOT NULL,
  layer    INTEGER NOT NULL,  -- -1: the site has none
  site     TEXT NOT NULL,
  features TEXT NOT NULL,
  probe    TEXT NOT NULL,
  seed     INTEGER NOT NULL,  -- -1: of all seeds together
  metric   TEXT NOT NULL,
  value    ANY,               -- a real number; NULL: it means nothing here
  PRIMARY KEY (model, target, layer, site, features, probe, seed, metric)
) STRICT, WITHOUT ROWID;

-- Of runs that watch training: how the values of each weight are spread. deviation, kurtosis (3 of
-- normal values), largest (|w|).
CREATE TABLE weight (
  layer  INTEGER NOT NULL,  -- -1: of none (embeddings, final norm, head)
  weight TEXT NOT NULL,     -- its role: 'q', 'token_embedding'
  metric TEXT NOT NULL,
  value  ANY,               -- a real number; NULL: it means nothing here
  PRIMARY KEY (layer, weight, metric)
) STRICT, WITHOUT ROWID;
)sql";

}  // namespace

const char* schema_sql() { return kSchema; }

Result<bool> needs_schema(Database& database, const std::filesystem::path& file) {
  TEPUI_TRY(const auto tables, database.integer("SELECT count(*) FROM sqlite_schema"));
  TEPUI_TRY(const auto application, database.integer("PRAGMA application_id"));
  TEPUI_TRY(const auto version, database.integer("PRAGMA user_version"));
  if (tables == 0 && application == 0 && version == 0) return true;
  if (application != kStoreApplication)
    return fail(ErrorKind::data, "{}: expected a store of tepui, found another SQLite database",
                file.string());
  if (version != kStoreVersion)
    return fail(ErrorKind::data,
                "{}: expected a store of version {}, found version {}; it needs another tepui",
                file.string(), kStoreVersion, version);
  return false;
}

Status create_schema(Database& database) {
  TEPUI_TRY(database.execute(kSchema));
  TEPUI_TRY(database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                         kStoreApplication, kStoreVersion)
                                 .c_str()));
  return {};
}

}  // namespace tepui
