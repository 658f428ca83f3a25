/* The whole network on this image: every layer, from the pixels up, with the units that the image excites most. */
"use strict";
const strongTile = (layer, found, k) => {
  const channel = found.channels[k], name = nameOf(layer, channel), words = `${addressOf(layer, channel)}${name ? ` ${shown(name)}` : ""}: ${number(found.values[k])}`;
  return el("a.tile", { href: hrefTo.unit(layer, channel), title: words, label: words }, el("i", tileOf(found, k)),
    el("small", el("b", String(channel)), " ", name ? named(name) : number(found.values[k])));
};
const layerFacts = (layer, { shape } = live.image.layers[layer.n]) => [shape.length > 0 && dimensions(shape), counted(layer.units, "unit"), layer.field ? `sees ${layer.field} px` : "sees all"].filter(Boolean);

const networkPage = () => {
  const { model, layers } = live.start, units = layers.reduce((sum, layer) => sum + layer.units, 0);
  return {
    crumbs: [], first: () => kit.byId("view").querySelector(".rows [data-arrows]"),
    content: [
      el("div.title", heading(named(model.name)), el("p", `${counted(layers.length, "layer")}, ${counted(units, "unit")}, and what each computes of this image. The strongest first.`)),
      model.notes.length > 0 && el("details.small.about", el("summary", "About this network"), el("ul.notes", model.notes.map((one) => el("li", coded(one))))),
      el("div.rows", layers.map((layer) => {
        const found = live.image.layers[layer.n];
        return el("div.layer", el("div.words", el("a.address", { href: hrefTo.layer(layer) }, named(layer.address)), el("small", layerFacts(layer).join(" \u00b7 "))),
          el("div.strip", arrows, found.channels.map((_, k) => strongTile(layer, found, k))));
      })),
    ],
  };
};
