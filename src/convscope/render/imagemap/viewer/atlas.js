/* In an atlas: links to its pages, and the images coloured by the activation of a unit, where it is among the strongest. */
"use strict";
(() => {
  const { scene, ui } = map, DATA = "../data", LEVELS = 8, LARGEST = 255;
  // From the images that excite the unit least to those that excite it most; what stays below lies back.
  const RAMP = { light: [[250, 204, 120], [240, 120, 50], [190, 30, 80], [90, 10, 90]], dark: [[90, 40, 130], [200, 60, 110], [250, 140, 70], [255, 235, 150]] };
  const REST = { light: [214, 219, 227], dark: [58, 66, 80] };
  let unit = null; // {layer, channel, values: share of the largest by id}

  const plain = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
  const address = (layer, channel) => `${encodeURIComponent(layer)}:${channel}`;
  map.unitAddress = () => unit ? address(unit.layer, unit.channel) : "";
  map.unitLink = () => kit.el("p", kit.el("a", { href: `${map.about.atlas}#${map.unitAddress()}` }, kit.name(`${unit.layer}:${unit.channel}`)), ": share of its largest value on an image");
  map.imageLink = (id) => kit.el("a.to", { href: `${map.about.atlas}#image:${id}` }, "Page of this image");

  map.scale = (theme) => [REST[theme], ...Array.from({ length: LEVELS }, (_, i) => {
    const at = i / (LEVELS - 1) * (RAMP[theme].length - 1), low = Math.min(RAMP[theme].length - 2, at | 0);
    return RAMP[theme][low].map((part, c) => Math.round(part + (RAMP[theme][low + 1][c] - part) * (at - low)));
  })];
  /* The legend's rows: code, words, how many images; the strongest first. */
  map.levels = () => {
    const counts = new Uint32Array(LEVELS + 1), percent = (i) => Math.round(100 * i / LEVELS);
    for (const step of map.steps) counts[step]++;
    const rows = Array.from(counts, (count, i) => [i, i ? `${percent(i - 1)} to ${percent(i)}\u00a0%` : "lower", count]);
    return rows.filter((row) => row[2]).reverse();
  };

  /* Read which images excite a unit, LAYER:CHANNEL, and offer it as a colouring; say so where that cannot be. */
  map.openUnit = async (given) => {
    const cut = given.lastIndexOf(":"), layer = plain(given.slice(0, cut)).replace(/^[/]/, ""), channel = +given.slice(cut + 1);
    try {
      if (!map.about.atlas) throw new Error("This map is not part of an atlas: it has no units.");
      const start = await kit.load("start", DATA), { n } = start.layers.find((one) => one.address === layer && channel < one.units) || {};
      if (n === undefined || !Number.isInteger(channel) || channel < 0) throw new Error(`The atlas has no unit ${kit.shown(`${layer}:${given.slice(cut + 1)}`).slice(0, 80)}.`);
      const { order } = await kit.load(`units-${n}`, DATA), { units } = await kit.load(`detail-${n}-${order.indexOf(channel) >> 4}`, DATA);
      const { index, value } = units.find((one) => one.channel === channel).sample, shares = new Map();
      index.forEach((at, i) => shares.set(start.images.ids[start.sample[at]], value[i]));
      unit = { layer, channel, shares };
      map.steps = Uint8Array.from(map.ids, (id) => shares.has(id) ? 1 + Math.min(LEVELS - 1, (shares.get(id) / LARGEST * LEVELS) | 0) : 0);
      map.value = (rank) => shares.has(map.ids[rank]) ? `${Math.round(100 * shares.get(map.ids[rank]) / LARGEST)}\u00a0% of the largest` : "lower";
      offer();
    } catch (error) { map.fail(error); }
  };
  function offer() {
    const list = map.$("colour"), option = [...list.options].find((one) => one.value === "unit") || list.appendChild(kit.el("option", { value: "unit" }));
    option.textContent = kit.shown(`${unit.layer}:${unit.channel}`);
    list.parentElement.hidden = false;
  }
})();
