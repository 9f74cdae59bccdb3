import { render } from "preact";
import "./parts/theme.css";
import { askAhead } from "./api/ahead";
import { embedded } from "./api/embedded";
import { App } from "./app";
import { Boundary } from "./parts/Boundary";
import { startKeys } from "./parts/keys";
import { route, startRouter } from "./router";
import { startClock } from "./state/clock";
import { startTheme } from "./state/theme";

startTheme();
startClock();
startRouter();
startKeys();
if (route.peek().page === "run" && !embedded) askAhead(route.peek().run);
render(
  <Boundary>
    <App />
  </Boundary>,
  document.getElementById("app")!,
);
