/* A unit: what excites it in general and in the data set, how often, what it is made of, which units are alike. */
"use strict";
const LATER = "Not made yet: the same command goes on.";
const AFTER = 1500; // milliseconds: then what is below the window, and the next unit's pictures, are fetched

/* The channels that the arrows walk through: those of the wall the reader came from, else the layer's own order. */
const walkOf = (layer, units) => (atlas.walk?.of === layer.n && atlas.walk.channels.length ? atlas.walk.channels : Array.from(units.order));
const card = (title, ...content) => el("div.card", el("h2", title), content);
const figure = (title, picture, words, choice) => el("figure.part", el("div.head-of", el("h2", title), choice), picture, el("figcaption", words));

function sentence(units, channel, detail) {
  const scanned = counted(atlas.start.run.images, "image"), verdict = verdictOf(units, channel),
    top = className(units.top_class[channel]), auc = units.auc?.[channel];
  if (["silent", "dead"].includes(verdict)) return `Fires on none of the ${scanned}: it is ${verdict}.`;
  return [`Fires on ${percent(units.fires[channel])} of ${scanned}. Its median is ${number(detail.quantiles.q50)}, its largest value ${number(detail.max)}.`,
    top && [" Strongest on ", classLink(top), auc >= 0 ? ` (AUC ${auc.toFixed(2)}).` : "."]];
}

function synthetic(layer, units, channel) {
  const score = units.score?.[channel], above = units.percentile?.[channel];
  const words = !layer.synthetic ? "No synthetic pictures of this layer." : !isClimbed(layer, units, channel) ? LATER
    : score > -Infinity && `Gradient ascent reaches ${number(score)}, above ${above >= 99.95 ? "all" : percent(above / 100)} of the images.`;
  return figure("Synthetic", el("div.big", layer.synthetic ? pictureOf(layer, units, channel, "synthetic") : el("i.blank")), words);
}

/* The strongest images beside their projections; what the pointer or the focus is on is marked in both. */
function pictures(layer, units, channel, { tops }) {
  if (!tops.length) return figure("Strongest images", el("p.empty", "No image excites it."));
  const made = isMade(layer, units, channel), sheet = detailTiles(layer, units, channel),
    many = Math.min(atlas.start.settings.projections, tops.length);
  const cut = (part, place) => (made ? sheet(part, place) : blank());
  const nine = el("div.nine", arrows, tops.map((top, place) => imageTile(top.image,
    [el("small", el("b", number(top.value)), " ", top.label && named(top.label))],
    `${shown(top.label ?? top.name ?? "")}, ${number(top.value)}`, made && !layer.whole && sheet("patches", place))));
  const grid = (part) => el("div.nine", Array.from({ length: many }, (_, place) => el("span.tile", cut(part, place), el("small", "\u00a0"))));
  const stack = el("div", grid("with")), choice = layer.without && choiceOf("Projections", [["with", "With switches"], ["without", "Without"]],
    "with", (part) => stack.replaceChildren(grid(part)));
  const parts = [figure("Strongest images", nine,
    layer.whole ? "Each opens its image." : made ? "What the unit saw of each; grey lies beyond it. Each opens its image."
      : "The whole images: patches are not made yet. Each opens its image.")];
  if (many) parts.push(figure("Projected", stack, made ? "What in each made the unit fire, down to the pixels. Mid-grey is zero." : LATER, choice));
  const mark = ({ target, type }) => {
    const tile = target.closest(".nine > *"), place = [...tile?.parentNode.children || []].indexOf(tile);
    for (const part of parts) part.querySelectorAll(".nine > *").forEach((one, at) => one.classList.toggle("lit",
      at === place && ["pointerover", "focusin"].includes(type)));
  };
  for (const part of parts) for (const type of ["pointerover", "pointerout", "focusin", "focusout"]) part.addEventListener(type, mark);
  return parts;
}

function statistics(layer, units, channel, detail) {
  const many = detail.tops.length;
  const rows = detail.classes.map(({ c, mean, share }) => ({ name: classLink(className(c)), value: mean, words: number(mean),
    more: share ? `${Math.round(share * many)} of ${many}` : "" }));
  const facts = [["Mean", number(detail.mean)], ["Largest", number(detail.max)],
    ...Object.entries(detail.quantiles).map(([name, value]) => [`${name.slice(1)}\u00a0% of images below`, number(value)])];
  return el("div.cards", card("How often, how much", histogramOf(detail.histogram, units.score?.[channel]),
    note("The largest value on each image of the scan."), factsOf(facts)),
    rows.length > 0 && card("Class mix",
      note("Mean largest value by class, and how many of the strongest images are of it."), barsOf(rows)),
    card("What it sees", note("On the strongest image."), where(detail),
      factsOf([["Receptive field", fieldOf(layer)], ["Image", dimensions(atlas.start.model.input.slice(0, 2))]])),
    /* What was measured beside the run: a title, a note, and names with values. */
    detail.cards?.map(([title, said, values]) => card(title, note(said), factsOf(values))));
}

