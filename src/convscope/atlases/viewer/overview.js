/* The first page: what the network is, its layers in a graph, its classes and images. */
"use strict";
const overviewPage = async (query) => {
  const { model, run, layers, remarks, classes, images, graph, title } = atlas.start;
  const drawn = graphOf(graph, query.fold ? query.fold.split("|") : []);
  const facts = [[atlas.total, "units"], [layers.length, "layers"], [run.images, "images"], ...(classes.length ? [[classes.length, "classes"]] : []),
    [layers.reduce((sum, { parameters }) => sum + (parameters || 0), 0), "weights"]];
  const words = `Every unit of ${shown(model.name)}: which images of ${shown(run.dataset)} excite it, what it is made of, and what it feeds.`;
  const some = classes.slice(0, 60);
  const content = [
    el("div.title", heading(named(title)), el("p", words),
      el("ul.figures", facts.map(([count, noun]) => el("li", el("b", number(count)), ` ${noun}`)))),
    !run.complete && el("p.remarks", "The scan is not complete: the numbers are those of the images so far."),
    remarksOf(remarks),
    el("section", el("div.head-of", el("h2", "The network"),
      drawn.folds && el("div.chips", [["Open all", true], ["Fold all", false]].map(([words, open]) =>
        el("button.chip", { onclick: () => drawn.foldAll(open) }, words)))),
      note("From the input to the output. Beside each layer: the part of the image that a unit sees, and its most telling units."), drawn.element),
    sectionOf("Classes", some.length < classes.length && note(`The first ${some.length} of ${classes.length}. The search finds the others.`),
      el("ul.chips", arrows, some.map(({ name, images: many }) => el("li",
        el("a.chip", { href: hrefTo.class(name) }, named(name), many > 0 && el("small.muted", number(many))))))),
    images?.count > 0 && sectionOf("Images", note(shareOf()),
      el("p.actions", button(kit.link(["image"]), "All images"), atlas.start.map && button("map/index.html", "The map of images"))),
  ];
  return { crumbs: [], content, attach: drawn.attach, detach: drawn.detach, first: drawn.element };
};
