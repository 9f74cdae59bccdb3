import { useState } from "preact/hooks";
import type { Workflow, Workflows } from "../../api/types";
import { Button } from "../../parts/Button";
import { classes } from "../../parts/classes";
import { TextInput } from "../../parts/Field";
import { plural } from "../../parts/format";

interface Props {
  found: Workflows;
  target: string;
  onChoose: (target: string) => void;
}

/** The workflows below the folder; what is typed narrows them, and may be a target that is not among them. */
export function WorkflowList({ found, target, onChoose }: Props) {
  const [typed, setTyped] = useState("");
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ target, name = "" }: Workflow) => words.every((word) => `${target} ${name}`.toLowerCase().includes(word));
  const shown = found.workflows.filter(fits);
  const other = typed.trim();
  return (
    <div class="workflows">
      <TextInput
        value={typed}
        onValue={setTyped}
        aria-label="Find a workflow"
        placeholder="Find a file, or type module:flow"
        onKeyDown={(event) => event.key === "Enter" && other && onChoose(shown[0]?.target ?? other)}
      />
      <p class="hint" role="status">
        {plural(shown.length, "workflow")} below <code>{found.folder}</code>
      </p>
      <ul>
        {shown.map((workflow) => (
          <li key={workflow.target}>
            <button
              type="button"
              class={classes("workflow", workflow.target === target && "here")}
              aria-pressed={workflow.target === target}
              onClick={() => onChoose(workflow.target)}
            >
              <span class="name">{workflow.name || workflow.target}</span>
              {workflow.name && workflow.name !== workflow.target && <span class="file">{workflow.target}</span>}
              {workflow.problem && <span class="problem">{workflow.problem}</span>}
            </button>
          </li>
        ))}
      </ul>
      {other && shown.length === 0 && (
        <Button onClick={() => onChoose(other)}>
          Use <code>{other}</code>
        </Button>
      )}
    </div>
  );
}
