/* An image of the data set: its prediction, the units that it excites most at each layer, its neighbours; and the wall of all images. */
"use strict";
atlas.views.image = async ({ id }) => {
  const { start } = atlas, found = await atlas.image(id), sure = found.probability;
  const { ids } = start.images, place = atlas.placeOf(id), map = `map/index.html#image=${id}`;
  const facts = [found.label && ["Label", atlas.classLink(found.label)],
    found.prediction && ["Prediction", [atlas.classLink(found.prediction), sure >= 0 && ` \u00b7 ${percent(sure)} `,
    found.label !== found.prediction && start.classes.some(({ name, unit }) => unit && name === found.label)
      && el("span.badge.warning", "not its label")]], ["Number", String(id)]].filter(Boolean);
  const layers = (found.excites || []).filter(([n]) => atlas.layer(n)).reverse();
  return {
    map, title: shown(found.name), crumbs: [["Images", kit.link(["image"])], [found.name]], up: kit.link(["image"]),
    keys: { ...atlas.sideways("image", (step) => ids[place + step] !== undefined && atlas.href.image(ids[place + step])),
      ArrowDown: { act: () => kit.enter(document.querySelector("main [data-arrows]")) } },
    content: [
      el("div.hero", el("div.big", atlas.imagePicture(id)), el("div", heading(named(found.name)), atlas.facts(facts),
        start.map && el("p.actions", button(map, "On the map")))),
      found.near?.length ? atlas.section("Nearest images", note("By the network's own features."),
        el("div.nearest", arrows, found.near.map((near) => atlas.imageTile(near)))) : null,
      layers.length ? atlas.section("Units that it excites most",
        note("At each layer, from the output down; the share of images that excite the unit less."),
        el("div.ladder", arrows, layers.map(([n, units]) =>
        el("div.rung", el("a.address", { href: atlas.href.layer(atlas.layer(n)) }, named(atlas.layer(n).address)),
          el("div.links", units.map(([channel, below]) => atlas.unitTile(n, channel, percent(below), "more than"))))))) : null,
    ],
  };
};

atlas.views.images = async () => {
  const { images } = atlas.start, wall = atlas.wall(5);
  const show = () => wall.show(images.count, (place) => atlas.imageTile(images.ids[place], [el("small", String(images.ids[place]))]));
  return {
    title: "Images", roomy: true, crumbs: [["Images"]], up: atlas.href.overview(), first: wall.element, attach: show, detach: wall.detach,
    content: [el("div.title", heading("Images"),
      el("p", `${counted(images.count, "image")} of the ${atlas.start.run.images.toLocaleString("en")} that were scanned.`)), wall.element],
  };
};
