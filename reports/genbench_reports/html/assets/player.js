// Plays piano rolls: an oscillator a note, with an envelope like that of a plucked string.

const STEP_SECONDS = 0.25;
let playing = null;

function stopPlaying() {
  if (!playing) return;
  clearTimeout(playing.timer);
  playing.context.close();
  playing.button.textContent = "Play";
  playing = null;
}

function playNote(context, output, start, length, pitch) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.type = "triangle";
  oscillator.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(0.5, start + 0.01);
  gain.gain.exponentialRampToValueAtTime(0.12, start + Math.max(0.05, length * 0.8));
  gain.gain.linearRampToValueAtTime(0, start + length);
  oscillator.connect(gain).connect(output);
  oscillator.start(start);
  oscillator.stop(start + length);
}

function startPlaying(button) {
  const context = new AudioContext();
  const output = context.createGain();
  output.gain.value = 0.25;
  output.connect(context.destination);
  const notes = button.dataset.notes.split(";").filter(Boolean).map((note) => note.split(",").map(Number));
  const begin = context.currentTime + 0.05;
  let end = 0;
  for (const [start, length, pitch] of notes) {
    playNote(context, output, begin + start * STEP_SECONDS, length * STEP_SECONDS, pitch);
    end = Math.max(end, start + length);
  }
  button.textContent = "Stop";
  playing = { context, button, timer: setTimeout(stopPlaying, (end * STEP_SECONDS + 0.2) * 1000) };
}

function startPlayer() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.play");
    if (!button) return;
    const wasPlaying = playing?.button === button;
    stopPlaying();
    if (!wasPlaying) startPlaying(button);
  });
}
