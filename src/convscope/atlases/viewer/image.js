/* An image of the data set: its prediction, the units that it excites most at each layer, its neighbours; and the wall of all images. */
"use strict";
const imagePage = async (id) => {
  const { start } = atlas, found = await imageOf(id), sure = found.probability;
  const { ids } = start.images, place = placeOf(id), map = `map/index.html#image=${id}`;
  const facts = [found.label && ["Label", classLink(found.label)],
    found.prediction && ["Prediction", [classLink(found.prediction), sure >= 0 && ` \u00b7 ${percent(sure)} `,
    found.label !== found.prediction && start.classes.some(({ name, unit }) => unit && name === found.label)
      && el("span.badge.warning", "not its label")]], ["Number", String(id)]].filter(Boolean);
  const layers = found.excites.filter(([n]) => layerOf(n)).reverse();
  return {
    map, crumbs: [["Images", kit.link(["image"])], [found.name]], up: kit.link(["image"]),
    keys: sideways("image", (step) => ids[place + step] !== undefined && hrefTo.image(ids[place + step])),
    content: [
      el("div.hero", el("div.big", imagePicture(id)), el("div", heading(named(found.name)), factsOf(facts),
        start.map && el("p.actions", button(map, "On the map")))),
      sectionOf("Nearest images", note("By the network's own features."),
        el("div.nearest", arrows, found.near.map((near) => imageTile(near)))),
      sectionOf("Units that it excites most",
        note("At each layer, from the output down; the share of images that excite the unit less."),
        el("div.ladder", arrows, layers.map(([n, units]) =>
        el("div.rung", el("a.address", { href: hrefTo.layer(layerOf(n)) }, named(layerOf(n).address)),
          el("div.links", units.map(([channel, below]) => unitTile(n, channel, percent(below), "more than"))))))),
    ],
  };
};

const imagesPage = () => {
  const { images } = atlas.start, wall = wallOf(5);
  const show = () => wall.show(images.count, (place) => imageTile(images.ids[place], [el("small", String(images.ids[place]))]));
  return {
    crumbs: [["Images"]], wall, attach: show,
    content: [el("div.title", heading("Images"),
      el("p", shareOf())), wall.element],
  };
};
