/* A layer: a wall of all its units, sorted and filtered. */
"use strict";
const SIZES = { s: 3.2, m: 5.2, l: 8 }; // rem
const sorts = (units) => [["telling", "most telling"], ["channel", "channel"],
  ...Object.entries(COLUMNS).filter(([name]) => units[name]).map(([name, [words]]) => [name, words]), ["class", "class"],
  ["like", "likeness to a unit"]];

/* Return how alike each unit's values on the sample are to those of one unit: cosine of what the chunks hold, 1 for itself. */
async function likeness(layer, units, channel) {
  const chunks = await Promise.all(Array.from({ length: layer.done.length }, (_, k) => kit.load(`detail-${layer.n}-${k}`)));
  const all = chunks.flatMap((chunk) => chunk.units), size = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)) || 1;
  const own = new Map(), { sample } = all.find((unit) => unit.channel === channel), found = new Float32Array(units.order.length);
  sample.index.forEach((image, place) => own.set(image, sample.value[place]));
  for (const unit of all) {
    const dot = unit.sample.index.reduce((sum, image, place) => sum + (own.get(image) || 0) * unit.sample.value[place], 0);
    found[unit.channel] = dot / size(unit.sample.value) / size(sample.value);
  }
  return found;
}

/* Return channels in the order of a sort; `down` turns it around. */
const sortedBy = async (layer, units, { sort = "telling", turn, like }) => {
  const order = Array.from(units.order), name = (channel) => className(units.top_class[channel]);
  const high = (column) => order.sort((a, b) => (Number.isNaN(column[a]) ? 1 : Number.isNaN(column[b]) ? -1 : column[b] - column[a]));
  if (sort === "channel") order.sort((a, b) => a - b);
  else if (sort === "class") order.sort((a,
    b) => name(a).localeCompare(name(b)) || (units.auc ? units.auc[b] - units.auc[a] : units.selectivity[b] - units.selectivity[a]));
  else if (sort === "like") high(await likeness(layer, units, Number(like) < units.order.length ? Number(like) : units.order[0]));
  else if (units[sort] && sort in COLUMNS) high(units[sort]);
  return turn ? order.reverse() : order;
};

/* Return a tile of a wall. */
const wallTile = (layer, units, channel, kind, sort, long) => {
  const verdict = verdictOf(units, channel), name = units.names?.[channel],
    top = shown(name ?? (className(units.top_class[channel]) || "no class"));
  const said = verdict || (sort in COLUMNS ? COLUMNS[sort][1](units[sort][channel])
    : atlas.start.run.labelled || name ? top : percent(units.fires[channel]));
  const title = `${addressOf(layer, channel)}: fires on ${percent(units.fires[channel])}, largest ${number(units.max[channel])}, ${verdict || top}`;
  return el("a.tile", { href: hrefTo.unit(layer, channel), title, label: title }, pictureOf(layer, units, channel, kind),
    long ? captionOf(layer, channel) : el("small", el("b", String(channel)), " ", el(verdict ? "span.warning" : "bdi", said)));
};

const options = (entries, chosen) => entries.map(([value, words]) => el("option", { value, selected: value === chosen }, words));

const layerPage = async (layer, query) => {
  const units = await unitsOf(layer.n), state = { ...query }, wall = wallOf(SIZES[query.size] || SIZES.m), layers = atlas.start.layers;
  const count = el("span.number.muted.count", { role: "status" }),
    toUnit = el("input.field.narrow", { type: "number", min: 0, max: layer.units - 1, value: query.like || units.order[0], label: "Channel",
    hidden: query.sort !== "like" });
  let channels = [];

  async function draw() {
    if (state.sort === "like") count.textContent = "Comparing all units of the layer";
    const order = await sortedBy(layer, units, state), wanted = queryOf(state.q || ""), group = Number(state.class ?? -1);
    channels = order.filter((channel) => wanted.test(layer, units, channel) && (!state.class || units.top_class[channel] === group));
    count.textContent = wanted.unread.length ? `Cannot read ${wanted.unread.join(" ")}` : channels.length === layer.units ? counted(channels.length,
      "unit") : `${channels.length} of ${counted(layer.units, "unit")}`;
    atlas.walk = { of: layer.n, channels, back: hrefTo.layer(layer, state) };
    wall.show(channels.length, (index) => wallTile(layer, units, channels[index], kindOf(layer, state.kind), state.sort));
  }
  async function change(changes) {
    Object.assign(state, changes);
    toUnit.hidden = state.sort !== "like";
    kit.restate(changes);
    await draw();
  }
  const select = (label, entries, chosen, act) => el("label.pick", el("span", label),
    el("select.field", { onchange: (event) => act(event.target.value) }, options(entries, chosen)));
  toUnit.addEventListener("change", () => change({ like: toUnit.value }));
  let typing = 0;
  const classes = atlas.start.classes.map(({ name }, c) => [String(c), shown(name)]).filter(([c]) => units.top_class.includes(Number(c)));
  const controls = el("div.controls",
    choiceOf("Picture", kindsOf(layer).map((kind) => [kind, KINDS[kind]]), kindOf(layer, query.kind), (kind) => change({ kind })),
    select("Sort by", sorts(units), query.sort || "telling", (sort) => change({ sort })), toUnit,
    el("button.icon", { title: "Turn the order around", "aria-pressed": String(Boolean(query.turn)),
      onclick: ({ currentTarget }) => { currentTarget.setAttribute("aria-pressed", !state.turn); change({ turn: state.turn ? "" : "1" }); } },
      svg("svg", { viewBox: "0 0 24 24" }, svg("path", { d: "M8 4v16m0 0-4-4m4 4 4-4M16 20V4m0 0-4 4m4-4 4 4" }))),
    classes.length > 1 && select("Class", [["", "every class"], ...classes], query.class || "", (one) => change({ class: one })),
    el("input.field", { type: "search", value: query.q || "", placeholder: "fires>0.5, silent, 17", label: "Filter the units",
      oninput: (event) => { clearTimeout(typing); typing = setTimeout(change, 150, { q: event.target.value }); } }),
    choiceOf("Tile size", [["s", "S"], ["m", "M"], ["l", "L"]], SIZES[query.size] ? query.size : "m",
      (size) => { kit.restate({ size }); state.size = size; wall.resize(SIZES[size]); }), count);
  const beside = (step, words) => { const other = layers[layer.place + step]; return other && el("a.button",
    { href: hrefTo.layer(other), rel: words, title: words }, step < 0 && "\u2190 ", named(other.address), step > 0 && " \u2192"); };
  const facts = [shown(layer.kind), dimensions(layer.shape), counted(layer.units, "unit"),
    layer.parameters && counted(layer.parameters, "weight"), layer.silent && `${layer.silent} silent`, layer.dead && `${layer.dead} dead`];
  return {
    crumbs: [[layer.address]], wall,
    content: [el("div.title", el("div.head-of", heading(named(layer.address)),
      el("nav.beside", { label: "Layers beside it" }, beside(-1, "previous layer"), beside(1, "next layer"))),
      el("p.facts-of", fieldMark(layer), el("span", layer.whole ? "Each unit sees the whole image" : `Each unit sees ${fieldOf(layer)}`),
        facts.filter(Boolean).map((fact) => el("span", fact)))),
    remarksOf(layer.remarks), controls, wall.element],
    attach: async () => {
      const [n, unit] = atlas.came || []; // the unit that the reader comes up from
      await draw();
      const place = n === layer.n ? channels.indexOf(unit) : -1, returning = place >= 0 && history.state?.top === undefined;
      if (returning) wall.focus(place);
      return returning;
    },
  };
};
