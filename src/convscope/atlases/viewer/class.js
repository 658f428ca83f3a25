/* A class: its images, its synthetic picture, and the units that tell it from the others. */
"use strict";
atlas.views.class = async ({ name }) => {
  const { classes } = await kit.load("classes"), known = atlas.start.classes.find((one) => one.name === name),
    found = classes.find((one) => one.name === name);
  if (!found) return null;
  const [n, channel] = found.unit || [], layer = found.unit && atlas.layer(n), units = layer ? await atlas.units(n) : null;
  const tiles = (list) => list.filter(([at]) => atlas.layer(at)).map(([at, unit, auc]) => atlas.unitTile(at, unit, auc.toFixed(2), "AUC"));
  return {
    title: shown(name), crumbs: [["Classes", "#"], [name]], up: atlas.href.overview(),
    keys: { ArrowDown: { act: () => kit.enter(document.querySelector("main [data-arrows]")) } },
    content: [
      el("div.hero", layer ? el("a.big", { href: atlas.href.unit(layer, channel), label: `Its output unit, ${atlas.words(layer, channel)}` },
        atlas.picture(layer, units, channel)) : null,
        el("div", heading(named(name)),
          el("p.muted", known?.images ? `${counted(known.images, "image")} of the scan.` : "No image of the scan has this label."),
          layer && el("p.actions", button(atlas.href.unit(layer, channel), atlas.words(layer, channel)),
            button(atlas.href.search(`class:"${name}"`), "Units strongest on it")))),
      found.units?.length ? atlas.section("Units that tell it from the others",
        note("AUC: how often an image of this class excites the unit more than one of another class; 0.5 is chance."),
        el("div.links", arrows, tiles(found.units))) : null,
      found.images.length ? atlas.section("Images", el("div.nearest", arrows, found.images.map((id) => atlas.imageTile(id)))) : null,
    ],
  };
};
