/* The first page: what the network is, its layers in a graph, its classes and images. */
"use strict";
atlas.views.overview = async ({ query }) => {
  const { model, run, layers, remarks, classes, images, graph, title } = atlas.start;
  const drawn = atlas.graph(graph, query.fold ? query.fold.split("|") : []);
  const facts = [[atlas.total, "units"], [layers.length, "layers"], [run.images, "images"], ...(classes.length ? [[classes.length, "classes"]] : []),
    [layers.reduce((sum, { parameters }) => sum + (parameters || 0), 0), "weights"]];
  const words = `Every unit of ${shown(model.name)}: what excites it in ${shown(run.dataset)}, what it is made of, and what it feeds.`;
  const some = classes.slice(0, 60);
  const content = [
    el("div.title", heading(named(title)), el("p", words),
      el("ul.figures", facts.map(([count, noun]) => el("li", el("b", count.toLocaleString("en")), ` ${noun}`)))),
    run.complete ? null : el("p.remarks", "The scan is not complete: the numbers are those of the images so far."),
    atlas.remarks(remarks),
    el("section", el("div.head-of", el("h2", "The network"),
      drawn.folds ? el("div.chips", el("button.chip", { onclick: () => drawn.foldAll(true) }, "Open all"),
      el("button.chip", { onclick: () => drawn.foldAll(false) }, "Fold all")) : null),
      note("From the input to the output. Beside each layer: the part of the image that one unit sees, and its most telling units."), drawn.element),
    classes.length ? atlas.section("Classes", el("ul.chips", arrows, some.map(({ name, images: many }) => el("li",
      el("a.chip", { href: atlas.href.class(name) }, named(name), el("small.muted", many ? many.toLocaleString("en") : ""))))),
      some.length < classes.length ? note(`The first ${some.length} of ${classes.length}. The search finds the others.`) : null) : null,
    images?.count ? atlas.section("Images", note(`${counted(images.count, "image")} of the ${run.images.toLocaleString("en")} that were scanned.`),
      el("p.actions", button(kit.link(["image"]), "All images"), atlas.start.map && button("map/index.html", "The map of images"))) : null,
  ];
  return { title: shown(title), crumbs: [], content, attach: drawn.attach, detach: drawn.detach, up: null, first: drawn.element };
};
