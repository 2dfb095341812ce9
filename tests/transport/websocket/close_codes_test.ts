import { assertEquals } from "@std/assert";
import {
  closeCodeOf,
  closeText,
  privateCodeOf,
  reasonOf,
} from "../../../transport/websocket/_close_codes.ts";

const KINDS = [
  ["normal", 1000, 1000],
  ["goingAway", 1001, 4001],
  ["protocolError", 1002, 4002],
  ["policyViolation", 1008, 4008],
  ["tooLarge", 1009, 4009],
  ["internalError", 1011, 4011],
] as const;

for (const [kind, code, privateCode] of KINDS) {
  Deno.test(`reasonOf() reads close reason "${kind}" from ${code} and from ${privateCode}`, () => {
    assertEquals(closeCodeOf({ kind, message: "" }), code);
    assertEquals(privateCodeOf(code), privateCode);
    assertEquals(reasonOf(code, "why"), { kind, message: "why" });
    assertEquals(reasonOf(privateCode, "why"), { kind, message: "why" });
  });
}

Deno.test("reasonOf() reads other codes, and names a code that comes without text", () => {
  assertEquals(reasonOf(1005, ""), { kind: "normal", message: "WebSocket close code 1005" });
  assertEquals(reasonOf(1003, "no text"), { kind: "protocolError", message: "no text" });
  assertEquals(reasonOf(1012, "restart"), { kind: "goingAway", message: "restart" });
  assertEquals(reasonOf(3999, ""), { kind: "internalError", message: "WebSocket close code 3999" });
});

Deno.test("closeText() cuts text only between characters", () => {
  assertEquals(closeText("short").length, 5);
  assertEquals(closeText("x".repeat(200)).length, 123);
  assertEquals(closeText("€".repeat(200)).length, 123);
  assertEquals(closeText("x" + "€".repeat(200)).length, 121);
});
