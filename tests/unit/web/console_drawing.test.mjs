import assert from "node:assert/strict";
import { test } from "node:test";

import { isBusy, isChanged, redraw } from "../../../web/console/drawing.js";
import { action, table } from "../../../web/console/tables.js";
import "./document.mjs";
import { make } from "../../../web/page/dom.js";

const row = (name) => [name, action("Mute", () => {}), action("Remove", () => {})];
const people = (...names) => [table(["Name", "", ""], names.map(row), "")];

test("what has the focus has it again, in its place, and what was scrolled is where it was", () => {
  const content = make("div", {}, ...people("Ann", "Bob"));
  const mutes = () => content.querySelectorAll("button").filter((one) => one.textContent === "Mute");
  mutes()[1].focus();
  content.querySelectorAll(".scroll")[0].scrollLeft = 40;
  const before = document.activeElement;
  redraw(content, people("Ann", "Bob", "Eve"));
  assert.notEqual(document.activeElement, before);
  assert.equal(document.activeElement, mutes()[1]);
  assert.equal(content.querySelectorAll(".scroll")[0].scrollLeft, 40);
  redraw(content, people("Ann"));
  assert.equal(content.contains(document.activeElement), false);
});

test("what is elsewhere keeps the focus", () => {
  const elsewhere = action("Elsewhere", () => {});
  elsewhere.focus();
  redraw(make("div", {}, ...people("Ann")), people("Ann"));
  assert.equal(document.activeElement, elsewhere);
});

test("what is written, chosen, ticked or marked is not taken away", () => {
  const [content, field] = [make("div", {}), Object.assign(make("input", {}), { value: "", defaultValue: "", checked: false, defaultChecked: false })];
  content.append(field);
  globalThis.getSelection = () => null;
  assert.equal(isBusy(content), false);
  field.value = "kms-2";
  assert.equal(isBusy(content), true);
  field.value = "";
  globalThis.getSelection = () => ({ isCollapsed: false, anchorNode: field });
  assert.equal(isBusy(content), true);
  globalThis.getSelection = () => ({ isCollapsed: true, anchorNode: field });
  assert.equal(isBusy(content), false);
  const choice = (chosen, ...byDefault) => ({ selectedIndex: chosen, options: byDefault.map((defaultSelected) => ({ defaultSelected })) });
  assert.deepEqual([choice(0, false, false), choice(1, false, false), choice(1, false, true), choice(0, false, true)].map(isChanged), [false, true, false, true]);
  assert.equal(isChanged({ value: "on", defaultValue: "on", checked: true, defaultChecked: false }), true);
});
