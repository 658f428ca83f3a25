/* Draws the images without WebGL2: at most 5,000 of those in the view, by Canvas2D. The same promises as webgl.js gives. */
"use strict";
map.canvas2d = (canvas) => {
  const MOST = 5000, FADED = 0.1, { scene, pages } = map, { kind } = map.about;
  const context = canvas.getContext("2d"), layer = document.createElement("canvas").getContext("2d");
  const pictures = [], shapes = [];
  const renderer = { name: "Canvas2D", canvas, capacity: 10, most: MOST, open() {} };

  /* A drawing's background is left out: its shape is kept as an alpha mask. */
  function shape(bitmap) {
    const mask = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height }).getContext("2d");
    mask.drawImage(bitmap, 0, 0);
    const pixels = mask.getImageData(0, 0, bitmap.width, bitmap.height), { data } = pixels;
    for (let i = 0; i < data.length; i += 4) data[i + 3] = Math.min(255, 1.8 * (kind === "bright" ? data[i] : 255 - data[i]));
    mask.putImageData(pixels, 0, 0);
    return mask.canvas;
  }
  renderer.put = (slot, bitmap) => {
    pictures[slot]?.close();
    pictures[slot] = bitmap;
    shapes[slot] = kind === "photo" ? bitmap : shape(bitmap);
  };
  renderer.cut = (into, slot, x, y, side) => into.drawImage(pictures[slot], x, y, side, side, 0, 0, side, side);

  function draw(to, rank, size, scale) {
    const [x, y] = scene.screenOf(rank), side = size * scale, left = x * scale - side / 2, top = y * scale - side / 2;
    const slot = pages.find(rank, pages.wanted), photo = kind === "photo", clear = map.about.channels === 4 && slot >= 0, edge = photo && map.wash ? Math.max(1, side * 0.05) : 0;
    if (photo && !clear) {
      to.fillStyle = edge ? map.css(scene.code(rank)) : `rgb(${map.meanOf(rank)})`;
      to.fillRect(left, top, side, side);
    }
    to.imageSmoothingEnabled = side < pages.side * 1.2;
    if (clear && edge) Object.assign(to, { shadowColor: map.css(scene.code(rank)), shadowBlur: 2 * edge });
    if (slot >= 0) {
      to.drawImage(shapes[slot], pages.cellX, pages.cellY, pages.side, pages.side, left + edge, top + edge, side - 2 * edge, side - 2 * edge);
      to.shadowBlur = 0;
    } else {
      to.fillStyle = photo ? `rgb(${map.meanOf(rank)})` : "#888";
      to.fillRect(left + side * 0.25, top + side * 0.25, side / 2, side / 2);
    }
  }

  renderer.draw = (now, scale) => {
    // The order is random with what is lit at its end, so its end is a fair sample.
    const ranks = scene.visible.slice(-MOST).concat(scene.raised), size = scene.size(), raised = ranks.length - scene.raised.length;
    const light = (rank, i) => i >= raised || scene.lit[rank] ? 1 : FADED;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (kind === "photo") {
      ranks.forEach((rank, i) => { context.globalAlpha = light(rank, i); draw(context, rank, size, scale); });
      return;
    }
    // Drawings are tinted class by class: all shapes of one class on a layer, then its colour into them.
    const groups = new Map();
    ranks.forEach((rank, i) => {
      const key = `${map.css(scene.code(rank))}/${light(rank, i)}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(rank);
    });
    Object.assign(layer.canvas, { width: canvas.width, height: canvas.height });
    for (const [key, members] of [...groups].sort((a, b) => a[0].split("/")[1] - b[0].split("/")[1])) {
      const [colour, alpha] = key.split("/");
      layer.globalCompositeOperation = "source-over";
      layer.clearRect(0, 0, canvas.width, canvas.height);
      for (const rank of members) draw(layer, rank, size, scale);
      layer.globalCompositeOperation = "source-in";
      layer.fillStyle = colour;
      layer.fillRect(0, 0, canvas.width, canvas.height);
      context.globalAlpha = alpha;
      context.drawImage(layer.canvas, 0, 0);
    }
  };
  return renderer;
};
