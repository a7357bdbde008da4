// Since when a host is as it is, in words.
import { lapse } from "../format";
import type { Host } from "../hosts";
import { now_ms } from "../state";

export function sinceText({ state, since_ms, sinceIsBound }: Host): string {
  const age = since_ms === null ? null : lapse(now_ms.value - since_ms);
  switch (state) {
    case "up":
      return age === null ? "up" : `booted ${age} ago`;
    case "down":
      return age === null ? "no sign of life" : `down for ${sinceIsBound ? "more than " : ""}${age}`;
    case "silent":
      return "known only by samples";
  }
}
