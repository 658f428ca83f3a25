/* Maps as pictures: the server sends numbers, and their colours are those of the sheets that the command line draws. */
"use strict";
const SOFT = 48; // pixels: maps that have fewer show them as squares

/* Fill a canvas: colour(place) returns a number from 0 to 255 in the palette. */
function fillCanvas(canvas, width, height, signed, colour) {
  const { positive, signed: both } = live.start.palettes, table = signed ? both : positive, picture = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    const row = 3 * colour(place);
    picture.data.set([table[row], table[row + 1], table[row + 2], 255], 4 * place);
  }
  canvas.width = width;
  canvas.height = height;
  canvas.classList.toggle("crisp", Math.max(width, height) < SOFT);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

/* The map of one unit of a wall, or of a few units of a layer: the one at `index`. A unit without a map is a bar. */
const tileOf = ({ tiles, width, height, signed }, index) => {
  if (width * height === 1) return el("b.level", { "--w": `${100 * (signed ? Math.abs(tiles[index] - 128) / 127 : tiles[index] / 255)}%`, class: signed && tiles[index] < 128 ? "level below" : "level" });
  const from = index * width * height;
  return fillCanvas(el("canvas"), width, height, signed, (place) => tiles[from + place]);
};

/* A whole map of numbers, on the scale `most`; `signed`: it holds values below zero. */
const drawMap = (canvas, map, width, height, signed, most) => fillCanvas(canvas, width, height, signed, (place) => {
  const share = Number.isFinite(map[place]) ? Math.max(-1, Math.min(1, map[place] / (most || 1))) : 0;
  return Math.round(signed ? 128 + 127 * share : 255 * Math.max(0, share));
});
const rangeOf = (map) => {
  let low = 0, high = 0;
  for (const value of map) { if (value < low) low = value; if (value > high && value < Infinity) high = value; }
  return [low, high];
};
const mostOf = (...maps) => Math.max(...maps.map((map) => { const [low, high] = rangeOf(map); return Math.max(-low, high); }), 0);
const hasNegative = (map) => rangeOf(map)[0] < 0;
