// @ts-check
/** Synthetic media: a picture and a sound made on the spot, for machines without a camera and for trying things out. */

const TONES = [220, 277.18, 329.63, 440];

/**
 * @typedef {{stream: MediaStream, stop: () => void, resume: () => Promise<void>}} Synthetic
 */

/**
 * A moving picture with `label` on it, and a soft chord.
 * @param {{label?: string, width?: number, height?: number, fps?: number, hue?: number}} [options]
 * @returns {Synthetic}
 */
export function synthetic({ label = "", width = 640, height = 360, fps = 20, hue = 200 } = {}) {
  const video = picture({ label, width, height, fps, hue });
  const audio = chord(hue);
  const stream = new MediaStream([video.track, ...(audio ? [audio.track] : [])]);
  const stop = () => {
    video.stop();
    audio?.stop();
    for (const track of stream.getTracks()) track.stop();
  };
  return { stream, stop, resume: async () => audio?.resume() };
}

/** @param {{label: string, width: number, height: number, fps: number, hue: number}} options */
function picture({ label, width, height, fps, hue }) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const brush = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  const sink = feed(canvas, fps);
  const begun = performance.now();
  const draw = () => {
    paint(brush, { label, hue, seconds: (performance.now() - begun) / 1000 });
    sink.frame();
  };
  draw();
  const stopClock = clock(1000 / fps, draw);
  return { track: sink.track, stop: stopClock };
}

/**
 * Turn a canvas into a track. A hidden tab does not composite, so `captureStream` freezes there;
 * frames that are handed over one by one (Chromium) do not.
 * @param {HTMLCanvasElement} canvas
 * @param {number} fps
 */
function feed(canvas, fps) {
  const { MediaStreamTrackGenerator: Generator, VideoFrame: Frame } = /** @type {any} */ (globalThis);
  if (!Generator || !Frame) {
    const [track] = canvas.captureStream(fps).getVideoTracks();
    return { track, frame: () => {} };
  }
  const track = new Generator({ kind: "video" });
  const writer = track.writable.getWriter();
  const frame = () => {
    if (writer.desiredSize <= 0) return; // The encoder is behind: this picture is not missed.
    const picture = new Frame(canvas, { timestamp: Math.round(performance.now() * 1000) });
    writer.write(picture).catch(() => picture.close());
  };
  return { track: /** @type {MediaStreamTrack} */ (track), frame };
}

/**
 * Call `tick` regularly, in hidden tabs too: their own timers are throttled, those of a worker are not.
 * @param {number} ms
 * @param {() => void} tick
 * @returns {() => void} stops it
 */
function clock(ms, tick) {
  const source = new Blob([`setInterval(() => postMessage(0), ${ms})`], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  try {
    const worker = new Worker(url);
    worker.onmessage = tick;
    return () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    };
  } catch {
    URL.revokeObjectURL(url); // A content security policy without blob: workers.
    const timer = setInterval(tick, ms);
    return () => clearInterval(timer);
  }
}

/**
 * @param {CanvasRenderingContext2D} brush
 * @param {{label: string, hue: number, seconds: number}} scene
 */
function paint(brush, { label, hue, seconds }) {
  const { width, height } = brush.canvas;
  const sky = brush.createLinearGradient(0, 0, width, height);
  sky.addColorStop(0, `hsl(${hue} 60% 22%)`);
  sky.addColorStop(1, `hsl(${(hue + 50) % 360} 65% 38%)`);
  brush.fillStyle = sky;
  brush.fillRect(0, 0, width, height);
  for (let i = 0; i < 5; i++) {
    const angle = seconds * (0.4 + i * 0.13) + i * 1.3;
    brush.fillStyle = `hsl(${(hue + 20 * i) % 360} 85% ${55 + 5 * i}% / 0.55)`;
    brush.beginPath();
    const x = width * (0.5 + 0.36 * Math.cos(angle));
    const y = height * (0.45 + 0.3 * Math.sin(angle * 1.4));
    brush.arc(x, y, height * (0.07 + 0.025 * i), 0, 2 * Math.PI);
    brush.fill();
  }
  brush.fillStyle = "#fff";
  brush.textAlign = "center";
  brush.font = `600 ${Math.round(height / 9)}px system-ui, sans-serif`;
  brush.fillText(label, width / 2, height * 0.52, width * 0.9);
  brush.font = `${Math.round(height / 18)}px ui-monospace, monospace`;
  brush.fillText(`${seconds.toFixed(1)} s`, width / 2, height * 0.64);
}

/**
 * A quiet chord that breathes; null where the browser has no audio output at all.
 * @param {number} hue shifts it, so that two of them are told apart
 */
function chord(hue) {
  if (!globalThis.AudioContext) return null;
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const gain = new GainNode(context, { gain: 0.05 });
  const breath = new OscillatorNode(context, { frequency: 0.25 });
  breath.connect(new GainNode(context, { gain: 0.03 })).connect(gain.gain);
  gain.connect(out);
  const shift = 2 ** (Math.round(hue / 60) / 12);
  const voices = TONES.map((tone) => new OscillatorNode(context, { type: "sine", frequency: tone * shift }));
  for (const voice of [breath, ...voices]) voice.start();
  for (const voice of voices) voice.connect(gain);
  const [track] = out.stream.getAudioTracks();
  const resume = async () => {
    if (context.state === "suspended") await context.resume();
  };
  // A context made before any click starts suspended; resuming is harmless when that is not allowed yet.
  void resume().catch(() => {});
  return { track, resume, stop: () => void context.close().catch(() => {}) };
}
