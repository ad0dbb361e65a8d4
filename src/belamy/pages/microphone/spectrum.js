// Waveforms and spectrograms on canvases, in the colours of the page.

const FRAME = 512; // samples of a spectrum
const FLOOR = -80; // dB below the loudest that is drawn

/** The Fourier transform in place, of a length that is a power of two. */
function transform(real, imaginary) {
  const length = real.length;
  for (let at = 1, mirror = 0; at < length; at += 1) {
    let bit = length >> 1;
    for (; mirror & bit; bit >>= 1) mirror ^= bit;
    mirror ^= bit;
    if (at < mirror) {
      [real[at], real[mirror]] = [real[mirror], real[at]];
      [imaginary[at], imaginary[mirror]] = [imaginary[mirror], imaginary[at]];
    }
  }
  for (let size = 2; size <= length; size *= 2) {
    for (let half = 0; half < size / 2; half += 1) {
      const angle = (-2 * Math.PI * half) / size, cosine = Math.cos(angle), sine = Math.sin(angle);
      for (let at = half; at < length; at += size) {
        const other = at + size / 2;
        const x = real[other] * cosine - imaginary[other] * sine, y = real[other] * sine + imaginary[other] * cosine;
        [real[other], imaginary[other]] = [real[at] - x, imaginary[at] - y];
        real[at] += x;
        imaginary[at] += y;
      }
    }
  }
}

/** The mean power in dB of each frequency over the frames of each column, the lowest frequency first. */
export function spectrogram(samples, columns) {
  const window = Float64Array.from({ length: FRAME }, (_, at) => Math.sin((Math.PI * (at + 0.5)) / FRAME) ** 2);
  const wide = samples.length / columns;
  return Array.from({ length: columns }, (_, column) => {
    const powers = new Float64Array(FRAME / 2 + 1), frames = Math.max(1, Math.ceil(wide / FRAME));
    for (let frame = 0; frame < frames; frame += 1) {
      const start = Math.round((column + (frame + 0.5) / frames) * wide) - FRAME / 2;
      const real = window.map((weight, at) => weight * (samples[start + at] ?? 0)), imaginary = new Float64Array(FRAME);
      transform(real, imaginary);
      powers.forEach((power, at) => { powers[at] = power + (real[at] ** 2 + imaginary[at] ** 2) / frames; });
    }
    return powers.map((power) => 10 * Math.log10(power + 1e-12));
  });
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function sized(canvas) {
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
  return canvas.getContext("2d");
}

export function drawWave(canvas, samples) {
  const context = sized(canvas), { width, height } = canvas;
  context.fillStyle = colour("--s0");
  for (let x = 0; x < width; x += 1) {
    const start = Math.floor((x * samples.length) / width), stop = Math.max(start + 1, Math.floor(((x + 1) * samples.length) / width));
    let low = 1, high = -1;
    for (let at = start; at < stop; at += 1) {
      low = Math.min(low, samples[at] ?? 0);
      high = Math.max(high, samples[at] ?? 0);
    }
    context.fillRect(x, ((1 - high) / 2) * height, 1, Math.max(1, ((high - low) / 2) * height));
  }
}

/** Draws spectra; `loudest` in dB is the fullest colour. */
export function drawSpectrum(canvas, spectra, loudest) {
  const context = sized(canvas), { width, height } = canvas;
  context.fillStyle = colour("--s0");
  const wide = width / spectra.length, bins = spectra[0].length;
  spectra.forEach((column, x) => {
    for (let y = 0; y < height; y += 1) {
      const level = column[Math.min(bins - 1, Math.floor(((height - 1 - y) * bins) / height))];
      context.globalAlpha = Math.min(1, Math.max(0, 1 - (level - loudest) / FLOOR));
      context.fillRect(Math.floor(x * wide), y, Math.ceil(wide), 1);
    }
  });
}
