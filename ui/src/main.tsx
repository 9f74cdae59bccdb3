import { render } from "preact";
import "./parts/theme.css";
import { App } from "./app";

render(<App />, document.getElementById("app")!);
