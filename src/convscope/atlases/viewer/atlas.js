/* What the atlas knows of the network: its layers by number and address, the columns of their units, the addresses of its pages. */
"use strict";
const atlas = window.atlas = {};
const RESERVED = ["image", "class", "search"];
const VERDICTS = ["", "silent", "dead", "saturated", "not finite"];
const byNumber = new Map(), byAddress = new Map(), places = new Map();

const openAtlas = async () => {
  const start = atlas.start = await kit.load("start");
  start.layers.forEach((layer, place) => {
    layer.place = place;
    byNumber.set(layer.n, layer);
    byAddress.set(layer.address, layer);
  });
  start.images?.ids.forEach((id, place) => places.set(id, place));
  atlas.total = start.layers.reduce((sum, layer) => sum + layer.units, 0);
};

/* The columns of units that one sorts and filters by: name -> [words, how a number is written]. */
const COLUMNS = { fires: ["firing rate", percent], max: ["largest value", number], score: ["synthetic value", number],
  percentile: ["synthetic over real", (value) => `${number(value)}\u00a0%`], selectivity: ["selectivity", number], auc: ["AUC of its class", number] };

const layerOf = (n) => byNumber.get(n);
const layerAt = (address) => byAddress.get(address) || byAddress.get(address.replace(/^\//, ""));
const className = (c) => atlas.start.classes[c]?.name ?? "";

/* Return the columns of a layer's units by channel, and `rank`, the place of each in `order`. */
const unitsOf = async (n) => {
  const units = await kit.load(`units-${n}`);
  if (!units.rank) {
    units.rank = new Uint32Array(units.order.length);
    units.order.forEach((channel, rank) => { units.rank[channel] = rank; });
  }
  return units;
};

/* Records are packed: rows in place of named values, columns in place of lists. */
const MOST = 65535;
function unpack(unit, remarks) {
  const whole = [0, 0, ...atlas.start.model.input.slice(0, 2)];
  unit.tops = unit.tops.map(([image, value, label, position, field, border, name]) => ({ image, value, label: typeof label === "number" ? className(label) : label, position, field: field ?? whole, border, name }));
  unit.remarks = unit.remarks.map((place) => remarks[place]);
  unit.classes = unit.classes.map(([c, mean, share = 0]) => ({ c, mean, share }));
  const { low, high, counts } = unit.histogram;
  unit.histogram.edges = Array.from({ length: counts.length + 1 }, (_, place) => low + (high - low) * place / counts.length);
}
function excited(layers, place, images) {
  const found = layers.map(({ n, channels, below }) => {
    const count = channels.length / images, from = place * count;
    return [n, Array.from(channels.subarray(from, from + count), (channel, k) => [channel, below[from + k] / MOST]).filter(([channel]) => channel + 1 < 256 ** channels.BYTES_PER_ELEMENT)];
  });
  return found.filter(([, units]) => units.length);
}

/* Return what a unit page shows of one unit; its chunk brings those of its neighbours in the order, too. */
const detailOf = async (layer, units, channel) => {
  const chunk = await kit.load(`detail-${layer.n}-${chunkOf(layer, units, channel)}`);
  if (!chunk.unpacked) chunk.units.forEach((unit) => unpack(unit, chunk.remarks));
  chunk.unpacked = true;
  return chunk.units.find((unit) => unit.channel === channel);
};
const chunkOf = (layer, units, channel) => units.rank[channel] / layer.chunk | 0;
const isMade = (layer, units, channel) => layer.done[chunkOf(layer, units, channel)] === "1";
const isClimbed = (layer, units, channel) => layer.synthetic && layer.pictured[chunkOf(layer, units, channel)] === "1";
const verdictOf = (units, channel) => VERDICTS[units.verdict[channel]] || "";

/* Return an image's place in the atlas, or undefined: a large run has more images than its atlas. */
const placeOf = (image) => places.get(image);
const imageOf = async (id) => {
  const { records } = atlas.start.images, place = places.get(id), page = place / records | 0;
  const found = await kit.load(`images-${page}`), row = place - page * records, [name, label, prediction, probability, near] = found.images[row];
  return { name, label, prediction, probability, near, excites: excited(found.excites, row, found.images.length) };
};

/* -- addresses -- */
const routed = (layer) => (RESERVED.includes(layer.address) ? `/${layer.address}` : layer.address);
const hrefTo = {
  layer: (layer, query) => kit.link([routed(layer)], query),
  unit: (layer, channel) => kit.link([routed(layer), channel]),
  image: (id) => kit.link(["image", id]),
  class: (name) => kit.link(["class", name]),
  search: (text) => kit.link(["search"], { q: text }),
};

/* -- sentences that several pages say -- */
const fieldOf = (layer) => (layer.field && !layer.whole ? `${dimensions(layer.field)} pixels` : "whole image");
const classLink = (name) => (atlas.start.classes.some((one) => one.name === name) ? el("a", { href: hrefTo.class(name) },
  named(name)) : named(name));

const shareOf = () => `${counted(atlas.start.images.count, "image")} of the ${number(atlas.start.run.images)} that were scanned.`;
