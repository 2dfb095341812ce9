// The page of the chat example in a real browser, together with a Twisted client.

import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import { Program } from "../examples/program.ts";
import { twistedFault } from "../interop/peer.ts";
import { type Browser, browserTest, launch, type Page } from "./browser.ts";
import { Proxy } from "./proxy.ts";

/** A browser window, with the errors of its page. */
class Window implements AsyncDisposable {
  readonly page: Page;
  readonly faults: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("pageerror", (error) => this.faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.faults.push(message.text());
    });
  }

  static async open(browser: Browser, url: string): Promise<Window> {
    const window = new Window(await browser.newPage());
    window.page.setDefaultTimeout(20_000);
    await window.page.goto(url);
    return window;
  }

  /** Fills in the login form with the keyboard. */
  async logIn(name: string, password: string): Promise<void> {
    const { page } = this;
    await page.getByLabel("Name").fill(name);
    await page.keyboard.press("Tab");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
  }

  /** Types into the element that has the focus. */
  async say(text: string): Promise<void> {
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Enter");
  }

  /** Waits until a text is shown. */
  async shows(role: "log" | "alert" | "status", text: string): Promise<void> {
    await this.page.getByRole(role).getByText(text).or(
      this.page.getByRole(role).filter({ hasText: text }),
    ).first().waitFor();
  }

  /** Waits until exactly these people are listed. */
  async hasPeople(...names: string[]): Promise<void> {
    const list = this.page.getByRole("complementary", { name: "Who is here" }).getByRole("list");
    await list.filter({ hasText: new RegExp(`^${names.join("")}$`) }).waitFor();
  }

  /** Returns the lines of the conversation as displayed. */
  async lines(): Promise<string[]> {
    return await this.page.getByRole("log").locator("p").allInnerTexts();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }
}

browserTest("the chat page talks to another page and to Twisted, and reconnects", async (t) => {
  await using server = Program.start("chat_server.ts", ["--port", "0", "--http-port", "0"]);
  const [, tcpPort] = await server.line(/pb:\/\/127\.0\.0\.1:(\d+)/);
  const [, httpPort] = await server.line(/http:\/\/127\.0\.0\.1:(\d+)/);
  await using proxy = new Proxy(Number(httpPort));
  const url = `http://127.0.0.1:${proxy.port}/`;
  await using browser = await launch();
  await using alice = await Window.open(browser, url);
  await using bob = await Window.open(browser, url);

  await t.step("its bundle imports nothing and runs without Deno", async () => {
    const code = await (await fetch(`http://127.0.0.1:${httpPort}/page.js`)).text();
    assertFalse(/\bimport\b\s*[("'{*]|\brequire\s*\(/.test(code));
    assertEquals(await alice.page.evaluate("typeof Deno + typeof process"), "undefinedundefined");
  });

  await t.step("it reports a wrong password, and logs in with the right one", async () => {
    await alice.logIn("alice", "coffee");
    await alice.shows("alert", "Wrong name or password.");
    await alice.page.keyboard.type("tea");
    await alice.page.keyboard.press("Enter");
    await alice.shows("status", "Connected");
    await alice.hasPeople("alice");
  });

  await t.step(
    "it sends and receives lines, and shows earlier ones to a newcomer",
    async () => {
      await alice.say("is anybody there?");
      await alice.shows("log", "is anybody there?");
      await bob.logIn("bob", "tea");
      await bob.shows("log", "is anybody there?");
      await bob.say("<b>yes</b>, I am");
      await alice.shows("log", "<b>yes</b>, I am");
    },
  );

  await t.step("its list of people is updated as a live cache", async () => {
    await alice.hasPeople("alice", "bob");
    await bob.hasPeople("alice", "bob");
  });

  await t.step({
    name: `it talks to a Twisted client${twistedFault() === undefined ? "" : " [no Twisted]"}`,
    ignore: twistedFault() !== undefined,
    fn: async () => {
      const args = ["--port", tcpPort!, "--user", "carol", "--password", "tea"];
      await using carol = Program.start("chat_client.py", args);
      await carol.line(/here: alice, bob, carol/);
      await alice.hasPeople("alice", "bob", "carol");
      await carol.type("hello from Python");
      await alice.shows("log", "hello from Python");
      await bob.shows("log", "hello from Python");
      await bob.say("hello from a browser");
      await carol.line(/bob: hello from a browser/);
      await carol.endInput();
      assertEquals((await carol.outcome()).code, 0);
      await alice.hasPeople("alice", "bob");
    },
  });

  await t.step("it logs in again after a lost connection, and shows no line twice", async () => {
    const before = await alice.lines();
    proxy.isDown = true;
    proxy.cut();
    await alice.shows("status", "Not connected.");
    await alice.say("said while the network was down");
    const tryNow = alice.page.getByRole("button", { name: "Try now" });
    await tryNow.waitFor();
    proxy.isDown = false;
    // The page may have reconnected by itself just before, and then the button is gone.
    await tryNow.click({ timeout: 2000 }).catch(() => {});
    await alice.shows("status", "Connected");
    await alice.shows("log", "said while the network was down");
    await bob.shows("log", "said while the network was down");
    await bob.hasPeople("alice", "bob");
    assertEquals(await alice.lines(), [...before, "said while the network was down"]);
    assertEquals(await bob.lines(), await alice.lines());
  });

  await t.step("it leaves the room", async () => {
    await bob.page.getByRole("button", { name: "Leave" }).click();
    await bob.page.getByRole("button", { name: "Come in" }).waitFor();
    await alice.hasPeople("alice");
  });

  await t.step("it explains that logins need a secure page", async () => {
    await using lost = await Window.open(browser, `http://chat.test:${proxy.port}/`);
    await lost.logIn("bob", "tea");
    await lost.shows("alert", "SCRAM needs WebCrypto, which a page has over https");
    assertEquals(lost.faults, []);
  });

  await t.step("its server refuses a page of another origin", async () => {
    const blank = () => new Response("", { headers: { "content-type": "text/html" } });
    await using http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, blank);
    await using stranger = await Window.open(browser, `http://127.0.0.1:${http.addr.port}/`);
    await stranger.page.evaluate(`new Promise((resolve) => {
      new WebSocket("ws://127.0.0.1:${httpPort}/chat", "pb.v1").onclose = resolve;
    })`);
    assertMatch(stranger.faults.join(), /403/);
  });

  await t.step("it shows that the server has closed", async () => {
    const { code, lines, errors } = await server.end("SIGTERM");
    assertEquals([code, lines.at(-1)], [0, "Closed"]);
    assertMatch(errors, /^(Login of "(alice|bob)" .* refused: .*\n)+$/);
    await alice.shows("status", "Not connected.");
  });

  const isNetwork = (fault: string) => fault.includes("WebSocket connection to");
  assertEquals(alice.faults.concat(bob.faults).filter((fault) => !isNetwork(fault)), []);
});
