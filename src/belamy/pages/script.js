"use strict";
// Values under the pointer, enlarged sheets, compared pictures, copied commands. The page reads well without any of it.

const NAMESPACE = "http://www.w3.org/2000/svg";

function short(value) {
  for (const [size, suffix] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) return String(Number((value / size).toPrecision(4))) + suffix;
  }
  return String(Number(value.toPrecision(3)));
}

// A path's runs of [x, y] in pixels of the plot; a new run begins after every gap.
function runs(path) {
  return path.getAttribute("d").split("M").slice(1).map(run => run.split("L").map(point => point.split(" ").map(Number)));
}

// The height of a line at x, between its neighbouring points; null in a gap.
function heightAt(line, x, reach) {
  for (const run of line.runs) {
    if (x < run[0][0] - reach || x > run[run.length - 1][0] + reach) continue;
    let low = 0, high = run.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (run[middle][0] <= x) low = middle; else high = middle;
    }
    const [a, b] = [run[low], run[high]];
    const share = b[0] > a[0] ? Math.min(1, Math.max(0, (x - a[0]) / (b[0] - a[0]))) : 1;
    return a[1] + share * (b[1] - a[1]);
  }
  return null;
}

function prepare(plot) {
  const [width, height] = [plot.width.baseVal.value, plot.height.baseVal.value];
  const [left, right] = plot.dataset.x.split(" ").map(Number);
  const [low, high] = plot.dataset.y.split(" ").map(Number);
  const log = plot.dataset.log === "1";
  const lines = [...plot.querySelectorAll(".line")].map(path => ({
    name: path.dataset.name, colour: getComputedStyle(path).stroke, path, runs: runs(path),
  }));
  const pointer = document.createElementNS(NAMESPACE, "line");
  pointer.setAttribute("class", "pointer");
  pointer.setAttribute("y2", height);
  pointer.style.display = "none";
  plot.append(pointer);
  const valueAt = y => {
    const share = 1 - y / height;
    return log ? Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low))) : low + share * (high - low);
  };
  return { plot, width, left, right, lines, pointer, valueAt, along: plot.dataset.along };
}

function entry(colour, name, value) {
  const row = document.createElement("p"), label = document.createElement("span"), number = document.createElement("b");
  if (colour) {
    const swatch = document.createElement("i");
    swatch.style.background = colour;
    label.append(swatch);
  }
  label.append(name);
  number.textContent = value;
  row.append(label, number);
  return row;
}

const charts = [...document.querySelectorAll(".plot")].map(prepare);
const tip = document.createElement("div");
tip.className = "tip";

// The rule runs through every chart at the same moment; the values stand in the one under the pointer.
function point(chart, event) {
  const box = chart.plot.getBoundingClientRect();
  const figure = chart.plot.closest("figure"), frame = figure.getBoundingClientRect();
  const scale = chart.plot.ownerSVGElement.getBoundingClientRect().width / chart.plot.ownerSVGElement.viewBox.baseVal.width;
  const origin = chart.plot.getScreenCTM ? chart.plot.x.baseVal.value * scale : 0;
  const x = (event.clientX - chart.plot.ownerSVGElement.getBoundingClientRect().left - origin) / scale;
  if (x < -6 || x > chart.width + 6) return leave();
  const at = Math.min(chart.width, Math.max(0, x));
  const moment = chart.left + at / chart.width * (chart.right - chart.left);
  for (const other of charts) {
    const place = (moment - other.left) / (other.right - other.left) * other.width;
    const inside = other.along === chart.along && place >= 0 && place <= other.width;
    other.pointer.style.display = inside ? "" : "none";
    if (inside) for (const end of ["x1", "x2"]) other.pointer.setAttribute(end, place.toFixed(2));
  }
  const values = chart.lines.map(line => [line, heightAt(line, at, 3)]).filter(([, y]) => y !== null);
  tip.replaceChildren(entry("", chart.along, short(moment)),
    ...values.map(([line, y]) => entry(getComputedStyle(line.path).stroke, line.name, short(chart.valueAt(y)))));
  figure.append(tip);
  const over = event.clientX - frame.left;
  const left = over + 16 + tip.offsetWidth > frame.width ? over - 16 - tip.offsetWidth : over + 16;
  tip.style.transform = `translate(${Math.max(0, left)}px, ${Math.max(0, event.clientY - frame.top - tip.offsetHeight - 12)}px)`;
}

function leave() {
  tip.remove();
  for (const chart of charts) chart.pointer.style.display = "none";
}

for (const chart of charts) {
  const surface = chart.plot.ownerSVGElement;
  surface.addEventListener("pointermove", event => point(chart, event));
  surface.addEventListener("pointerdown", event => point(chart, event));
  surface.addEventListener("pointerleave", leave);
}

const dialog = document.querySelector("dialog");
const sheets = [...document.querySelectorAll(".look")];
let shown = 0;

function look(index) {
  shown = Math.min(sheets.length - 1, Math.max(0, index));
  const picture = sheets[shown].querySelector("img");
  dialog.querySelector("img").src = picture.src;
  dialog.querySelector("img").alt = picture.alt;
  dialog.querySelector("p").textContent = picture.alt;
  if (!dialog.open) dialog.showModal();
}

sheets.forEach((sheet, index) => sheet.addEventListener("click", () => look(index)));
dialog.addEventListener("click", () => dialog.close());
dialog.addEventListener("keydown", event => {
  if (event.key === "ArrowRight") look(shown + 1);
  if (event.key === "ArrowLeft") look(shown - 1);
});

for (const film of document.querySelectorAll(".film")) {
  const button = film.querySelector(".again"), picture = film.querySelector("img"), address = picture.src;
  let times = 0;
  button.hidden = false;
  button.addEventListener("click", () => {
    film.querySelector("source")?.remove(); // who presses it wants motion
    picture.src = `${address}#${++times}`; // another address: the browser plays it from the start
  });
}

// Two pictures of one place, the first seen up to a line: dragged on the picture, or moved by the keys of the range.
for (const sweep of document.querySelectorAll(".sweep")) {
  const pictures = [...sweep.parentElement.querySelectorAll(".look img")];
  const stage = sweep.querySelector(".stage"), [under, over] = stage.querySelectorAll("img"), line = stage.querySelector("i");
  const choice = sweep.querySelector("select"), range = sweep.querySelector("input");
  const choose = () => {
    const [first, second] = choice.selectedOptions[0].dataset.pair.split(" ").map(place => pictures[place]);
    [over.src, under.src, over.alt, under.alt] = [first.src, second.src, first.alt, second.alt];
    stage.style.aspectRatio = `${second.naturalWidth} / ${second.naturalHeight}`;
  };
  const draw = () => {
    over.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    line.style.left = `${range.value}%`;
  };
  const drag = event => {
    if (event.buttons !== 1) return;
    const box = stage.getBoundingClientRect();
    range.value = Math.round((event.clientX - box.left) / box.width * 100);
    draw();
  };
  choice.addEventListener("change", choose);
  range.addEventListener("input", draw);
  stage.addEventListener("pointerdown", event => { stage.setPointerCapture(event.pointerId); drag(event); });
  stage.addEventListener("pointermove", drag);
  sweep.hidden = false;
  pictures[pictures.length - 1].decode().catch(() => {}).then(() => { choose(); draw(); });
}

for (const block of document.querySelectorAll(".copy")) {
  const button = block.querySelector("button"), text = block.querySelector("pre");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text); // no clipboard here: leave the text selected, ready for Ctrl-C
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
}
