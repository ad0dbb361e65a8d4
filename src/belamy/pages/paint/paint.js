// Paints a label map, a byte for each pixel, and shows what the server makes of it.

import { ask, packed } from "/static/server.js";

const element = (name) => document.getElementById(name);
const canvas = element("map");
const context = canvas.getContext("2d");
const REMEMBERED = 100; // steps that can be taken back
const QUIET = 150; // milliseconds without a change before a picture is asked for

let classes = new Uint8Array(0); // of each pixel, row by row
let width = 0, height = 0;
let names = [], colours = [];
let past = [], future = [];
let cursor = { x: 0, y: 0 };
let last = null; // where the pointer was, while it paints
let timer = 0, asked = 0, shown = null;

const chosen = () => Number(document.querySelector("input[name=class]:checked").value);
const tool = () => document.querySelector("input[name=tool]:checked").value;
const brush = () => Number(element("size").value);

const unpacked = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function say(text) {
  element("said").textContent = text;
}

function draw() {
  const image = context.createImageData(width, height);
  for (let at = 0; at < classes.length; at += 1) {
    const [red, green, blue] = colours[classes[at]];
    image.data.set([red, green, blue, 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
  element("undo").disabled = past.length === 0;
  element("redo").disabled = future.length === 0;
}

/** Remember the map as it is, before it changes. */
function remember() {
  past.push({ classes: classes.slice(), width, height });
  if (past.length > REMEMBERED) past.shift();
  future = [];
}

function take(step) {
  ({ classes, width, height } = step);
  canvas.width = width;
  canvas.height = height;
  cursor = { x: Math.min(cursor.x, width - 1), y: Math.min(cursor.y, height - 1) };
  changed();
}

function back(from, to) {
  if (from.length === 0) return;
  to.push({ classes: classes.slice(), width, height });
  take(from.pop());
}

function changed() {
  draw();
  place();
  clearTimeout(timer);
  timer = setTimeout(picture, QUIET);
}

/** A round dab, of the brush's width. */
function dab(x, y) {
  const radius = brush() / 2;
  const centre = brush() % 2 ? 0 : 0.5;
  for (let row = Math.floor(y - radius); row <= y + radius; row += 1) {
    for (let column = Math.floor(x - radius); column <= x + radius; column += 1) {
      const inside = (column - x + centre) ** 2 + (row - y + centre) ** 2 <= radius ** 2;
      if (inside && row >= 0 && row < height && column >= 0 && column < width) classes[row * width + column] = chosen();
    }
  }
}

function stroke(from, to) {
  const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 1);
  for (let step = 0; step <= steps; step += 1) {
    dab(Math.round(from.x + ((to.x - from.x) * step) / steps), Math.round(from.y + ((to.y - from.y) * step) / steps));
  }
}

/** All pixels of one class that hang together with one of them take the chosen class; a step if that changes any. */
function fill(x, y) {
  const before = classes[y * width + x], after = chosen();
  if (before === after) return;
  remember();
  const pending = [y * width + x];
  while (pending.length) {
    const at = pending.pop();
    if (classes[at] !== before) continue;
    classes[at] = after;
    const column = at % width;
    if (column > 0) pending.push(at - 1);
    if (column < width - 1) pending.push(at + 1);
    if (at >= width) pending.push(at - width);
    if (at + width < classes.length) pending.push(at + width);
  }
}

function place() {
  const scale = canvas.clientWidth / width;
  const mark = element("cursor");
  mark.style.left = `${(cursor.x + 0.5) * scale}px`;
  mark.style.top = `${(cursor.y + 0.5) * scale}px`;
  mark.style.width = mark.style.height = `${Math.max(brush() * scale, 6)}px`;
  element("where").textContent = `${cursor.x}, ${cursor.y}: ${names[classes[cursor.y * width + cursor.x]]}`;
}

function under(event) {
  const box = canvas.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * height);
  return { x: Math.min(Math.max(x, 0), width - 1), y: Math.min(Math.max(y, 0), height - 1) };
}

const sent = () => ({ width, height, classes: packed(classes), seed: Number(element("seed").value) || 0 });

async function picture() {
  const number = ++asked, since = performance.now();
  try {
    const made = await (await ask("/api/picture", sent())).blob();
    if (number !== asked) return; // a newer one is on its way
    if (shown) URL.revokeObjectURL(shown.address);
    shown = { blob: made, address: URL.createObjectURL(made) };
    element("picture").src = shown.address;
    element("took").textContent = `${width} × ${height}, ${Math.round(performance.now() - since)} ms`;
    say("Paint the map; the picture follows.");
  } catch (error) {
    if (number === asked) say(error.message);
  }
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function open(file) {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const found = await (await ask("/api/map", { file: packed(bytes) })).json();
    remember();
    take({ classes: unpacked(found.map), width: found.width, height: found.height });
  } catch (error) {
    say(error.message);
  }
}

function offer() {
  names.forEach((name, number) => {
    const label = document.createElement("label"), input = document.createElement("input"), swatch = document.createElement("span");
    Object.assign(input, { type: "radio", name: "class", value: number, checked: number === Math.min(1, names.length - 1) });
    swatch.className = "swatch";
    swatch.style.background = `rgb(${colours[number].join(" ")})`;
    label.append(input, swatch, document.createTextNode(name));
    element("classes").append(label);
  });
}

const KEYS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const move = KEYS[event.key];
  if (move) {
    const by = event.shiftKey ? 8 : 1;
    cursor.x = Math.min(Math.max(cursor.x + by * move[0], 0), width - 1);
    cursor.y = Math.min(Math.max(cursor.y + by * move[1], 0), height - 1);
    place();
  } else if (event.key === " " || event.key === "Enter") {
    if (tool() === "fill") fill(cursor.x, cursor.y);
    else {
      remember();
      dab(cursor.x, cursor.y);
    }
    changed();
  } else if (event.key === "f" || event.key === "F") {
    fill(cursor.x, cursor.y);
    changed();
  } else if (event.key === "+" || event.key === "-") {
    element("size").value = brush() + (event.key === "+" ? 1 : -1);
    place();
  } else return;
  event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.target.type === "number") return;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) back(past, future);
  else if (key === "y" || (key === "z" && event.shiftKey)) back(future, past);
  else return;
  event.preventDefault();
});

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  cursor = under(event);
  if (tool() === "fill") fill(cursor.x, cursor.y);
  else {
    remember();
    canvas.setPointerCapture(event.pointerId);
    last = cursor;
    dab(cursor.x, cursor.y);
  }
  changed();
});
canvas.addEventListener("pointermove", (event) => {
  cursor = under(event);
  if (last) {
    stroke(last, cursor);
    last = cursor;
    changed();
  } else place();
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
for (const name of ["focus", "pointerenter"]) canvas.addEventListener(name, () => { element("cursor").hidden = false; });
for (const name of ["blur", "pointerleave"]) {
  canvas.addEventListener(name, () => { element("cursor").hidden = document.activeElement !== canvas; });
}
addEventListener("resize", place);
element("size").addEventListener("input", place);
element("undo").addEventListener("click", () => back(past, future));
element("redo").addEventListener("click", () => back(future, past));
element("seed").addEventListener("input", changed);
element("another").addEventListener("click", () => {
  element("seed").value = (Number(element("seed").value) || 0) + 1;
  changed();
});
element("open").addEventListener("change", (event) => {
  if (event.target.files.length) open(event.target.files[0]);
  event.target.value = "";
});
element("save").addEventListener("click", async () => {
  try {
    download(await (await ask("/api/file", sent())).blob(), "map.png");
  } catch (error) {
    say(error.message);
  }
});
element("keep").addEventListener("click", () => { if (shown) download(shown.blob, "picture.png"); });

try {
  const start = await (await ask("/api/start")).json();
  ({ colours } = start);
  names = start.classes;
  element("title").textContent = start.run;
  offer();
  element("desk").hidden = false;
  take({ classes: unpacked(start.map), width: start.width, height: start.height });
} catch (error) {
  say(error.message);
}
