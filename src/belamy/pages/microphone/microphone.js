// Records from the microphone, has it made clean by the server, and shows and plays both.

import { ask, packed } from "/static/server.js";
import { drawSpectrum, drawWave, spectrogram } from "/static/spectrum.js";

const element = (name) => document.getElementById(name);
const COLUMNS = 300; // of a spectrogram
let facts = null;
let recording = null; // { context, stream, blocks, count } while it records
let shown = null; // { given, made, rate }: samples of both
let addresses = [];

function say(text) {
  element("said").textContent = text;
}

/** A WAV file of 16-bit samples. */
function file(samples, rate) {
  const header = new DataView(new ArrayBuffer(44));
  const write = (at, text) => [...text].forEach((letter, number) => header.setUint8(at + number, letter.charCodeAt(0)));
  write(0, "RIFF");
  header.setUint32(4, 36 + samples.byteLength, true);
  write(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, rate, true);
  header.setUint32(28, 2 * rate, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  write(36, "data");
  header.setUint32(40, samples.byteLength, true);
  return new Blob([header, samples], { type: "audio/wav" });
}

const values = (whole) => Float32Array.from(whole, (value) => value / 32768);

function drawn() {
  if (!shown) return;
  const spectra = { given: spectrogram(shown.given, COLUMNS), made: spectrogram(shown.made, COLUMNS) };
  const loudest = spectra.given.reduce((most, column) => column.reduce((high, level) => Math.max(high, level), most), -120);
  for (const name of ["given", "made"]) {
    drawWave(element(`${name}-wave`), shown[name]);
    drawSpectrum(element(`${name}-spectrum`), spectra[name], loudest);
  }
}

function offer(name, blob) {
  const address = URL.createObjectURL(blob);
  addresses.push(address);
  element(name).src = address;
  element(`${name}-file`).href = address;
}

async function begin() {
  const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted }).catch((error) => {
    throw new Error(`The browser gives no microphone (${error.name}). Allow it for this page and record again.`);
  });
  const context = new AudioContext();
  await context.audioWorklet.addModule("/static/recorder.js");
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  recording = { context, stream, blocks: [], count: 0 };
  recorder.port.onmessage = ({ data }) => heard(data);
  context.createMediaStreamSource(stream).connect(recorder);
  element("record").textContent = "Stop";
  element("record").setAttribute("aria-pressed", "true");
  say("Recording …");
}

function heard(block) {
  if (!recording) return;
  recording.blocks.push(block);
  recording.count += block.length;
  const power = block.reduce((sum, value) => sum + value * value, 0) / block.length;
  element("level").value = 10 * Math.log10(power + 1e-6);
  element("clock").textContent = `${(recording.count / recording.context.sampleRate).toFixed(1)} s`;
  if (recording.count + block.length > facts.most) end();
}

async function end() {
  const { context, stream, blocks } = recording;
  const rate = Math.round(context.sampleRate);
  recording = null;
  for (const track of stream.getTracks()) track.stop();
  await context.close();
  const button = element("record");
  button.textContent = "Record";
  button.setAttribute("aria-pressed", "false");
  element("level").value = -60;
  const samples = Int16Array.from(blocks.flatMap((block) => [...block]), (value) => Math.round(Math.max(-1, Math.min(1, value)) * 32767));
  if (!samples.length) return say("Nothing was heard. Record again.");
  say("Being enhanced …");
  const since = performance.now();
  const answer = await ask("/api/clean", { rate, samples: packed(new Uint8Array(samples.buffer)) });
  const blob = await answer.blob(), took = (performance.now() - since) / 1000, seconds = samples.length / rate;
  shown = { given: values(samples), made: values(new Int16Array((await blob.arrayBuffer()).slice(44))), rate };
  addresses.splice(0).forEach((address) => URL.revokeObjectURL(address));
  offer("given", file(samples, rate));
  offer("made", blob);
  element("takes").hidden = false;
  drawn();
  const upper = Math.round(rate / 2).toLocaleString("en");
  element("told").textContent = `${seconds.toFixed(1)} s at ${rate.toLocaleString("en")} samples a second, made in ${took.toFixed(2)} s `
    + `(${(took / seconds).toFixed(2)} of its length). Spectrograms go from 0 to ${upper} Hz.`
    + (rate > facts.rate ? ` The run knows ${facts.rate.toLocaleString("en")} samples a second, so nothing is left above ${Math.round(facts.rate / 2).toLocaleString("en")} Hz.` : "");
  say("Play both, or record again.");
}

element("record").addEventListener("click", async () => {
  element("record").disabled = true; // until the microphone is there, or the server has answered
  try {
    await (recording ? end() : begin());
  } catch (error) {
    say(error.message);
  }
  element("record").disabled = false;
});
addEventListener("resize", drawn);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawn);

try {
  facts = await (await ask("/api/start")).json();
  element("title").textContent = facts.run;
  element("controls").hidden = false;
  const late = facts.delay === null ? "" : ` As a stream it would be ${Math.round(facts.delay)} ms late.`;
  say(`Record up to ${Math.round(facts.most / 48000)} s and hear what the run makes of it. Nothing leaves this machine.${late}`);
} catch (error) {
  say(error.message);
}
