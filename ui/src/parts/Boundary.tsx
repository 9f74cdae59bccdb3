import { Component, type ComponentChildren } from "preact";
import { hrefOf, route, type Route } from "../router";
import { Button, LinkButton } from "./Button";
import { Empty } from "./Empty";

interface State {
  error: unknown;
  /** Where it happened: another place, or the same one later, is another try. */
  at: Route | null;
}

/** Keeps what goes wrong in a view within it: the rest of the page stays, and the view says what happened. */
export class Boundary extends Component<{ children?: ComponentChildren }, State> {
  override state: State = { error: null, at: null };

  override componentDidCatch(error: unknown) {
    console.error(error);
    this.setState({ error, at: route.peek() });
  }

  override render() {
    const { error, at } = this.state;
    if (at === null || at !== route.value) return this.props.children;
    return (
      <div role="alert">
        <Empty
          title="This part of the page went wrong"
          action={
            <>
              <Button onClick={() => this.setState({ error: null, at: null })}>Try again</Button>
              <LinkButton href={hrefOf("runs")}>See the runs</LinkButton>
            </>
          }
        >
          <p>No run is affected. It is a fault of the page, which says of it:</p>
          <code>{error instanceof Error ? error.message : String(error)}</code>
        </Empty>
      </div>
    );
  }
}
