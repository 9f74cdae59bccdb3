import { render } from "preact";
import "./parts/theme.css";
import { App } from "./app";
import { startKeys } from "./parts/keys";
import { startRouter } from "./router";
import { startClock } from "./state/clock";
import { startTheme } from "./state/theme";

startTheme();
startClock();
startRouter();
startKeys();
render(<App />, document.getElementById("app")!);
