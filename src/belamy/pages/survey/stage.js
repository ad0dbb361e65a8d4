// One trial on the screen: pictures for exactly as many frames as planned, sounds, and the answer's time.

import { ask } from "./desk.js";

const MASK_TURN = 30; // milliseconds of each pattern
const GAP = 400; // milliseconds between two sounds
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const SPEAKER = "M4 14v12h8l10 9V5L12 14H4zm23-2v16a9 9 0 0 0 0-16z";

const blob = async (path) => (await ask(path)).blob();
const frame = () => new Promise(requestAnimationFrame);
const pause = (time) => new Promise((resume) => setTimeout(resume, time));

/** The masks, decoded. */
export async function masks(plan) {
  const numbers = Array.from({ length: plan.timed ? plan.masks : 0 }, (_, number) => number);
  return Promise.all(numbers.map(async (number) => createImageBitmap(await blob(`/mask/${number}`))));
}

/** A stage for each stimulus of the trial, empty but for the cross. */
function stages(box, trial, plan) {
  box.classList.toggle("two", trial.media.length > 1);
  const made = trial.media.map((_, place) => {
    const stage = document.createElement("div");
    stage.className = plan.medium === "sound" ? "stage sound" : "stage";
    if (trial.media.length > 1) stage.append(text("span", "side", place ? "right" : "left"));
    return stage;
  });
  box.replaceChildren(...made);
  return made;
}

/** Show the trial and resolve to the answer with its times; `begin` tells the server and returns the exposure. */
export async function judge(trial, plan, patterns, keys, begin) {
  const files = await Promise.all(trial.media.map((key) => blob(`/media/${key}`)));
  return plan.medium === "sound" ? listen(trial, plan, files, keys, begin) : look(trial, plan, files, patterns, keys, begin);
}

async function look(trial, plan, files, patterns, keys, begin) {
  const pictures = await Promise.all(files.map((file) => createImageBitmap(file))); // decoded before the trial begins
  const boxes = stages(document.getElementById("stages"), trial, plan);
  const canvases = boxes.map((box) => box.appendChild(canvas(pictures[0], plan.pixels)));
  const { exposure } = await begin();
  const period = await fixation(boxes, plan.fixation);
  let hidden = document.hidden;
  const notice = () => { hidden ||= document.hidden; };
  document.addEventListener("visibilitychange", notice);
  const onset = await frame(); // picture and pattern are drawn in frames of known times: their difference is what was seen
  canvases.forEach((each, place) => draw(each, pictures[place]));
  const answered = keys(onset);
  let shown = null;
  if (exposure) {
    shown = await until(onset, exposure, period) - onset; // the pattern is drawn in that very frame
    document.removeEventListener("visibilitychange", notice);
    await cover(canvases, patterns, plan.mask, trial.place);
  }
  const { answer, latency } = await answered;
  document.removeEventListener("visibilitychange", notice);
  canvases.forEach(wipe);
  return { answer, latency, shown: shown ?? latency, frame: period, hidden };
}

/** Wait until the frame at which the picture has been seen for the exposure, to the nearest frame. */
async function until(onset, exposure, period) {
  for (;;) {
    const now = await frame();
    if (now - onset >= exposure - period / 2) return now;
  }
}

/** Patterns over the picture, from this very frame on; one that stands still for whoever wants no motion. */
async function cover(canvases, patterns, time, place) {
  const paint = (turn) => canvases.forEach((each, side) => {
    if (patterns.length) draw(each, patterns[(place * 3 + turn + side * 4) % patterns.length]);
    else wipe(each);
  });
  paint(0);
  const first = performance.now();
  for (let turn = 0; ;) {
    const past = await frame() - first;
    if (past >= time) break;
    if (!calm.matches && Math.floor(past / MASK_TURN) !== turn) paint(turn = Math.floor(past / MASK_TURN));
  }
  canvases.forEach(wipe);
}

/** A cross for so many milliseconds; resolves to the time between frames. */
async function fixation(boxes, time) {
  const crosses = boxes.map((box) => box.appendChild(text("span", "cross", "+")));
  const moments = [await frame()];
  do moments.push(await frame()); while (moments.at(-1) - moments[0] < time || moments.length < 6);
  crosses.forEach((cross) => cross.remove());
  const steps = moments.slice(1).map((moment, place) => moment - moments[place]).sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)];
}

async function listen(trial, plan, files, keys, begin) {
  const boxes = stages(document.getElementById("stages"), trial, plan);
  const players = boxes.map((box, place) => player(box, files[place]));
  await begin();
  await pause(plan.fixation);
  let hidden = false;
  const notice = () => { hidden ||= document.hidden; };
  document.addEventListener("visibilitychange", notice);
  let onset = 0;
  for (const each of players) {
    onset = await each.play();
    if (each !== players.at(-1)) {
      await each.ended();
      await pause(GAP);
    }
  }
  const { answer, latency } = await keys(onset);
  document.removeEventListener("visibilitychange", notice);
  players.forEach((each) => each.close());
  return { answer, latency, shown: latency, frame: 0, hidden };
}

/** A button that plays a sound, and the sound. */
function player(box, file) {
  const source = URL.createObjectURL(file);
  const audio = Object.assign(document.createElement("audio"), { src: source, preload: "auto" });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "speaker" });
  button.setAttribute("aria-label", "Play the sound again");
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  icon.setAttribute("viewBox", "0 0 40 40");
  icon.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  icon.firstChild.setAttribute("d", SPEAKER);
  button.append(icon);
  const play = async () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    audio.currentTime = 0;
    await audio.play().catch(() => heard(audio)); // a browser that wants a click first gets one
    return performance.now();
  };
  audio.addEventListener("playing", () => button.classList.add("playing"));
  for (const end of ["ended", "pause"]) audio.addEventListener(end, () => button.classList.remove("playing"));
  button.addEventListener("click", play);
  box.append(button, audio);
  return {
    play,
    ended: () => new Promise((resume) => audio.addEventListener("ended", resume, { once: true })),
    close: () => { audio.pause(); URL.revokeObjectURL(source); },
  };
}

const heard = (audio) => new Promise((resume) => audio.addEventListener("playing", resume, { once: true }));

/** A canvas for pictures of one size, enlarged by a whole number of pixels so that every pixel is a sharp square. */
function canvas(picture, side) {
  const largest = Math.max(picture.width, picture.height);
  const factor = Math.max(1, Math.ceil(side * devicePixelRatio / largest));
  const made = document.createElement("canvas");
  made.width = picture.width * factor;
  made.height = picture.height * factor;
  made.style.width = `${side * picture.width / largest}px`;
  return made;
}

function draw(target, picture) {
  const pen = target.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.clearRect(0, 0, target.width, target.height);
  pen.drawImage(picture, 0, 0, target.width, target.height);
}

function wipe(target) {
  target.getContext("2d").clearRect(0, 0, target.width, target.height);
}

function text(kind, name, content) {
  return Object.assign(document.createElement(kind), { className: name, textContent: content });
}
