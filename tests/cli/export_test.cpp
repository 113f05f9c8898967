// SPDX-License-Identifier: MIT
// The export of a real scan: numpy reads every array of the .npz, and what it reads is what the
// CSV tables say, number by number.
#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "support/paths.h"
#include "support/run_program.h"

namespace tepui {
namespace {

using test::data_path;
using test::ProgramResult;
using test::ProgramRun;

const char* const kCompare = R"py(
import csv, sys
import numpy as np
z = dict(np.load('npz/scan.npz', allow_pickle=False))
def rows(name):
    return list(csv.DictReader(open('csv/%s.csv' % name, newline='', encoding='utf-8')))
layer_of = lambda row: -1 if row['layer'] == '' else int(row['layer'])
axis = {site: list(z[site + '.layer']) for site in {r['site'] for r in rows('layers')}}
scanned = list(z['scanned'])
f32 = np.float32
seen = 0
lists = {}
for r in rows('observations'):
    key = r['site'] + '.' + r['metric']
    if r['metric'] == 'above':
        n = lists[key] = lists.get(key, -1) + 1
        at = (n,)
        assert z[key + '_sequence'][n] == int(r['sequence']) and z[key + '_layer'][n] == layer_of(r)
    else:
        at = (scanned.index(int(r['sequence'])), axis[r['site']].index(layer_of(r)))
        if int(r['rank']) >= 0: at += (int(r['rank']),)
    assert z[key][at] == f32(r['value']), (key, at)
    for field in ('position', 'channel'):
        if key + '_' + field in z: assert z[key + '_' + field][at] == int(r[field])
    if key + '_parameter' in z: assert z[key + '_parameter'][at] == float(r['parameter'])
    seen += 1
for r in rows('series'):
    key = r['site'] + '.' + r['metric']
    first = list(z[key + '_sequence']) if key + '_sequence' in z else scanned
    at = (first.index(int(r['sequence'])), axis[r['site']].index(layer_of(r)), int(r['index']))
    assert z[key][at] == f32(r['value'])
    if r['at'] != '': assert z[key + '_at'][at] == int(r['at'])
    seen += 1
begins = z['sequences.tokens_begin']
for r in rows('sequences'):
    i = int(r['sequence'])
    assert list(z['sequences.tokens'][begins[i]:begins[i + 1]]) == [int(t) for t in r['tokens'].split()]
for name in ('vocabulary', 'layers', 'massive', 'constancy', 'tokens', 'runs'):
    for n, r in enumerate(rows(name)):
        for column, text in r.items():
            value = z[name + '.' + column][n]
            if z[name + '.' + column].dtype.kind == 'U': assert value == text.replace('\0', '\\x00'), (column, n)
            elif text == '': assert value == -1 or np.isnan(value)
            else: assert value == float(text), (name, column, n)
            seen += 1
print(seen)
)py";

class Export : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments, const std::string& program = "") {
    ProgramRun run;
    run.arguments = std::move(arguments);
    run.folder = folder_.path();
    run.program = program;
    return test::run_program(run);
  }
  void good(std::vector<std::string> arguments) {
    const ProgramResult result = run(std::move(arguments));
    EXPECT_EQ(result.code, 0) << result.err;
  }
  test::TemporaryFolder folder_;
};

TEST_F(Export, NumpyReadsWhatTheTablesSay) {
  if (run({"-c", "import numpy"}, "/usr/bin/python3").code != 0)
    GTEST_SKIP() << "numpy is not installed (tools/install --tests)";
  // Of different lengths, with sites that have no layers.
  test::write_file(folder_.path() / "ids.json", "[[1, 5, 9, 300], [1, 7], [1, 400, 3, 2, 8]]");
  good({"scan", data_path("demo-model").string(), "--ids", "ids.json", "--sites",
        "embeddings,resid_post,mlp_act.1", "--out", "s"});
  good({"export", "s", "--out", "csv"});
  good({"export", "s", "--format", "npz", "--out", "npz"});
  const ProgramResult compared = run({"-c", kCompare}, "/usr/bin/python3");
  EXPECT_EQ(compared.code, 0) << compared.err;
  EXPECT_GT(std::atoi(compared.out.c_str()), 9000) << compared.out;
  good({"export", "s", "--format", "npz", "--out", "again"});
  EXPECT_EQ(read_file(folder_.path() / "npz/scan.npz").value(),
            read_file(folder_.path() / "again/scan.npz").value());
}

// Tables of what a rule finds are of runs that keep values for one; a header alone would say that
// nothing is massive.
TEST_F(Export, WhatARunDoesNotKeepIsNoTable) {
  const std::string model = data_path("demo-model").string();
  const std::string text = data_path("demo-model/sample.txt").string();
  const std::vector<std::string> input = {"--text", text, "--sequences", "1", "--min-ratio", "500"};
  const std::vector<std::string> judged = {"layers", "massive", "constancy", "tokens"};
  for (const std::string command : {"attention", "origin", "perplexity"}) {
    std::vector<std::string> arguments = {command, model, "--out", command};
    arguments.insert(arguments.end(), input.begin(),
                     command == "perplexity" ? input.end() - 2 : input.end());
    good(arguments);
    good({"export", command, "--out", command + "-csv"});
    EXPECT_TRUE(read_file(folder_.path() / (command + "-csv") / "observations.csv"));
    EXPECT_TRUE(read_file(folder_.path() / (command + "-csv") / "runs.csv"));
    for (const std::string& table : judged) {
      EXPECT_FALSE(read_file(folder_.path() / (command + "-csv") / (table + ".csv"))) << table;
      const ProgramResult one = run({"export", command, "--table", table, "--out", "-"});
      EXPECT_EQ(one.code, 2);
      EXPECT_EQ(one.out, "");
      EXPECT_NE(one.err.find("--table " + table + ": expected a table of this run of tepui " +
                             command + ", sequences, vocabulary, observations, series"),
                std::string::npos)
          << one.err;
      EXPECT_EQ(one.err.find("metric massive") != std::string::npos, command != "perplexity")
          << one.err;
    }
    good({"export", command, "--format", "npz", "--out", command + "-npz"});
    const ProgramResult massive = run({"massive", command});
    EXPECT_EQ(massive.code, 1);
    EXPECT_EQ(massive.out, "");
    EXPECT_NE(massive.err.find("found one of tepui " + command + "; tepui show"), std::string::npos)
        << massive.err;
  }
  const ProgramResult rows = run({"export", "attention", "--table", "observations", "--out", "-"});
  EXPECT_NE(rows.out.find("0,0,1,resid_post,massive,0,"), std::string::npos);
}

TEST_F(Export, NpzIsOneFile) {
  good({"scan", data_path("demo-model").string(), "--prompt", "Some words.", "--out", "s"});
  EXPECT_EQ(run({"export", "s", "--format", "npz"}).out, "s/export/scan.npz\n");
  EXPECT_EQ(run({"export", "s", "--format", "npz", "--table", "massive"}).code, 2);
  EXPECT_EQ(run({"export", "s", "--format", "npz", "--out", "-"}).code, 2);
  const ProgramResult tokens = run({"export", "s", "--table", "tokens", "--out", "-"});
  EXPECT_EQ(tokens.out.find("site,token_id,token,channel,"), 0U) << tokens.out;
  // Another rule gives other tables, without a new run.
  const ProgramResult none =
      run({"export", "s", "--table", "massive", "--out", "-", "--min-abs", "1e6"});
  EXPECT_EQ(test::line_count(none.out), 1U) << none.out;
}

}  // namespace
}  // namespace tepui
