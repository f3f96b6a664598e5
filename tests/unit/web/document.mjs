/** Enough of a document to see what a view draws, and to press its buttons; and an API that answers by its paths. */

import { Requests } from "../../../web/console/requests.js";

class FakeElement {
  children = [];
  attributes = new Map();
  listeners = {};
  constructor(tag) {
    this.tagName = tag.toUpperCase();
  }
  setAttribute(name, value) {
    this.attributes.set(name, value);
  }
  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }
  get id() {
    return this.getAttribute("id") ?? "";
  }
  addEventListener(type, listener) {
    this.listeners[type] = listener;
  }
  append(...children) {
    this.children.push(...children);
  }
  /** What stands in an element that was never written into. */
  get value() {
    const options = this.children.filter((one) => one.tagName === "OPTION");
    const chosen = options.find((one) => one.attributes.has("selected")) ?? options[0];
    return this.written ?? (chosen ? chosen.getAttribute("value") : (this.getAttribute("value") ?? ""));
  }
  set value(text) {
    this.written = text;
  }
  get textContent() {
    return this.children.map((one) => one.textContent ?? one).join("");
  }
  replaceChildren(...children) {
    this.children = children;
  }
  contains(one) {
    return this.all().includes(one);
  }
  /** Of names, `[attribute]` and `.class`, with commas between. */
  querySelectorAll(selector) {
    const fits = (one, word) => {
      if (word.startsWith("[")) return one.attributes.has(word.slice(1, -1));
      return word.startsWith(".") ? one.getAttribute("class") === word.slice(1) : one.tagName === word.toUpperCase();
    };
    return this.all().slice(1).filter((one) => selector.split(", ").some((word) => fits(one, word)));
  }
  focus() {
    document.activeElement = this;
  }
  /** It and all that is in it. */
  all() {
    return [this, ...this.children.flatMap((one) => (one instanceof FakeElement ? one.all() : []))];
  }
}
globalThis.document = { createElement: (tag) => new FakeElement(tag), createElementNS: (_, tag) => new FakeElement(tag) };

/** What was drawn: its text, its rows, and what may be pressed and written. */
export class Drawn {
  constructor(nodes) {
    this.elements = nodes.flatMap((one) => one.all());
    this.text = nodes.map((one) => one.textContent).join("\n");
  }
  of(tag) {
    return this.elements.filter((one) => one.tagName === tag.toUpperCase());
  }
  get rows() {
    return this.of("tr").map((one) => one.children.map((cell) => cell.textContent));
  }
  get buttons() {
    return this.of("button").map((one) => one.textContent);
  }
  press(words) {
    this.of("button").find((one) => one.textContent === words).listeners.click();
  }
  /** Fill in the form with this button, and send it. */
  send(words, values) {
    for (const [name, value] of Object.entries(values)) {
      const field = this.elements.find((one) => one.id === `field-${name}`);
      field[typeof value === "boolean" ? "checked" : "value"] = value;
    }
    const form = this.of("form").find((one) => one.children.some((part) => part.tagName === "BUTTON" && part.textContent === words));
    form.listeners.submit({ preventDefault() {} });
  }
}

/**
 * A context whose API answers what `answers` has for `METHOD path` (without the query), a status alone with a problem.
 * What a view does is done at once; `said` is what it was told to say, `went` where it goes, `secrets` what it shows once.
 */
export function world(answers) {
  const asked = [];
  const fetching = async (url, init) => {
    const [path, query] = url.slice(3).split("?");
    asked.push({ method: init.method, path, query: new URLSearchParams(query), body: init.body && JSON.parse(init.body) });
    const found = answers[`${init.method} ${path}`] ?? (init.method === "GET" ? 404 : {});
    const answer = typeof found === "function" ? found(asked.at(-1)) : found;
    const status = typeof answer === "number" ? answer : 200;
    return { ok: status < 400, status, text: async () => (status < 400 ? JSON.stringify(answer) : JSON.stringify({ code: "refused", title: `refused ${status}` })) };
  };
  const [done, said, went, secrets] = [[], [], [], []];
  const doing = ({ words, act }) => done.push(Promise.resolve(act()).then(() => words));
  const context = {
    requests: new Requests("secret-key", fetching), doing, say: (words) => said.push(words), go: (view) => went.push(view),
    once: (words, secret) => secrets.push([words, secret]), history: new Map(), kept: new Map(),
  };
  return { context, asked, said, went, secrets, done: () => Promise.all(done), draw: async (load, ...ids) => new Drawn(await load(context, ...ids)) };
}
