// The browser's side of page/live.py: its camera in, the head out, with what it costs in time.
window.live = {
  IN_FLIGHT: 2, // frames sent and not yet answered; more would only wait
  PATIENCE: 150, // ms, after which a frame is not waited for: one without a face has no answer
  FORGOTTEN: 5000, // ms
  QUALITY: 0.85,

  async start(token, motion, smooth) {
    this.stop();
    const place = (name) => document.getElementById("live-" + name);
    const say = (words) => { place("words").textContent = words; };
    if (!token) return say("There is no head yet: make one from pictures, or open one.");
    if (!navigator.mediaDevices) return say("This browser gives a camera to https and 127.0.0.1 only.");
    const run = this.run = { sent: new Map(), shown: [], number: 0n };
    try {
      run.stream = await navigator.mediaDevices.getUserMedia(
        { video: { width: 640, height: 480, facingMode: "user" } });
    } catch (error) {
      return say("The camera cannot be used: " + error.message);
    }
    const video = place("camera");
    video.srcObject = run.stream;
    await video.play();
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const url = new URL("live", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.search = new URLSearchParams({ token, motion, smooth });
    const socket = run.socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    say("Look into the camera.");

    const send = async () => {
      if (this.run !== run || socket.readyState !== WebSocket.OPEN) return;
      const now = performance.now();
      for (const [number, at] of run.sent) if (now - at > this.FORGOTTEN) run.sent.delete(number);
      const waiting = [...run.sent.values()].filter((at) => now - at < this.PATIENCE);
      if (waiting.length >= this.IN_FLIGHT) return;
      const number = run.number++;
      run.sent.set(number, now);
      canvas.getContext("2d").drawImage(video, 0, 0);
      const jpeg = await canvas.convertToBlob({ type: "image/jpeg", quality: this.QUALITY });
      const head = new DataView(new ArrayBuffer(8));
      head.setBigUint64(0, number);
      if (socket.readyState === WebSocket.OPEN) socket.send(new Blob([head.buffer, jpeg]));
    };
    const each = () => {
      if (this.run !== run) return;
      send();
      video.requestVideoFrameCallback(each);
    };
    socket.onopen = each;
    socket.onclose = () => { if (this.run === run) this.stop(); };
    socket.onmessage = async ({ data }) => {
      if (typeof data === "string") return say(data);
      const number = new DataView(data).getBigUint64(0);
      const picture = await createImageBitmap(new Blob([new Uint8Array(data, 8)]));
      const shown = place("head");
      shown.width = picture.width;
      shown.height = picture.height;
      shown.getContext("2d").drawImage(picture, 0, 0);
      const now = performance.now();
      const late = now - (run.sent.get(number) ?? NaN);
      for (const other of run.sent.keys()) if (other <= number) run.sent.delete(other);
      run.shown.push([now, late]);
      run.shown = run.shown.slice(-25);
      const times = run.shown.map(([at]) => at);
      const rate = 1000 * (times.length - 1) / (times.at(-1) - times[0] || 1);
      const delays = run.shown.map(([, delay]) => delay).filter(Number.isFinite);
      const delay = delays.reduce((sum, one) => sum + one, 0) / delays.length;
      say(`${rate.toFixed(0)} frames/s, ${delay.toFixed(0)} ms from camera to picture`);
    };
  },

  stop() {
    const run = this.run;
    this.run = null;
    run?.socket?.close();
    run?.stream?.getTracks().forEach((track) => track.stop());
  },
};
