/* The language of the search: words, class:Bag, label:cat, layer:block4, fires>0.5, max<3, dead, silent, -word; all must hold. */
"use strict";
const NUMBERS = [...Object.keys(COLUMNS), "mean", "q50", "q99"];
const holds = (value, sign, limit) => (value < limit && sign.includes("<")) || (value > limit && sign.includes(">"))
  || (value === limit && sign.includes("="));
const lower = (text) => String(text ?? "").toLowerCase();
const quoted = (name) => (/\s/.test(name) ? `\x22${name}\x22` : name);
/* Return examples with what they mean, made of the names of this network. */
const searchHelp = () => {
  const { layers, classes } = atlas.start, address = layers.at(-1).address, name = classes.at(-1)?.name;
  return [[`${address}:0`, "one unit"], [`layer:${quoted(layers[0].address)}`, "units of layers with this in their name"],
    ...(name ? [[`class:${quoted(name)}`, "units that are strongest on this class"], [`label:${quoted(name)}`, "output units of this name"]] : []),
    ["fires>0.5", `also ${NUMBERS.slice(1).join(", ")}, with < > <= >= =`], ["silent", "also dead, saturated"],
      ["fires>0.5 -silent", "all words must hold; a minus turns one around"]];
};

/* Return a test of one word: (layer, units, channel) -> whether it holds, or null where it cannot be read. */
function reading(word) {
  const compared = word.match(/^(\w+)(<=|>=|<|>|=)(-?[\d.]+)(%?)$/), [key, ...rest] = word.split(":"), value = rest.join(":");
  if (compared) {
    const [, name, sign, number, percent] = compared, limit = Number(number) / (percent ? 100 : 1);
    return NUMBERS.includes(name) && !Number.isNaN(limit) ? (layer, units, channel) => units[name] && holds(units[name][channel], sign, limit) : null;
  }
  if (/[<>]/.test(word)) return null;
  const verdict = VERDICTS.indexOf(word);
  if (verdict > 0) return (layer, units, channel) => units.verdict[channel] === verdict;
  if (key === "layer" && value) return (layer) => lower(layer.address).includes(value);
  if (key === "class" && value) return (layer, units, channel) => lower(className(units.top_class[channel])).includes(value);
  if (["label", "name"].includes(key) && value) return (layer, units, channel) => lower(units.names?.[channel]).includes(value);
  if (/:\d+$/.test(word)) return (layer, units, channel) => `${lower(layer.address)}:${channel}`.endsWith(word);
  return (layer, units, channel) => [`${layer.address}:${channel}`, className(units.top_class[channel]),
    units.names?.[channel]].some((text) => lower(text).includes(word));
}

/* Return {test, unread}: a test of a unit, and the words that could not be read. "Two words" in quotation marks are one. */
const queryOf = (text) => {
  const words = (lower(text).match(/(?:[^\s\x22]|\x22[^\x22]*\x22?)+/g) || []).map((word) => word.replace(/\x22/g, "")), tests = [], unread = [];
  for (const word of words) {
    const not = word.length > 1 && word.startsWith("-"), test = reading(not ? word.slice(1) : word);
    if (test) tests.push(not ? (...unit) => !test(...unit) : test); else unread.push(word);
  }
  return { unread, empty: !tests.length, test: (...unit) => tests.every((test) => test(...unit)) };
};
