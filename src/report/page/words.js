"use strict";
// The text itself, coloured by what an edit costs each token: a text a run. Colours are chosen so
// that letters stay readable on them; what they stand for is told in words as each token's title.

const wordState = { sequence: 0 };

// {run, words, branch, part: {sequence, position, count}, first: of its tokens}
function chosenParts() {
  return wordRuns().filter(({ words }) => words.sequences.length > 0).map((entry) => {
    const at = Math.min(wordState.sequence, entry.words.sequences.length - 1);
    const before = entry.words.sequences.slice(0, at).reduce((sum, one) => sum + one.count, 0);
    return { ...entry, part: entry.words.sequences[at], first: before };
  });
}

// What full colour stands for: nearly the largest change, the same for all sequences of a branch.
function wordScale({ words, branch }) {
  const sizes = words.change[branch].filter((value) => value !== null).map(Math.abs)
    .sort((a, b) => a - b);
  return Math.max(sizes[Math.floor(0.98 * (sizes.length - 1))] || 0, 0.01);
}

function wordColour(change, scale) {
  if (change === null) return "transparent";
  const strength = Math.min(Math.abs(change) / scale, 1);
  if (strength < 0.01) return "transparent";
  const [r, g, b] = change > 0 ? [213, 94, 0] : [0, 114, 178];
  return `rgba(${r}, ${g}, ${b}, ${(0.6 * strength).toFixed(3)})`;
}

function wordTitle({ words, branch }, at) {
  const change = words.change[branch][at];
  const after = change === null || words.loss[at] === null ? null : words.loss[at] + change;
  return `${words.names[words.class[at]]}: loss ${show(words.loss[at])} to ${show(after)} ` +
    `(${change > 0 ? "+" : ""}${show(change)})`;
}

function wordText(entry) {
  const { words, branch, part, first } = entry;
  const scale = wordScale(entry);
  const box = make("p", { className: "words", dir: "auto" });
  for (let at = first; at < first + part.count; ++at) {
    const text = make("span", { textContent: words.text[at], title: wordTitle(entry, at) });
    text.style.backgroundColor = wordColour(words.change[branch][at], scale);
    box.append(text);
  }
  return box;
}

function wordLegend(scale) {
  const box = make("p", { className: "note" });
  for (const [share, name] of [[-1, `${show(-scale)} nats or less: likelier than before`], [0, "0"],
    [1, `${show(scale)} nats or more: less likely`]]) {
    const swatch = make("span", { className: "swatch" });
    swatch.style.backgroundColor = wordColour(share * scale, scale);
    swatch.style.border = "1px solid var(--line)";
    box.append(swatch, " " + name + "  ");
  }
  return box;
}

const wordsFigure = {
  id: "words", kind: KIND_2D, title: "The text, coloured by what the edit costs each token",
  see: () => chosenParts().map(({ run, words, branch, part }) =>
    (report.runs.length > 1 ? run.label + ": " : "") + words.branches[branch].name +
    `, sequence ${part.sequence} from position ${part.position} on.`).join("\n") +
    "\nOrange tokens become less likely, blue ones likelier.",
  controls: (change) => {
    const parts = chosenParts();
    const longest = parts.reduce((a, { words }) => Math.max(a, words.sequences.length), 0);
    const numbersOf = parts.find(({ words }) => words.sequences.length === longest);
    return [branchControl(change, () => classesFigure),
      longest < 2 ? null : select("Sequence", numbersOf.words.sequences.map((one, at) =>
        [at, parts.length === 1 ? String(one.sequence) : `number ${at + 1}`]),
      Math.min(wordState.sequence, longest - 1),
      (value) => { wordState.sequence = Number(value); change(); })];
  },
  body: () => chosenParts().flatMap((entry) => {
    const { run, words } = entry;
    const listed = words.text.length;
    return [...(report.runs.length > 1 ? [make("h3", { textContent: run.label })] : []),
      wordLegend(wordScale(entry)), wordText(entry),
      ...(listed < words.all ? [make("p", { className: "note",
        textContent: `The first ${listed} of ${words.all} tokens are on this page.` })] : [])];
  }),
  table: () => ({ columns: [{ name: "run", kind: "text" }, { name: "branch", kind: "text" },
    ...numbers("sequence", "position"), { name: "token", kind: "token" },
    { name: "kind of word", kind: "text" }, ...numbers("loss before", "change")],
  rows: chosenParts().flatMap(({ run, words, branch, part, first }) =>
    Array.from({ length: part.count }, (_, at) => [run.label, words.branches[branch].name,
      part.sequence, part.position + at, words.text[first + at], words.names[words.class[first + at]],
      words.loss[first + at], words.change[branch][first + at]])) }),
};
