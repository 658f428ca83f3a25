/* A unit: what excites it in general and in the data set, how often, what it is made of, which units are alike. */
"use strict";
(() => {

  /* The channels that the arrows walk through: those of the wall the reader came from, else the layer's own order. */
  const walkOf = (layer, units) => (atlas.walk?.of === layer.n && atlas.walk.channels.length ? atlas.walk.channels : Array.from(units.order));
  const figure = (title, picture, ...words) => el("figure.part", el("h2", title), picture, el("figcaption", words));

  function sentence(units, channel, detail) {
    const { run } = atlas.start, verdict = atlas.verdict(units, channel), top = atlas.className(units.top_class[channel]);
    if (verdict === "silent" || verdict === "dead") return [`Fires on none of the ${counted(run.images, "image")}: it is ${verdict}.`];
    return [`Fires on ${percent(units.fires[channel])} of ${counted(run.images, "image")}. Its median is ${number(detail.quantiles.q50)}, its largest value ${number(detail.max)}.`,
      top ? [" Strongest on ", el("a", { href: atlas.href.class(top) }, named(top)), units.auc && !Number.isNaN(units.auc[channel]) ? ` (AUC ${units.auc[channel].toFixed(2)}).` : "."] : null];
  }

  function synthetic(layer, units, channel) {
    const score = units.score?.[channel], above = units.percentile?.[channel], known = score !== undefined && !Number.isNaN(score);
    const words = !layer.synthetic ? "This atlas was made without synthetic pictures." : !atlas.isClimbed(layer, units, channel) ? "Not made yet: call the command again to go on."
      : known ? `Gradient ascent reaches ${number(score)}, more than ${above >= 99.95 ? "all" : `${number(above)}\u00a0%`} of the images.` : "";
    return figure("Synthetic", el("div.big", layer.synthetic ? atlas.picture(layer, units, channel, "synthetic") : el("i.blank")), words);
  }

  function pictures(layer, units, channel, { tops }) {
    if (!tops.length) return figure("Strongest images", el("p.empty", "No image excites it."));
    const made = atlas.isMade(layer, units, channel), cut = atlas.details(layer, units, channel), many = Math.min(atlas.start.settings.projections, tops.length);
    const nine = el("div.nine", { "data-arrows": true }, tops.map((top, place) => {
      const there = atlas.placeOf(top.image) !== undefined, words = `${shown(top.label ?? top.name)}, ${number(top.value)}`;
      const picture = layer.whole ? atlas.imagePicture(top.image) : made ? cut("patches", place) : el("i.blank", { title: "Not made yet" });
      const inside = [picture, el("small", el("b", number(top.value)), " ", top.label === null ? "" : shown(top.label))];
      return el(there ? "a.tile" : "span.tile", { href: there && atlas.href.image(top.image), label: `Strongest image ${place + 1}: ${words}`, title: `${shown(top.name)}, ${words}`, "data-place": place }, inside);
    }));
    const kinds = layer.both ? [["with", "With switches"], ["without", "Without"]] : [["with", "Projections"]], grids = {};
    for (const [part] of kinds) grids[part] = el("div.nine", { role: "img", label: "Projections of the same images" }, Array.from({ length: many }, (_, place) => el("span.tile", { "data-place": place }, made ? cut(part, place) : el("i.blank", { title: "Not made yet" }), el("small", "\u00a0"))));
    const stack = el("div.stack", grids.with), turn = (part, button) => {
      stack.replaceChildren(grids[part]);
      for (const one of button.parentNode.children) one.setAttribute("aria-pressed", String(one === button));
    };
    const choice = layer.both ? el("div.switch", { role: "group", label: "Projections" }, kinds.map(([part, words]) => el("button", { "aria-pressed": String(part === "with"), onclick: (event) => turn(part, event.currentTarget) }, words))) : null;
    const parts = [figure("Strongest images", nine, layer.whole ? "Each opens its image." : "What the unit saw of each. Each opens its image.")];
    if (many) parts.push(el("figure.part", el("div.head-of", el("h2", "Projected"), choice), stack, el("figcaption", "What in each made the unit fire, carried down to the pixels.")));
    const together = (event) => {
      const place = event.target.closest?.("[data-place]")?.dataset.place, lit = event.type === "pointerover" || event.type === "focusin";
      for (const part of parts) part.querySelectorAll("[data-place]").forEach((tile) => tile.classList.toggle("lit", lit && tile.dataset.place === place));
    };
    for (const part of parts) ["pointerover", "pointerout", "focusin", "focusout"].forEach((kind) => part.addEventListener(kind, together));
    return parts;
  }

  function statistics(layer, units, channel, detail) {
    const score = units.score?.[channel], { classes } = detail, count = detail.tops.length;
    const rows = classes.map(({ c, mean, share }) => ({ name: el("a", { href: atlas.href.class(atlas.start.classes[c].name) }, named(atlas.start.classes[c].name)), value: mean, words: number(mean), more: count ? `${Math.round(share * count)} of ${count}` : undefined }));
    const facts = [["Receptive field", layer.whole ? "the whole image" : `${atlas.field(layer)} pixels`], ["Mean of the maxima", number(detail.mean)], ["Largest", number(detail.max)],
      ...Object.entries(detail.quantiles).map(([name, value]) => [`${name.slice(1)}\u00a0% of images below`, number(value)]), ...extra(detail.trust)];
    return el("div.cards", el("div.card", el("h2", "How often, how much"), atlas.histogram(detail.histogram, score), el("p.small.muted", "The largest value on each image of the scan.")),
      rows.length ? el("div.card", el("h2", "Class mix"), el("p.small.muted", "Mean of the largest values by class, and how many of the strongest images are of it."), atlas.bars(rows)) : null,
      el("div.card", el("h2", "What it sees"), where(layer, detail), el("dl.facts", facts.map(([name, value]) => [el("dt", name), el("dd", value)]))));
  }
  const extra = (trust) => Object.entries(trust || {}).map(([name, value]) => [shown(name.replaceAll("_", " ")), typeof value === "number" ? number(value) : shown(value)]);

  /* The strongest image with the receptive field drawn on it. */
  function where(layer, { tops: [top] }) {
    const [height, width] = atlas.start.model.input;
    if (!top || layer.whole || atlas.placeOf(top.image) === undefined) return null;
    const most = Math.max(height, width), x = (most - width) / 2, y = (most - height) / 2;
    const [t, l, b, r] = top.field.map((side, edge) => Math.max(0, Math.min(side, edge % 2 ? width : height)));
    return el("div.where", atlas.imagePicture(top.image), svg("svg", { viewBox: `0 0 ${most} ${most}`, role: "img", label: `On the strongest image it looks at rows ${t} to ${b}, columns ${l} to ${r}` },
      svg("rect", { x: l + x, y: t + y, width: r - l, height: b - t })));
  }

  atlas.views.unit = async ({ layer, channel }) => {
    const units = await atlas.units(layer.n), detail = await atlas.detail(layer, units, channel), walk = walkOf(layer, units), place = walk.indexOf(channel);
    const name = detail.name ?? units.names?.[channel], circuit = atlas.circuit(layer, units, channel, detail), words = atlas.words(layer, channel);
    const at = (step) => (place < 0 ? undefined : walk[place + step]), link = (step, text) => (at(step) === undefined ? el("span.button", { "aria-disabled": "true" }, text) : el("a.button", { href: atlas.href.unit(layer, at(step)), title: `${atlas.words(layer, at(step))} (${step < 0 ? "left" : "right"} arrow)`, rel: step < 0 ? "prev" : "next" }, text));
    const verdict = atlas.verdict(units, channel), back = atlas.walk?.of === layer.n ? atlas.walk.back : atlas.href.layer(layer);
    if (at(1) !== undefined) atlas.idle(() => prefetch(layer, units, at(1)));
    const go = (step) => () => (at(step) === undefined ? false : void (location.hash = atlas.href.unit(layer, at(step))));
    const jump = (selector) => () => kit.enter(document.querySelector(selector));
    return {
      title: words, crumbs: [[layer.address, back], [String(channel)]], up: back, first: document.body,
      keys: {
        ArrowLeft: { act: go(-1), words: "previous and next unit", shown: "\u2190 \u2192" }, ArrowRight: { act: go(1) }, ArrowDown: { act: jump(".nine") },
        p: { act: jump(".nine"), words: "its strongest images" }, i: { act: jump(".links"), words: "what it is made of" }, o: { act: jump(".links.feeds"), words: "what it feeds" }, a: { act: jump(".alike"), words: "units most alike" },
      },
      content: [
        el("div.title", el("div.head-of", el("h1", { tabindex: -1 }, named(layer.address), el("span.muted", ":"), String(channel), verdict ? [" ", el("span.badge.warning", verdict)] : null),
          el("nav.beside", { label: "Units beside it" }, place < 0 ? null : el("span.muted.small.number", `${place + 1} of ${walk.length}`), link(-1, "\u2190"), link(1, "\u2192"))),
        name ? el("p.called", named(name)) : null, names(detail.names), el("p", sentence(units, channel, detail))),
        el("div.trio", synthetic(layer, units, channel), pictures(layer, units, channel, detail)),
        statistics(layer, units, channel, detail),
        circuit ? atlas.section("What it is made of", el("p.small.wide", "Weights multiplied out, times how active each input is. Blue excites, red inhibits. ", (detail.remarks || []).map(shown).join(" ")), circuit.element) : null,
        detail.alike?.length ? atlas.section("Units most alike", el("p.small", "Correlation of their values over a sample of the images. ", el("a", { href: atlas.href.layer(layer, { sort: "like", like: channel }) }, "The whole layer by likeness")),
          el("div.alike.links", { "data-arrows": true }, detail.alike.map(([n, other, r]) => atlas.unitTile(n, other, { label: `correlation ${number(r)}`, caption: [el("span.strength.number", number(r))] })))) : null,
        el("p.actions", atlas.start.map ? el("a.button", { href: atlas.href.map(`unit=${encodeURIComponent(layer.address)}:${channel}`) }, "Its images on the map") : null, detail.notes.length ? el("details.small", el("summary", "Notes"), el("ul.notes", detail.notes.map((note) => el("li", shown(note))))) : null),
      ],
      attach: () => circuit?.attach(), detach: () => circuit?.detach(),
    };
  };
  const names = (found) => (found?.length ? el("ul.chips", found.map((one) => el("li.chip", shown(one.name ?? one)))) : null);

  /* The next unit's record and pictures, while nothing else is to be done. */
  async function prefetch(layer, units, channel) {
    await atlas.detail(layer, units, channel);
    const sheets = [atlas.isMade(layer, units, channel) && `detail-${layer.n}-${atlas.chunkOf(units, channel)}`, atlas.isClimbed(layer, units, channel) && `synthetic-${layer.n}-${atlas.chunkOf(units, channel)}`];
    for (const sheet of sheets.filter(Boolean)) new Image().src = `data/${sheet}.webp${kit.version}`;
  }
})();
