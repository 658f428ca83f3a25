/* An image of the data set: its prediction, the units that it excites most at each layer, its neighbours; and the wall of all images. */
"use strict";
atlas.views.image = async ({ id }) => {
  const { start } = atlas, found = await atlas.image(id), sure = found.probability, right = found.label !== null && found.label === found.prediction;
  const ids = start.images.ids, place = atlas.placeOf(id), go = (step) => () => (ids[place + step] === undefined ? false : void (location.hash = atlas.href.image(ids[place + step])));
  const known = start.classes.some(({ name }) => name === found.label), classOf = (name) => (start.classes.some((one) => one.name === name) ? el("a", { href: atlas.href.class(name) }, named(name)) : named(name));
  const facts = [found.label === null ? null : ["Label", known ? classOf(found.label) : named(found.label)], found.prediction === null ? null : ["Prediction", [classOf(found.prediction), sure === null || sure === undefined ? "" : ` \u00b7 ${percent(sure)}`, found.label === null || right ? null : el("span.badge.warning", "not its label")]], ["Number", String(id)]].filter(Boolean);
  const layers = (found.excites || []).filter(([n]) => atlas.layer(n)).reverse();
  return {
    title: shown(found.name), crumbs: [["Images", kit.link(["image"])], [found.name]], up: kit.link(["image"]),
    keys: { ArrowLeft: { act: go(-1), words: "previous and next image", shown: "\u2190 \u2192" }, ArrowRight: { act: go(1) }, ArrowDown: { act: () => kit.enter(document.querySelector("main [data-arrows]")) } },
    content: [
      el("div.hero", el("div.big", atlas.imagePicture(id)), el("div", el("h1", { tabindex: -1 }, named(found.name)), el("dl.facts", facts.map(([name, value]) => [el("dt", name), el("dd", value)])),
        start.map ? el("p.actions", el("a.button", { href: atlas.href.map(`image=${id}`) }, "On the map")) : null)),
      found.near?.length ? atlas.section("Nearest images", el("p.small", "By the network's own features."), el("div.nearest", { "data-arrows": true }, found.near.map((near) => atlas.imageTile(near)))) : null,
      layers.length ? atlas.section("Units that it excites most", el("p.small", "At each layer, from the output down; the share of images that excite the unit less."), el("div.ladder", { "data-arrows": true }, layers.map(([n, units]) =>
        el("div.rung", el("a.address", { href: atlas.href.layer(atlas.layer(n)) }, named(atlas.layer(n).address)), el("div.links", units.map(([channel, below]) => atlas.unitTile(n, channel, { label: `more than ${percent(below)}`, caption: [el("span.strength.number", percent(below))] }))))))) : null,
    ],
  };
};

atlas.views.images = async () => {
  const { images } = atlas.start, wall = atlas.wall(5);
  const show = () => wall.show(images.count, (place) => atlas.imageTile(images.ids[place], [el("small", String(images.ids[place]))]));
  return {
    title: "Images", crumbs: [["Images"]], up: atlas.href.overview(), first: wall.element, attach: () => { wall.attach(); show(); }, detach: wall.detach,
    content: [el("div.title", el("h1", { tabindex: -1 }, "Images"), el("p", `${counted(images.count, "image")} of the ${atlas.start.run.images.toLocaleString("en")} that were scanned.`)), wall.element],
  };
};
