/* The image beside every view: dropped, pasted, chosen, from the camera; what the network takes it for; and the one that is pinned. */
"use strict";
const WATCHED = 12; // images whose small pictures stand below
const aside = () => kit.byId("image");
const imageRecord = (name) => askOnce("image", { image: name });
const place = () => live.names.indexOf(live.image?.name);

/* Keep a picture on the server for as long as it has room, and show it. */
async function drop(blob, name) {
  try {
    const { image } = await ask("drop", { name: (name || "picture").slice(0, 200) }, { method: "POST", body: blob });
    go(here({ image }));
  } catch (error) { if (!error.stale) tell(shown(error.message)); }
}
const stepImage = (step) => {
  const next = live.names[place() < 0 ? 0 : place() + step];
  if (next !== undefined) go(here({ image: next }));
  return next !== undefined;
};
const pin = () => {
  const { pin: pinned } = stateOf(), name = live.image.name;
  go(here({ pin: pinned === name ? "" : name, show: pinned === name ? "" : stateOf().show }));
  tell(pinned === name ? "The image is not pinned any more." : "Pinned. Choose another image, and press c to compare.");
};

/* The camera: a frame is sent when the answer to the one before is here. */
let camera = null;
async function watchCamera() {
  if (camera) { camera.getTracks().forEach((track) => track.stop()); camera = null; drawAside(); return; }
  try { camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } }); } catch (error) { tell(`No camera: ${shown(error.message)}.`); return; }
  const video = el("video", { muted: true, playsinline: true }), canvas = el("canvas", { width: 640, height: 480 });
  video.srcObject = camera;
  await video.play();
  drawAside();
  while (camera) {
    canvas.width = video.videoWidth || 640;
    canvas.height = video.videoHeight || 480;
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
    try {
      const { image } = await ask("drop", { name: "camera.jpg" }, { method: "POST", body: blob });
      await imageRecord(image);
      history.replaceState(history.state, "", here({ image }));
      await live.show();
    } catch (error) { if (!error.stale) { tell(shown(error.message)); break; } }
  }
}

const choose = () => kit.byId("file").click();
const fileInput = () => el("input.sr", { id: "file", type: "file", accept: "image/*", tabindex: -1, label: "Open an image",
  onchange: ({ target }) => { const [file] = target.files; target.value = ""; if (file) drop(file, file.name); } });

/* The image with what a unit sees of it drawn on it: [top, left, bottom, right] in pixels. */
const framed = (record, field) => {
  const [height, width] = record.size, small = Math.max(height, width) < SOFT;
  return el("div.framed", { "--ratio": width / height }, el(small ? "img.crisp" : "img", { src: record.picture, alt: shown(record.title) }),
    field && svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" }, svg("rect", { x: field[1], y: field[0],
      width: field[3] - field[1], height: field[2] - field[0] })));
};
const predictionsOf = ({ predictions }) => predictions.length > 0 && el("ul.bars.guesses", predictions.map(({ name, channel, share }, k) => {
  const layer = live.start.layers.findLast(({ names }) => names); // before a softmax or behind it, a class is the same channel
  return el("li", el("span.who", layer ? el("a", { href: hrefTo.unit(layer, channel), title: shown(name) }, named(name)) : named(name)),
    el("span.track", { "aria-hidden": "true" }, el("i", { "--w": `${100 * share}%`, class: k === 0 ? "first" : null })), el("span.number", percent(share)));
}));

/* Small pictures of the images, a dozen at a time: the one that is shown, and those beside it. */
function strip() {
  const first = Math.floor(Math.max(0, place()) / WATCHED) * WATCHED, some = live.names.slice(first, first + WATCHED), list = el("div.reel", arrows);
  const draw = ({ pictures }) => list.replaceChildren(...some.map((name, k) => el("a.tile",
    { href: here({ image: name }), title: shown(pictures[k].title), "aria-current": name === live.image?.name ? "true" : null },
    pictures[k].picture ? el(pictures[k].small ? "img.crisp" : "img", { src: pictures[k].picture, alt: shown(pictures[k].title) }) : el("i.blank"))));
  askOnce("thumbs", { image: some }).then(draw).catch(() => {});
  return list;
}

let shownField = null;
const drawAside = (field = shownField) => {
  shownField = field;
  const { image, pinned } = live, many = live.names.length, at = place(), isPinned = pinned?.name === image?.name;
  if (!image) return;
  aside().replaceChildren(...[
    framed(image, field),
    el("div.named", el("b", named(image.title)), at >= 0 && many > 1 && el("span.muted.number", `${number(at + 1)} of ${number(many)}`)),
    el("div.from", el("button.button", { onclick: choose, title: "Open an image (o)" }, "Open"),
      el("button.button", { onclick: watchCamera, "aria-pressed": String(Boolean(camera)) }, camera ? "Stop" : "Camera"),
      el("button.button", { onclick: pin, title: "Pin the image, to compare others with it (s)", "aria-pressed": String(isPinned) }, isPinned ? "Pinned" : "Pin"),
      many > 1 && el("span.steps", el("button.icon", { onclick: () => stepImage(-1), title: "Image before (,)", label: "Image before" }, icon("M15 5l-7 7 7 7")),
        el("button.icon", { onclick: () => stepImage(1), title: "Next image (.)", label: "Next image" }, icon("M9 5l7 7-7 7")))),
    predictionsOf(image),
    pinned && !isPinned && el("div.pinned", framed(pinned), el("div", el("small.muted", "Pinned"), named(pinned.title),
      el("small", el("a", { href: here({ image: pinned.name, pin: image.name }) }, "Swap"), " \u00b7 ",
        el("a", { href: here({ show: stateOf().show === "both" ? "" : "both" }) }, stateOf().show === "both" ? "One alone" : "Compare")))),
    many > 1 && strip(), fileInput()].filter(Boolean));
};

const listenToDrops = () => {
  const stop = (event) => { event.preventDefault(); document.body.classList.toggle("dropping", event.type === "dragover"); };
  for (const type of ["dragover", "dragleave"]) addEventListener(type, stop);
  addEventListener("drop", (event) => { stop(event); const [file] = event.dataTransfer.files; if (file) drop(file, file.name); });
  addEventListener("paste", ({ clipboardData }) => { const [file] = clipboardData.files; if (file) drop(file, file.name); });
};
