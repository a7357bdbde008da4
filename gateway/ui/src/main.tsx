// Start: watch the address, the window and the colour scheme, start the refresh loop, draw.
import { render } from "preact";
import { Api } from "./api";
import { App } from "./components/App";
import { Refresher } from "./refresh";
import { parseRoute } from "./route";
import * as state from "./state";
import "uplot/dist/uPlot.min.css";
import "./page.css";

function followAddress(): void {
  const read = () => {
    state.route.value = parseRoute(location.hash);
  };
  addEventListener("hashchange", read);
  read();
}

/** In steps of a hundred pixels: a step asked for anew at each pixel of a drag would be a flood of queries. */
function followWidth(): void {
  const read = () => {
    const content_px = Math.min(innerWidth, 1500);
    const panel_px = content_px < 820 ? content_px : content_px / 2;
    state.width_px.value = Math.ceil(panel_px / 100) * 100;
  };
  addEventListener("resize", read);
  read();
}

function followScheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    state.isDark.value = dark.matches;
  };
  dark.addEventListener("change", read);
  read();
}

const place = document.getElementById("page");
if (place !== null) {
  followAddress();
  followWidth();
  followScheme();
  const refresher = new Refresher(new Api((url, init) => fetch(url, init), Date.now));
  refresher.start();
  render(<App retry={() => refresher.again(0)} />, place);
}
