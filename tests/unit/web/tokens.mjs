// Prints whether two texts of each module have the same tokens: `node tokens.mjs <typescript> <folder> <other folder>`.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [library, ours, served] = process.argv.slice(2);
const { default: ts } = await import(pathToFileURL(library));

function tokens(path) {
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const found = [];
  const walk = (node) => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return;
    const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
    const within = node.getChildren(file);
    if (!within.length) found.push(`${line} ${node.getText(file)}`);
    for (const each of within) walk(each);
  };
  walk(file);
  return found;
}

const names = readdirSync(ours).filter((name) => name.endsWith(".js"));
for (const name of names) {
  const [before, after] = [tokens(join(ours, name)), tokens(join(served, name))];
  const at = before.findIndex((token, index) => token !== after[index]);
  if (at >= 0 || before.length !== after.length) console.log(`${name}: ${before[at]} became ${after[at]}`);
}
console.log(`${names.length} compared`);
