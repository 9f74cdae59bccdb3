import { Component, type ComponentType } from "preact";
import { listRuns } from "./api/calls";
import { Boundary } from "./parts/Boundary";
import { Button } from "./parts/Button";
import { Empty } from "./parts/Empty";
import { Spinner } from "./parts/Spinner";

type Load<Props> = () => Promise<{ default: ComponentType<Props> }>;

/** A component that is fetched when it is first shown; what goes wrong in it stays in it. */
export function lazy<Props extends object>(load: Load<Props>): ComponentType<Props> {
  let found: ComponentType<Props> | null = null;
  return class extends Component<Props, { wrong: boolean }> {
    override state = { wrong: false };

    override componentDidMount() {
      if (found) return;
      load().then(
        (module) => {
          found = module.default;
          this.setState({ wrong: false });
        },
        () => {
          this.setState({ wrong: true });
          // The answer tells the shell what is the matter: the server is away, or this browser has no key any more.
          listRuns({ most: 1 }).catch(() => undefined);
        },
      );
    }

    override render(props: Props) {
      if (found) {
        const Found = found;
        return (
          <Boundary>
            <Found {...props} />
          </Boundary>
        );
      }
      if (!this.state.wrong) return <Spinner label="Loading" />;
      return (
        <Empty title="This part of the page could not be loaded" action={<Button onClick={() => location.reload()}>Load the page anew</Button>}>
          The server does not answer, or was replaced by a newer one.
        </Empty>
      );
    }
  };
}
