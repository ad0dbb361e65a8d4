// A participant's session: consent, instructions, practice, trials, thanks. Reloading the page resumes it.

import { Refusal, ask, element, facts, problem } from "./desk.js";
import { judge, masks } from "./stage.js";

const FEEDBACK = 1300; // milliseconds
const BETWEEN = 250;
const NAMED = { real: "real", fake: "fake", left: "on the left", right: "on the right" };
const LABELS = { fake: "Fake", real: "Real", left: "Left", right: "Right" };

function show(name) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== name;
  element("footer").hidden = !["instructions", "between", "trial"].includes(name);
}

/** Wait for a click on a button, or the space bar. */
function pressed(button) {
  return new Promise((resume) => {
    const done = () => { removeEventListener("keydown", key); resume(); };
    const key = (event) => {
      if (event.code !== "Space" || event.repeat || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      done();
    };
    addEventListener("keydown", key);
    button.addEventListener("click", done, { once: true });
    button.focus({ preventScroll: true });
  });
}

function choices(plan) {
  if (plan.kind === "mos") return plan.scores.map((label, place) => ({ answer: `${place + 1}`, label, keys: [`${place + 1}`] }));
  const [first, second] = plan.kind === "categorise" ? ["fake", "real"] : ["left", "right"];
  return [
    { answer: first, label: LABELS[first], keys: ["f", "arrowleft"] },
    { answer: second, label: LABELS[second], keys: ["j", "arrowright"] },
  ];
}

/** The buttons of the answers; off until `open` is called. Answers come by button or by key. */
function desk(plan) {
  const buttons = choices(plan).map((choice) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "answer", disabled: true });
    button.dataset.answer = choice.answer;
    button.append(choice.label);
    const key = Object.assign(document.createElement("kbd"), { textContent: choice.keys[0].toUpperCase() });
    button[choice.answer === "real" || choice.answer === "right" ? "append" : "prepend"](key);
    return { ...choice, button };
  });
  const box = element("answers");
  box.className = plan.kind === "mos" ? "scale" : "";
  box.replaceChildren(...buttons.map(({ button }) => button));
  return (onset) => new Promise((resume) => {
    const stop = new AbortController();
    const give = (choice, moment) => {
      stop.abort();
      for (const { button } of buttons) button.disabled = true;
      choice.button.classList.add("given");
      resume({ answer: choice.answer, latency: Math.max(0, moment - onset) });
    };
    addEventListener("keydown", (event) => {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const choice = buttons.find(({ keys }) => keys.includes(event.key.toLowerCase()));
      if (choice) { event.preventDefault(); give(choice, event.timeStamp); }
    }, { signal: stop.signal });
    for (const choice of buttons) {
      choice.button.disabled = false;
      choice.button.addEventListener("click", (event) => give(choice, event.timeStamp), { signal: stop.signal });
    }
  });
}

function steps(plan) {
  const thing = plan.medium === "sound" ? "sound" : "picture";
  const two = plan.kind === "choose" || plan.kind === "rank";
  const seen = plan.medium === "sound" ? `You hear ${two ? "two sounds, one after the other" : "a sound"}. The round button plays it again.`
    : plan.timed ? `Look at the cross. ${two ? "Two pictures appear" : "A picture appears"} for a moment, and patterns cover ${two ? "them" : "it"}.`
      : `You see ${two ? "two pictures" : "a picture"}. Take the time you need.`;
  const asked = {
    categorise: `Is the ${thing} real, or made by a computer? Press <kbd>F</kbd> for fake, <kbd>J</kbd> for real.`,
    choose: `One is real, the other is made by a computer. Press <kbd>F</kbd> if the left one is real, <kbd>J</kbd> if the right one is.`,
    rank: `Press <kbd>F</kbd> for the left one, <kbd>J</kbd> for the right one.`,
    mos: `Give each ${thing} a score from <kbd>1</kbd> (bad) to <kbd>5</kbd> (excellent).`,
  }[plan.kind];
  const last = plan.practice ? `First there ${plan.practice === 1 ? "is 1 practice trial" : `are ${plan.practice} practice trials`}. ` : "";
  return [seen, asked, `${last}Now and then something is broken on purpose: it shows that you are looking.`];
}

/** Fill a list with sentences whose only markup is <kbd>. */
function write(list, sentences) {
  list.replaceChildren(...sentences.map((sentence) => {
    const item = document.createElement("li");
    const held = item.appendChild(document.createElement("span"));
    sentence.split(/<kbd>(.*?)<\/kbd>/).forEach((part, place) => {
      held.append(place % 2 ? Object.assign(document.createElement("kbd"), { textContent: part }) : part);
    });
    return item;
  }));
}

async function agreement(plan) {
  element("consent-text").replaceChildren(...plan.consent.split(/\n\s*\n/).map((part) =>
    Object.assign(document.createElement("p"), { textContent: part })));
  show("consent");
  element("agreed").addEventListener("change", (event) => { element("accept").disabled = !event.target.checked; });
  await new Promise((resume) => element("accept").addEventListener("click", resume, { once: true }));
  return facts("/api/consent", {});
}

async function introduction(plan, state) {
  element("instructions-title").textContent = state.done ? "Welcome back" : plan.question;
  element("start").textContent = state.done ? "Go on" : plan.practice ? "Start practice" : "Start";
  write(element("steps"), steps(plan));
  show("instructions");
  await pressed(element("start"));
}

function announce(plan, state) {
  const { trial, done, total } = state;
  const counted = trial.practice ? [done + 1, plan.practice] : [done + 1 - plan.practice, total - plan.practice];
  element("counter").textContent = `${trial.practice ? "Practice" : "Trial"} ${counted[0]} of ${counted[1]}`;
  element("progress").value = (counted[0] - 1) / counted[1];
  element("question").textContent = plan.question;
  element("feedback").textContent = "";
}

async function tell(plan, state) {
  if (!("correct" in state)) return;
  const what = plan.kind === "categorise" ? `It was ${state.right}.` : `The real one was ${NAMED[state.right]}.`;
  const line = element("feedback");
  line.textContent = `${state.correct ? "Right." : "Not quite."} ${what}`;
  line.className = state.correct ? "good" : "bad";
  await new Promise((resume) => setTimeout(resume, FEEDBACK));
}

async function session() {
  let { plan, ...state } = await facts("/api/session");
  document.title = `${plan.question} · Belamy`;
  if (!state.consented) state = await agreement(plan);
  if (!state.finished) await introduction(plan, state);
  const patterns = state.finished ? [] : await masks(plan);
  let practised = false;
  while (!state.finished) {
    if (practised && !state.trial.practice) {
      show("between");
      await pressed(element("onward"));
    }
    practised = state.trial.practice;
    const { place } = state.trial;
    const answers = desk(plan);
    announce(plan, state);
    show("trial");
    try {
      const reply = await judge(state.trial, plan, patterns, answers, () => facts("/api/begin", { place }));
      state = await facts("/api/answer", { place, ...reply });
      await tell(plan, state);
      await new Promise((resume) => setTimeout(resume, BETWEEN));
    } catch (error) {
      if (!(error instanceof Refusal) || ![404, 409].includes(error.status)) throw error;
      ({ plan, ...state } = await facts("/api/session")); // answered in another window meanwhile
    }
  }
  show("finished");
}

element("withdraw").addEventListener("click", () => element("sure").showModal());
element("stay").addEventListener("click", () => element("sure").close());
element("leave").addEventListener("click", async () => {
  await ask("/api/withdraw", {});
  location.reload();
});
addEventListener("hashchange", () => location.reload());
session().catch(problem);
