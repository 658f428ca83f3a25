/* What one takes away: the command, the picture that the command writes, a line of the session's script. */
"use strict";
const viewOf = (kind, layer, channel, chosen) => ({ kind, unit: unitText(layer, channel, chosen), image: live.image.name, way: wayOf(layer) });
const command = async (view) => { try { const told = await ask("command", view); copy(told.command, ["Copied: ", el("code", told.command)]); } catch (error) { tell(coded(error.message)); } };
const save = (view) => {
  tell("Drawing it as the command does.");
  follow("save", view, (told) => {
    if (told.error) tell(coded(told.error));
    else if (told.done) tell([`Written: `, el("code", told.paths.join(", "))]);
    else tell(`Step ${told.step} of at most ${told.steps}.`);
  }, "POST");
};
const addToScript = async (view) => {
  try { const told = await ask("script", view, { method: "POST" }); tell(["Added to ", el("code", told.path), ": ", el("code", told.line)]); } catch (error) { tell(coded(error.message)); }
};
const taking = (kind, layer, channel, chosen) => {
  const act = (words, title, run) => el("button.link", { title, onclick: () => run(viewOf(kind, layer, channel, chosen)) }, words);
  return el("div.taking", act("Command", "Copy the command that draws this", command), act("Save", "Save the picture that the command draws", save), act("Script", "Add the command to the session's script", addToScript));
};
