import { Component, type ComponentType } from "preact";
import { Empty } from "./parts/Empty";
import { Spinner } from "./parts/Spinner";
import { Button } from "./parts/Button";

type Load<Props> = () => Promise<{ default: ComponentType<Props> }>;

/** A component that is fetched when it is first shown. */
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
        () => this.setState({ wrong: true }),
      );
    }

    override render(props: Props) {
      if (found) {
        const Found = found;
        return <Found {...props} />;
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
