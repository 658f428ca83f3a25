/* Numbers as bars. */
"use strict";
/* Rows of a name, a bar and a number: [{name (element), value, words, more}]. */
const barsOf = (rows) => {
  const most = Math.max(...rows.map(({ value }) => Math.abs(value)), 1e-12);
  return el("ul.bars", rows.map(({ name, value, words, more }) => el("li", el("span.who", name),
    el("span.track", { "aria-hidden": "true" }, el("i", { "--w": `${100 * Math.max(0, value) / most}%` })), el("span.number", words),
      el("span.number.muted", more))));
};
