"use strict";
// The numbers behind a chart: {columns: [{name, kind: "number", "text" or "token"}], rows: [[...]],
// note}. Built when it is opened.

function cellText(value, kind) {
  if (value === null || value === undefined) return "–";
  return kind === "number" && !Number.isInteger(value) ? show(value) : String(value);
}

function tableElement(table, name) {
  const head = make("tr", {}, ...table.columns.map((column) =>
    make("th", { scope: "col", textContent: column.name,
      className: column.kind === "number" ? "" : "text" })));
  const body = make("tbody");
  for (const row of table.rows)
    body.append(make("tr", {}, ...row.map((value, at) => {
      const kind = table.columns[at].kind;
      return make("td", { textContent: cellText(value, kind),
        className: kind === "number" ? "" : kind });
    })));
  return make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": name },
    make("table", {}, make("thead", {}, head), body));
}

function csvOf(table) {
  const field = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  };
  const lines = [table.columns.map((column) => column.name), ...table.rows];
  return lines.map((line) => line.map(field).join(",")).join("\r\n") + "\r\n";
}

function download(name, type, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function numbers(...names) {
  return names.map((name) => ({ name, kind: "number" }));
}