/* The strongest image with the receptive field drawn on it. */
function where({ tops: [top] }) {
  const [height, width] = atlas.start.model.input, most = Math.max(height, width), x = (most - width) / 2, y = (most - height) / 2;
  if (!top || placeOf(top.image) === undefined) return null;
  const [t, l, b, r] = top.field.map((side, edge) => Math.max(0, Math.min(side, edge % 2 ? width : height)));
  const box = el("div.where", svg("svg", { viewBox: `0 0 ${most} ${most}`, role: "img",
    label: `On the strongest image it looks at rows ${t} to ${b}, columns ${l} to ${r}` },
  svg("rect", { x: l + x, y: t + y, width: r - l, height: b - t })));
  return kit.whenSeen(box, () => box.prepend(imagePicture(top.image)));
}

/* Fetch what is below the window, and the next unit, while nothing else is to be done. */
async function later(layer, units, next) {
  document.querySelectorAll("#view .tile,.where").forEach(kit.seen);
  if (next === undefined) return;
  await detailOf(layer, units, next);
  const chunk = `${layer.n}-${chunkOf(layer, units, next)}`,
    sheets = [isMade(layer, units, next) && "detail", isClimbed(layer, units, next) && "synthetic"];
  for (const sheet of sheets.filter(Boolean)) new Image().src = `data/${sheet}-${chunk}.webp${kit.version}`;
}

const unitPage = async (layer, channel) => {
  const units = await unitsOf(layer.n), detail = await detailOf(layer, units, channel), walk = walkOf(layer, units),
    place = walk.indexOf(channel), back = atlas.walk?.of === layer.n ? atlas.walk.back : hrefTo.layer(layer);
  const circuit = circuitOf(layer, units, channel, detail), verdict = verdictOf(units, channel),
    name = detail.name ?? units.names?.[channel], at = (step) => (place < 0 ? undefined : walk[place + step]);
  const link = (step, text) => el("a.button", at(step) === undefined ? { "aria-disabled": "true" } : { href: hrefTo.unit(layer, at(step)),
    title: addressOf(layer, at(step)) }, text);
  const map = `map/index.html#unit=${encodeURIComponent(layer.address)}:${channel}`, jump = (selector) => ({ act: () => kit.enter(document.querySelector(selector)) });
  let waiting = 0;
  return {
    map, unit: [layer.n, channel], title: addressOf(layer, channel), crumbs: [[layer.address, back], [String(channel)]], up: back,
    keys: {
      ...sideways("unit", (step) => at(step) !== undefined && hrefTo.unit(layer, at(step))), ArrowDown: jump(".nine"),
      p: { ...jump(".nine"), words: "its strongest images" }, i: { ...jump(".links"), words: "what it is made of" },
        o: { ...jump(".feeds"), words: "what it feeds" }, a: { ...jump(".alike"), words: "units most alike" },
    },
    content: [
      el("div.title", el("div.head-of", heading(named(layer.address), el("span.muted", ":"), String(channel),
        verdict && [" ", el("span.badge.warning", verdict)]),
        el("nav.beside", { label: "Units beside it" }, place >= 0 && el("span.muted.small.number", `${number(place + 1)} of ${number(walk.length)}`),
          link(-1, "\u2190"), link(1, "\u2192"), atlas.start.map && button(map, "On the map"))),
      name && el("p.called", named(name)), el("p", sentence(units, channel, detail))),
      el("div.trio", synthetic(layer, units, channel), pictures(layer, units, channel, detail)),
      statistics(layer, units, channel, detail),
      circuit && sectionOf("What it is made of",
        el("p.small.wide", "Weights multiplied out, times how active each input is. Blue excites, red inhibits. ",
        detail.remarks.flatMap((one) => [...coded(one), " "])), circuit.element),
      detail.alike?.length > 0 && sectionOf("Units most alike",
        note("Correlation over a sample of the images. ",
        el("a", { href: hrefTo.layer(layer, { sort: "like", like: channel }) }, "The whole layer by likeness")),
        el("div.alike.links", arrows, detail.alike.map(([n, other, r]) => unitTile(n, other, number(r), "correlation")))),
      detail.notes.length > 0 && el("details.small", el("summary", "Notes"), el("ul.notes", detail.notes.map((one) => el("li", coded(one))))),
    ],
    attach: () => { circuit?.attach(); waiting = setTimeout(later, AFTER, layer, units, at(1)); },
    detach: () => { circuit?.detach(); clearTimeout(waiting); },
  };
};
