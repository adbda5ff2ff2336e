"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // The timeline.
  const slider = one("#slider");
  if (slider && slider.max > 0) {
    const frames = all(".frame");
    const play = one("#play");
    let timer = null;
    const show = () => {
      frames.forEach((frame, place) => (frame.hidden = place !== Number(slider.value)));
      const words = frames[slider.value].dataset.seen;
      one("#seen").textContent = words;
      slider.setAttribute("aria-valuetext", words);
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    };
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = 0;
      show();
      play.textContent = "Pause";
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (slider.value === slider.max) stop();
      }, 350);
    });
    slider.addEventListener("input", () => {
      if (timer) stop();
      show();
    });
    slider.hidden = play.hidden = false;
    show();
  }

  // Readings of the curves: the values nearest to the pointer.
  for (const chart of all(".chart")) {
    const points = JSON.parse(chart.dataset.readings);
    const plot = one(".plot", chart);
    const cursor = one(".cursor", plot);
    const reading = one(".reading", chart);
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * plot.viewBox.baseVal.width;
      const near = points.reduce((best, point) => (Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best));
      cursor.setAttribute("transform", `translate(${near[0]} 0)`);
      cursor.removeAttribute("hidden");
      reading.textContent = near[1];
      reading.hidden = false;
    });
    plot.addEventListener("pointerleave", () => {
      cursor.setAttribute("hidden", "");
      reading.hidden = true;
    });
  }
})();
