/* The search over all units of the network, and over the names of layers and classes. */
"use strict";
let every = null; // the columns of all layers, once they are asked for
const all = () => (every ||= Promise.all(atlas.start.layers.map(async (layer) => ({ layer, units: await unitsOf(layer.n) }))));

/* Return [[layer, units, channel], ...] that a query finds, the most telling of each layer first. */
const findUnits = async (query) => {
  const found = [];
  for (const { layer, units } of await all()) for (const channel of units.order) if (query.test(layer, units, channel)) found.push([layer, units,
    channel]);
  return found;
};

const searchPage = async ({ q = "" }) => {
  const query = queryOf(q), found = query.empty ? [] : await findUnits(query), wall = wallOf(7.4), text = q.trim().toLowerCase();
  const has = (name) => text && shown(name).toLowerCase().includes(text);
  const places = [...atlas.start.layers.filter(({ address }) => has(address)).map((layer) => [hrefTo.layer(layer), layer.address]),
    ...atlas.start.classes.filter(({ name }) => has(name)).map(({ name }) => [hrefTo.class(name), name])].slice(0, 24);
  const image = text.match(/^image:(\d+)$/), words = query.unread.length ? `Cannot read ${shown(query.unread.join(" "))}. ` : "";
  if (image && placeOf(Number(image[1])) !== undefined) places.push([hrefTo.image(Number(image[1])), `image ${image[1]}`]);
  const said = query.empty ? words : `${words}${counted(found.length, "unit")} of ${number(atlas.total)}`;
  return {
    title: q ? `${q} \u2013 search` : "Search", crumbs: [["Search"]], wall,
    attach: () => { wall.show(found.length, (place) => wallTile(...found[place], null, null, true)); kit.say(said); },
    content: [el("div.title", heading("Search"), el("p", said)),
      places.length ? el("ul.chips", arrows, places.map(([href, name]) => el("li", el("a.chip", { href }, named(name))))) : null,
      found.length ? wall.element : el("dl.keys.ways", searchHelp().map(([word, meaning]) => [el("dt",
        el("a", { href: hrefTo.search(word) }, el("code", word))), el("dd", meaning)]))],
  };
};
