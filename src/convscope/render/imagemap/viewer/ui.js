/* The panels around the map: toolbar, legend, hover card, the selected image, status. Text only ever becomes text nodes. */
"use strict";
(() => {
  const { scene, pages } = map, ui = map.ui = {};
  const $ = map.$ = kit.byId, { el, shown } = kit;
  const NEUTRAL = { light: [88, 110, 148], dark: [148, 165, 196] };
  const RIGHT = { light: "#8a93a3", dark: "#6f7a8c" }, WRONG = { light: "#d02f2f", dark: "#ff6b6b" };
  const MODES = { label: "Label", prediction: "Prediction", error: "Right or wrong", none: "None" };
  const NUMBERS = /[0-9]+/g;
  const MOST = 48; // classes that the legend lists
  const mode = () => kit.isDark() ? "dark" : "light";
  const number = (value) => value.toLocaleString("en");

  /* -- colours -- */
  map.meanOf = (rank) => map.about.channels === 1 ? Array(3).fill(map.means[rank]) : map.means.subarray(3 * rank, 3 * rank + 3);
  map.css = (code) => `rgb(${map.tints.subarray(3 * code, 3 * code + 3)})`;
  const parsed = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

  /* Read the colours again: after a change of the theme or of what colours mean. */
  ui.recolour = () => {
    const about = map.about, theme = mode();
    map.paper = getComputedStyle(document.body).backgroundColor.match(NUMBERS).map(Number);
    map.accent = getComputedStyle($("overlay")).color;
    map.wash = scene.colour === "none" ? 0 : 255;
    const colours = scene.colour === "unit" ? map.scale(theme) : scene.colour === "none" ? [NEUTRAL[theme]] : scene.colour === "error" ? [RIGHT[theme], WRONG[theme]].map(parsed) : about.classes.map((one) => one[theme]);
    map.tints = Uint8Array.from(colours.flat());
    legend();
    map.redraw();
  };
  ui.colourBy = (name) => {
    if (![...$("colour").options].some((option) => option.value === name)) return;
    $("colour").value = scene.colour = name;
    scene.only.clear();
    ui.filter();
    ui.recolour();
  };
  ui.nextColour = () => { const { options, selectedIndex } = $("colour"); ui.colourBy(options[(selectedIndex + 1) % options.length].value); };
  function openColours() {
    const { labelled, predicted } = map.about, there = { label: labelled, prediction: predicted, error: labelled && predicted, none: true };
    const modes = Object.keys(MODES).filter((name) => there[name]);
    $("colour").replaceChildren(...modes.map((name) => el("option", { value: name }, MODES[name])));
    $("colour").parentElement.hidden = modes.length < 2;
    scene.colour = $("colour").value = modes[0];
  }

  /* -- the legend: a click on a class keeps it in the light -- */
  function entries() {
    if (scene.colour === "none") return [];
    if (scene.colour === "unit") return map.levels();
    if (scene.colour !== "error") return map.about.classes.map((one, code) => [code, one.name || "no label", one[scene.colour === "label" ? "labelled" : "predicted"]]).filter((one) => one[2]);
    let wrong = 0;
    for (let i = 0; i < map.count; i++) wrong += map.wrong(i);
    return [[0, "right", map.count - wrong], [1, "wrong", wrong]];
  }
  ui.codes = () => entries().map(([code]) => code);
  function legend() {
    const every = entries(), rows = every.slice(0, MOST).map(([code, name, count]) => {
      const swatch = el("i.swatch"), row = el("button", { title: shown(name), "aria-pressed": `${scene.only.has(code)}` }, swatch, kit.name(name), el("small", number(count)));
      swatch.style.background = map.css(code);
      row.onclick = () => {
        if (!scene.only.delete(code)) scene.only.add(code);
        row.setAttribute("aria-pressed", scene.only.has(code));
        ui.filter();
      };
      return row;
    });
    if (every.length > MOST) rows.push(el("p", `and ${number(every.length - MOST)} more`));
    $("classes").replaceChildren(...(scene.colour === "unit" ? [map.unitLink()] : []), ...rows);
    $("classes").classList.toggle("some", scene.only.size > 0);
    $("legend").hidden = !rows.length;
  }

  /* -- what is in the light -- */
  ui.filter = () => {
    scene.filter();
    const { litCount, lasso } = scene, all = litCount === map.count, count = `${number(map.count)} images`;
    $("count").textContent = all ? count : `${number(litCount)} of ${count}`;
    $("csv").hidden = $("clear").hidden = all && !lasso;
    $("classes").classList.toggle("some", scene.only.size > 0);
  };
  ui.clear = () => {
    scene.only.clear();
    scene.found = scene.lasso = null;
    $("search").value = "";
    ui.filter();
    legend();
  };
  let searches = 0;
  ui.search = async (text) => {
    const wanted = text.trim().toLowerCase(), mine = ++searches, { classes } = map.about;
    if (!wanted) { scene.found = null; ui.filter(); return; }
    const names = await map.allNames().catch(map.fail);
    if (mine !== searches || !names) return; // something else was typed meanwhile
    const named = classes.map((one) => one.name.toLowerCase().includes(wanted)), { labels, predictions } = map;
    scene.found = Uint8Array.from(names, (name, i) => name.toLowerCase().includes(wanted) || (labels && named[labels[i]]) || (predictions && named[predictions[i]]) || false);
    ui.filter();
  };

  /* Save what is in the light as a table; every field that needs it is quoted. */
  ui.save = async () => {
    const names = await map.allNames(), { labels, predictions, probabilities } = map, lines = ["id,name,label,prediction,probability"];
    // A spreadsheet would compute what begins like a formula.
    const field = (given) => {
      const text = given.replace(/^[=+@\t\r-]/, "'$&");
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const chosen = Array.from(names.keys()).filter((i) => scene.lit[i]).sort((a, b) => map.ids[a] - map.ids[b]);
    for (const i of chosen) {
      const classOf = (codes) => codes ? map.about.classes[codes[i]].name : "";
      lines.push([String(map.ids[i]), names[i], classOf(labels), classOf(predictions), probabilities ? (probabilities[i] / 65535).toFixed(4) : ""].map(field).join(","));
    }
    const link = Object.assign(document.createElement("a"), { download: "images.csv", href: URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  /* -- cards -- */
  function describe(box, rank) {
    const { labels, predictions, probabilities, ids } = map, rows = [], name = el("bdi.name", "\u2026");
    const row = (title, value, style = "") => rows.push(el("dt", title), el(`dd${style}`, kit.name(value)));
    if (labels) row("label", map.className(labels[rank]));
    if (predictions) {
      const share = probabilities ? ` \u00b7 ${(probabilities[rank] / 655.35).toFixed(1)}\u00a0%` : "";
      row("prediction", map.className(predictions[rank]) + share, labels && map.wrong(rank) ? ".wrong" : "");
    }
    if (scene.colour === "unit") row("activation", map.value(rank));
    if (ids) row("id", ids[rank]);
    box.dataset.rank = rank;
    box.querySelector(".words").replaceChildren(name, el("dl", rows), ...(map.about.atlas && ids ? [map.imageLink(ids[rank])] : []));
    map.name(rank).then((text) => { name.textContent = name.title = shown(text); }, map.fail);
  }
  ui.hover = (rank) => {
    if (rank === scene.hovered) return;
    scene.hovered = rank;
    $("card").hidden = rank < 0 || rank === scene.selected;
    if (rank >= 0) describe($("card"), rank);
    map.redraw();
  };
  ui.select = async (rank) => {
    scene.selected = rank;
    scene.near = [];
    $("near").replaceChildren();
    $("pinned").hidden = rank < 0;
    $("card").hidden = true;
    map.redraw();
    if (rank < 0) return;
    describe($("pinned"), rank);
    const near = await map.neighbours(rank).catch((error) => { map.fail(error); return []; });
    if (scene.selected !== rank) return;
    scene.near = near;
    $("near").replaceChildren(...near.map((one, i) => {
      const button = el("button", { label: `Neighbour ${i + 1}`, onclick: () => ui.go(one) }, el("canvas"));
      button.onpointerenter = () => { scene.hovered = one; map.redraw(); };
      button.onpointerleave = () => { scene.hovered = -1; map.redraw(); };
      return button;
    }));
    map.redraw();
  };
  ui.go = (rank) => { ui.select(rank); scene.zoomTo(rank); };

  /* Below the images lie, as grey dots, the points of the map on which they were placed; the grid has none. */
  function dots(scale) {
    const context = $("dots").getContext("2d"), { backdrop } = map, [left, top] = scene.toScreen(0, 0), unit = scene.zoom / 65535;
    context.setTransform(scale, 0, 0, scale, left * scale, top * scale);
    context.clearRect(-left, -top, scene.width, scene.height);
    Object.assign(context, { fillStyle: "#888", globalAlpha: 0.5 * (1 - scene.mix) });
    for (let i = 0; i < backdrop.length; i += 2) context.fillRect(backdrop[i] * unit - 1.5, backdrop[i + 1] * unit - 1.5, 3, 3);
  }

  /* After every frame: place the card beside its image, paint the small pictures, draw lines to the neighbours. */
  ui.frame = (scale) => {
    dots(scale);
    const card = $("card"), rank = scene.hovered;
    if (!card.hidden && rank >= 0) {
      const [x, y] = scene.screenOf(rank), gap = scene.size() / 2 + 14, { offsetWidth: width, offsetHeight: height } = card;
      const left = x + gap + width < scene.width - 8 ? x + gap : x - gap - width;
      const at = (value, most) => `${Math.max(8, Math.min(value, most - 8))}px`;
      card.style.left = at(left, scene.width - width);
      card.style.top = at(y - height / 2, scene.height - height);
      pages.paint(card.querySelector("canvas"), rank, 128);
    }
    if (scene.selected >= 0) {
      const side = pages.slots() < Math.min(12, pages.total()) ? 16 : 32; // the view comes first where memory is short
      pages.paint($("pinned").querySelector("canvas"), scene.selected, 128);
      $("near").querySelectorAll("canvas").forEach((canvas, i) => pages.paint(canvas, scene.near[i], side));
    }
    const context = $("overlay").getContext("2d"), ink = map.accent, ring = scene.size() / 2 + 3;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, scene.width, scene.height);
    const circle = (one, width, colour) => {
      const [x, y] = scene.screenOf(one);
      context.beginPath();
      context.roundRect(x - ring, y - ring, 2 * ring, 2 * ring, Math.min(ring, 5));
      Object.assign(context, { lineWidth: width, strokeStyle: colour }).stroke();
    };
    if (scene.selected >= 0) {
      const [x, y] = scene.screenOf(scene.selected);
      scene.near.forEach((one, i) => {
        context.globalAlpha = 0.95 - 0.07 * i; // the nearest is the strongest
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(...scene.screenOf(one));
        Object.assign(context, { lineWidth: 1.5, strokeStyle: ink }).stroke();
        circle(one, 1.5, ink);
      });
      context.globalAlpha = 1;
      circle(scene.selected, 3, ink);
    }
    if (rank >= 0 && rank !== scene.selected) circle(rank, 2, kit.isDark() ? "white" : "black");
    if (ui.path?.length > 1) {
      context.beginPath();
      ui.path.forEach(([x, y], i) => i ? context.lineTo(x, y) : context.moveTo(x, y));
      context.closePath();
      Object.assign(context, { lineWidth: 1.5, strokeStyle: ink, fillStyle: ink }).stroke();
      context.globalAlpha = 0.1;
      context.fill();
      context.globalAlpha = 1;
    }
  };

  ui.note = (text) => { $("note").textContent = text; $("note").hidden = !text; };
  ui.open = () => {
    const { about } = map, facts = [["method", about.method], ["model", about.model], ["layer", about.layer], ["engine", about.engine]];
    for (const [name, value] of Object.entries(about.quality)) facts.push([name, value && +value.toPrecision(4)]);
    for (const [name, value] of Object.entries(about.provenance.parameters)) facts.push([`option ${name}`, value && typeof value === "object" ? JSON.stringify(value) : value]);
    facts.push(...Object.entries(about.provenance.versions));
    const made = [about.model, about.layer].filter(Boolean).join(" \u00b7 ");
    $("subtitle").textContent = made && shown(made);
    $("notes").replaceChildren(...about.notes.map((text) => el("p", shown(text))));
    $("facts").replaceChildren(...facts.filter((one) => one[1] || one[1] === 0).flatMap(([name, value]) => [el("dt", shown(name)), el("dd", shown(value))]));
    openColours();
    kit.onTheme(ui.recolour);
    ui.filter();
    ui.recolour();
  };
})();
