import { render } from "preact";
import "./parts/theme.css";
import { App } from "./app";
import { Boundary } from "./parts/Boundary";
import { startKeys } from "./parts/keys";
import { startRouter } from "./router";
import { startClock } from "./state/clock";
import { startTheme } from "./state/theme";

startTheme();
startClock();
startRouter();
startKeys();
render(
  <Boundary>
    <App />
  </Boundary>,
  document.getElementById("app")!,
);
