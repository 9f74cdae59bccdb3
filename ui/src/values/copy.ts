import { toast } from "../parts/Toast";

/** Put a text into the clipboard, and say so. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("The browser does not let this page copy; select the text instead.", "wrong");
  }
}
