/* Pictures cut from sheets: of units, of their patches and projections, of images. CSS places the sheet behind an <i> (atlas.css). */
"use strict";
const CRISP = 48; // pixels: tiles that have fewer are drawn as squares
const SYNTHETIC_COLUMNS = 4, ON_A_WALL = 128, WALL_COLUMNS = 8;
const KINDS = { synthetic: "Synthetic", patch: "Patch", projection: "Projection" };

const cellOf = (sheet, place, columns, pixels) => {
  const cut = el(pixels < CRISP ? "i.cut.crisp" : "i.cut", { "--x": place % columns, "--y": Math.floor(place / columns), "--n": columns });
  cut.style.backgroundImage = `url("data/${sheet}.webp${kit.version}")`;
  return cut;
};
const blank = (why = "Not made yet") => el("i.blank", { title: why });

const kindsOf = (layer) => Object.keys(KINDS).filter((kind) => ({ synthetic: layer.synthetic, patch: true,
  projection: atlas.start.settings.projections > 0 })[kind]);
const kindOf = (layer, wanted) => { const kinds = kindsOf(layer); return kinds.includes(wanted) ? wanted : kinds[0]; };

/* Return the picture of a unit: of the kind that is wanted, or a blank that says that it is not made yet; or the first that is made, and
   until then the unit's strongest image. */
const pictureOf = (layer, units, channel, wanted) => {
  const kind = !wanted && !isClimbed(layer, units, channel) ? "patch" : kindOf(layer, wanted), rank = units.rank[channel],
    [each, columns] = kind === "synthetic" ? [layer.chunk, SYNTHETIC_COLUMNS] : [ON_A_WALL, WALL_COLUMNS];
  const made = kind === "synthetic" ? isClimbed(layer, units, channel) : (kind === "patch" && layer.whole) || isMade(layer, units,
    channel);
  if (!made) return wanted ? blank() : imagePicture(units.best[channel]);
  const sheet = kind === "synthetic" ? `synthetic-${layer.n}-${rank / each | 0}` : `wall-${layer.n}-${kind}-${rank / each | 0}`;
  return cellOf(sheet, rank % each, columns, kind === "synthetic" ? layer.size : layer.tile);
};

/* Return the picture of an image, or a blank where the atlas does not hold it. */
const imagePicture = (id) => {
  const place = placeOf(id);
  if (place === undefined) return blank("This atlas does not hold the image");
  const { per, columns, tile } = atlas.start.images;
  return cellOf(`images-${place / per | 0}`, place % per, columns, tile);
};

/* Return the tiles of a unit: one row a unit on a sheet of `patches` and projections `with` switches, and on one of those `without`, which
   may not be made yet. */
const detailTiles = (layer, units, channel) => {
  const many = atlas.start.settings.projections, patches = layer.whole ? 0 : 9, rank = units.rank[channel];
  const from = (sheets, each, columns, place) => cellOf(`${sheets}-${rank / each | 0}`, rank % each * columns + place, columns, layer.detail_tile);
  return (part, number) => (part !== "without" ? from(`detail-${layer.n}`, layer.chunk, patches + many, number + (part === "with" && patches))
    : layer.without[rank / ON_A_WALL | 0] === "1" ? from(`wall-${layer.n}-without`, ON_A_WALL, many, number) : blank());
};

const COLOURS = ["red", "green", "blue"];

/* Return a link to a unit with its picture, which comes when the link is near the window. */
const unitTile = (n, channel, value, verb, ...more) => {
  const layer = layerOf(n), picture = el("i");
  if (!layer) { // the image itself: one of its colours
    const colour = atlas.start.model.input[2] === 3 ? COLOURS[channel] : "grey";
    return el("span.tile", el(`i.colour.${colour}`), el("small.who", el("span", "image"), el("b", `: ${colour}`)), strength(value), more);
  }
  const words = addressOf(layer, channel);
  const tile = el("a.tile", { href: hrefTo.unit(layer, channel), title: words, label: `${words}, ${verb} ${value}` }, picture,
    captionOf(layer, channel), strength(value), more);
  return kit.whenSeen(tile, () => unitsOf(n).then((units) => picture.replaceWith(pictureOf(layer, units, channel))).catch(fail));
};
/* A link to an image with its picture, or another one of it; no link where the atlas does not hold it. */
const imageTile = (id, caption = [], words = "", picture = null) => {
  const there = placeOf(id) !== undefined;
  return el(there ? "a.tile" : "span.tile", { href: there && hrefTo.image(id), title: words, label: `Image ${id} ${words}` },
    picture || imagePicture(id), caption);
};
