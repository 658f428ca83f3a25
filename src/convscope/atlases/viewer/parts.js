/* Elements and sentences that the pages of an atlas and the live page share. */
"use strict";
const { el, svg, shown, number, percent, name: named, count: counted } = kit, arrows = { "data-arrows": true };
const strength = (words) => el("span.strength.number", words), note = (...words) => el("p.small", words),
  heading = (...words) => el("h1", { tabindex: -1 }, words), button = (href, ...words) => el("a.button", { href }, words);

const captionOf = (layer, channel) => el("small.who", el("span", shown(layer.address)), el("b", `:${channel}`));
const addressOf = (layer, channel) => `${shown(layer.address)}:${channel}`;
const dimensions = (shape) => shape.join("\u2009\u00d7\u2009");
const coded = (sentence) => shown(sentence).split("`").map((part, place) => (place % 2 ? el("code", part) : part)); // names stand between backticks
const remarksOf = (sentences) => sentences.length > 0 && el("ul.remarks", sentences.map((one) => el("li", coded(one))));
const factsOf = (pairs) => el("dl.facts", pairs.map(([name, value]) => [el("dt", name), el("dd", value)]));

/* Buttons of which one is pressed: [[value, words], ...]. */
const choiceOf = (label, entries, chosen, act) => el("div.switch", { role: "group", label },
  entries.map(([value, words]) => el("button", { "aria-pressed": String(value === chosen), onclick: ({ currentTarget }) => {
  for (const one of currentTarget.parentNode.children) one.setAttribute("aria-pressed", String(one === currentTarget));
  act(value);
} }, words)));

/* The keys that go to what is beside; hrefOf(-1 or 1) returns its address, or false at the ends. */
const sideways = (noun, hrefOf) => {
  const go = (step) => () => { const href = hrefOf(step); if (href) location.hash = href; return Boolean(href); };
  return { ArrowLeft: { act: go(-1), words: `previous and next ${noun}`, shown: "\u2190 \u2192" }, ArrowRight: { act: go(1) } };
};
/* A section, but for one whose last part is empty. */
const sectionOf = (title, ...content) => content.at(-1)?.childElementCount > 0 && el("section", el("h2", title), content);
