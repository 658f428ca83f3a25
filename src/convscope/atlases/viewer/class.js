/* A class: its images, its synthetic picture, and the units that tell it from the others. */
"use strict";
const classPage = async (name) => {
  const of = ({ classes }) => classes.find((one) => one.name === name), found = of(await kit.load("classes")), images = of(atlas.start)?.images;
  if (!found) return null;
  const [n, channel] = found.unit || [], layer = layerOf(n), href = layer && hrefTo.unit(layer, channel);
  return {
    crumbs: [["Classes", "#"], [name]],
    content: [
      el("div.hero", layer && el("a.big", { href, label: `Its output unit, ${addressOf(layer, channel)}` }, pictureOf(layer, await unitsOf(n), channel)),
        el("div", heading(named(name)), el("p.muted", images ? `${counted(images, "image")} of the scan${atlas.start.run.labelled ? "" : ", by prediction"}.` : "No image of the scan has this label."),
          el("p.actions", layer && button(href, addressOf(layer, channel)), button(hrefTo.search(`class:"${name}"`), "Units strongest on it")))),
      sectionOf("Units that tell it from the others",
        note("AUC: how often an image of this class excites the unit more than one of another class; 0.5 is chance."),
        el("div.links", arrows, (found.units || []).filter(([at]) => layerOf(at)).map(([at, unit, auc]) => unitTile(at, unit, auc.toFixed(2), "AUC")))),
      sectionOf("Images", el("div.nearest", arrows, found.images.map((id) => imageTile(id)))),
    ],
  };
};
