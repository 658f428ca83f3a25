/* A layer on this image: a wall of all its units, sorted. */
"use strict";
const SIZES = { s: 3.2, m: 5.2, l: 8 }; // rem
const SORTS = { here: "strongest here", channel: "channel", active: "share of the map", above: "unusual for the run" };
const wallRecord = (layer, image = live.image.name) => askOnce("wall", { image, layer: layer.address });

/* Return the channels in the order in which the reader walks through them. */
const orderOf = (record, { sort, turn }) => {
  const order = Array.from(record.order), column = record[sort], value = (one) => (Number.isNaN(column[one]) ? -Infinity : column[one]);
  if (sort === "channel") order.sort((a, b) => a - b);
  else if (column && sort in SORTS) order.sort((a, b) => value(b) - value(a));
  return turn ? order.reverse() : order;
};
const layerTile = (layer, record, channel, sort) => {
  const name = nameOf(layer, channel), told = sort === "active" || sort === "above" ? percent(record[sort][channel]) : name ? shown(name) : number(record.values[channel]);
  const words = `${addressOf(layer, channel)}: ${number(record.values[channel])}${name ? `, ${shown(name)}` : ""}`;
  return el("a.tile", { href: hrefTo.unit(layer, channel), title: words, label: words }, el("i", tileOf(record, channel)),
    el("small", el("b", String(channel)), " ", el("bdi", told)));
};
const besideLayer = (layer, step) => live.start.layers[layer.n + step];
const layerLink = (layer, step, words) => {
  const other = besideLayer(layer, step);
  return other && el("a.button", { href: hrefTo.layer(other), title: `${words} (${step < 0 ? "[" : "]"})` }, step < 0 && "\u2190 ", named(other.address), step > 0 && " \u2192");
};

/* What the way down of a layer needs is compiled while the reader looks at something else of it; once. */
const prepared = new Set();
let preparing = 0;
const prepare = (layer, channel, after) => {
  const way = wayOf(layer), key = `${layer.n} ${way}`, image = live.image.name;
  clearTimeout(preparing);
  if (!prepared.has(key)) preparing = setTimeout(() => { prepared.add(key); ask("ahead", { image, unit: `${layer.address}:${channel}`, way }).catch(() => prepared.delete(key)); }, after);
};

const layerPage = async (layer) => {
  const record = await wallRecord(layer), state = stateOf(), wall = wallOf(SIZES[state.size] || SIZES.m), silent = record.values.reduce((sum, value) => sum + (value <= 0), 0);
  const draw = () => {
    const now = stateOf(), order = orderOf(record, now);
    drawAside(); // its links keep the order
    wall.show(order.length, (k) => layerTile(layer, record, order[k], now.sort));
    return order;
  };
  const sorts = Object.entries(SORTS).filter(([name]) => name === "here" || name === "channel" || record[name]);
  const controls = el("div.controls",
    el("label.pick", el("span", "Sort by"), el("select.field", { onchange: ({ target }) => { kit.restate({ sort: target.value }); draw(); } },
      sorts.map(([value, words]) => el("option", { value, selected: value === (state.sort || "here") }, words)))),
    el("button.icon", { title: "Turn the order around", label: "Turn the order around", "aria-pressed": String(Boolean(state.turn)), onclick: ({ currentTarget }) => {
      const turned = stateOf().turn ? "" : "1";
      currentTarget.setAttribute("aria-pressed", String(Boolean(turned)));
      kit.restate({ turn: turned });
      draw();
    } }, icon("M8 4v16m0 0-4-4m4 4 4-4M16 20V4m0 0-4 4m4-4 4 4")),
    choiceOf("Size of the tiles", [["s", "S"], ["m", "M"], ["l", "L"]], SIZES[state.size] ? state.size : "m", (size) => { kit.restate({ size }); wall.resize(SIZES[size]); }),
    el("span.number.muted.count", `${counted(layer.units, "unit")}, ${silent} not excited`));
  return {
    crumbs: [[layer.address]], up: hrefTo.network(), wall, layer,
    content: [el("div.title", el("div.head-of", heading(named(layer.address)), el("nav.beside", { label: "Layers beside it" }, layerLink(layer, -1, "Layer before"),
      layerLink(layer, 1, "Next layer"))), el("p.facts-of", [shown(layer.kind), ...layerFacts(layer), layer.activation && `then ${shown(layer.activation)}`].filter(Boolean).map((fact) => el("span", fact)))),
    controls, wall.element],
    attach: () => {
      const order = draw(), came = order.indexOf(live.came?.layer === layer.n ? live.came.channel : -1);
      if (came >= 0) wall.focus(came);
      prepare(layer, order[Math.max(0, came)], 150);
      return came >= 0;
    },
    detach: wall.detach,
  };
};
