// The administrator's page: links, progress, answers.

import { ask, element, facts, problem } from "./desk.js";

const EVERY = 2500; // milliseconds
const KINDS = {
  categorise: "Real or fake, one at a time", choose: "Which of two is real", rank: "Ranking by pairs", mos: "Mean opinion score",
};
let people = [];

const link = (person) => `${location.origin}/take#${person.token}`;

function state(person) {
  if (person.withdrawn) return ["withdrawn", "bad"];
  if (person.finished) return ["finished", "good"];
  return person.consented ? ["at work", "warn"] : ["invited", ""];
}

function cell(...content) {
  const made = document.createElement("td");
  made.append(...content);
  return made;
}

function row(person) {
  const [word, colour] = state(person);
  const status = Object.assign(document.createElement("span"), { className: `status ${colour}`, textContent: word });
  const bar = Object.assign(document.createElement("progress"), { max: person.total, value: person.done });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "Copy link" });
  button.addEventListener("click", () => copied([person]));
  const made = document.createElement("tr");
  made.append(
    cell(`${person.number}`), cell(status), cell(bar, `${person.done} of ${person.total}`),
    cell(person.latest ? new Date(person.latest).toLocaleString() : "–"), cell(person.withdrawn ? "" : button),
  );
  return made;
}

function number(name, value) {
  const made = document.createElement("div");
  made.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }));
  return made;
}

async function refresh() {
  const told = await facts("/api/progress");
  const shown = JSON.stringify(told.participants);
  if (shown === JSON.stringify(people) && !element("desk").hidden) return;
  people = told.participants;
  element("title").textContent = KINDS[told.kind];
  element("about").textContent = `${told.sources.join(", ")} · ${told.file}`;
  const count = (test) => `${people.filter(test).length}`;
  element("numbers").replaceChildren(
    number("Invited", `${people.length}`), number("Begun", count((person) => person.consented && !person.withdrawn)),
    number("Finished", count((person) => person.finished && !person.withdrawn)), number("Withdrawn", count((person) => person.withdrawn)),
    number("Answers", people.reduce((sum, person) => sum + person.done, 0).toLocaleString()),
  );
  element("people").replaceChildren(...people.map(row));
  element("desk").hidden = false;
}

function say(text) {
  element("said").textContent = text;
}

async function copied(chosen) {
  const links = chosen.map(link).join("\n");
  try {
    await navigator.clipboard.writeText(links);
    say(chosen.length === 1 ? `The link of participant ${chosen[0].number} is in the clipboard.` : `${chosen.length} links are in the clipboard.`);
  } catch {
    say(links);
  }
}

async function save(path, name) {
  const source = URL.createObjectURL(await (await ask(path)).blob());
  Object.assign(document.createElement("a"), { href: source, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(source), 1000);
}

element("make").addEventListener("click", async () => {
  try {
    const { tokens } = await facts("/api/links", { count: Number(element("count").value) });
    say(`${tokens.length} new link${tokens.length === 1 ? "" : "s"}.`);
    await refresh();
  } catch (error) {
    say(error.message);
  }
});
element("copy").addEventListener("click", () => copied(people.filter((person) => !person.finished && !person.withdrawn)));
element("csv").addEventListener("click", () => save("/api/answers.csv", "answers.csv"));
element("json").addEventListener("click", () => save("/api/answers.json", "answers.json"));

async function watch() {
  for (;;) {
    await refresh();
    await new Promise((resume) => setTimeout(resume, EVERY));
  }
}
watch().catch(problem);
