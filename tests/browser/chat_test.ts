// The page of the chat example in a real browser: it is a full peer, beside Twisted.

import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import { Program } from "../examples/program.ts";
import { twistedFault } from "../interop/peer.ts";
import { type Browser, browserTest, launch, type Page } from "./browser.ts";
import { Proxy } from "./proxy.ts";

/** A window of its own, with the faults of its page. */
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

  /** Fills in the form, with keys only. */
  async logIn(name: string, password: string): Promise<void> {
    const { page } = this;
    await page.getByLabel("Name").fill(name);
    await page.keyboard.press("Tab");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
  }

  /** Types into what has the focus. */
  async say(text: string): Promise<void> {
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Enter");
  }

  /** Waits until a text is there, once. */
  async shows(role: "log" | "alert" | "status", text: string): Promise<void> {
    await this.page.getByRole(role).getByText(text).or(
      this.page.getByRole(role).filter({ hasText: text }),
    ).first().waitFor();
  }

  /** Waits until just these people are there. */
  async hasPeople(...names: string[]): Promise<void> {
    const list = this.page.getByRole("complementary", { name: "Who is here" }).getByRole("list");
    await list.filter({ hasText: new RegExp(`^${names.join("")}$`) }).waitFor();
  }

  /** All that was said, as it is read. */
  async lines(): Promise<string[]> {
    return await this.page.getByRole("log").locator("p").allInnerTexts();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }
}

browserTest("two pages and a Twisted program chat, over connections that break", async (t) => {
  await using server = Program.start("chat_server.ts", ["--port", "0", "--http-port", "0"]);
  const [, tcpPort] = await server.line(/pb:\/\/127\.0\.0\.1:(\d+)/);
  const [, httpPort] = await server.line(/http:\/\/127\.0\.0\.1:(\d+)/);
  await using proxy = new Proxy(Number(httpPort));
  const url = `http://127.0.0.1:${proxy.port}/`;
  await using browser = await launch();
  await using alice = await Window.open(browser, url);
  await using bob = await Window.open(browser, url);

  await t.step("the bundle imports nothing", async () => {
    const code = await (await fetch(`http://127.0.0.1:${httpPort}/page.js`)).text();
    assertFalse(/\bimport\b\s*[("'{*]|\brequire\s*\(/.test(code));
    assertEquals(await alice.page.evaluate("typeof Deno + typeof process"), "undefinedundefined");
  });

  await t.step("a wrong password is shown, and the right one typed after it", async () => {
    await alice.logIn("alice", "coffee");
    await alice.shows("alert", "Wrong name or password.");
    await alice.page.keyboard.type("tea");
    await alice.page.keyboard.press("Enter");
    await alice.shows("status", "Connected");
    await alice.hasPeople("alice");
  });

  await t.step(
    "a page calls, and is called; what was said before is there for others",
    async () => {
      await alice.say("is anybody there?");
      await alice.shows("log", "is anybody there?");
      await bob.logIn("bob", "tea");
      await bob.shows("log", "is anybody there?");
      await bob.say("<b>yes</b>, I am");
      await alice.shows("log", "<b>yes</b>, I am");
    },
  );

  await t.step("a live cache updates", async () => {
    await alice.hasPeople("alice", "bob");
    await bob.hasPeople("alice", "bob");
  });

  await t.step({
    name: `Twisted is in the room too${twistedFault() === undefined ? "" : " [no Twisted]"}`,
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

  await t.step("a connection that is lost comes back, logged in, with nothing twice", async () => {
    const before = await alice.lines();
    proxy.isDown = true;
    proxy.cut();
    await alice.shows("status", "Not connected.");
    await alice.say("said while the network was down");
    const tryNow = alice.page.getByRole("button", { name: "Try now" });
    await tryNow.waitFor();
    proxy.isDown = false;
    // The page may have tried by itself a moment before, and then the button is gone.
    await tryNow.click({ timeout: 2000 }).catch(() => {});
    await alice.shows("status", "Connected");
    await alice.shows("log", "said while the network was down");
    await bob.shows("log", "said while the network was down");
    await bob.hasPeople("alice", "bob");
    assertEquals(await alice.lines(), [...before, "said while the network was down"]);
    assertEquals(await bob.lines(), await alice.lines());
  });

  await t.step("leaving takes a page out of the room", async () => {
    await bob.page.getByRole("button", { name: "Leave" }).click();
    await bob.page.getByRole("button", { name: "Come in" }).waitFor();
    await alice.hasPeople("alice");
  });

  await t.step("a page that is not secure says why nobody can log in there", async () => {
    await using lost = await Window.open(browser, `http://chat.test:${proxy.port}/`);
    await lost.logIn("bob", "tea");
    await lost.shows("alert", "SCRAM needs WebCrypto, which a page has over https");
    assertEquals(lost.faults, []);
  });

  await t.step("a page of another origin is not let in", async () => {
    const blank = () => new Response("", { headers: { "content-type": "text/html" } });
    await using http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, blank);
    await using stranger = await Window.open(browser, `http://127.0.0.1:${http.addr.port}/`);
    await stranger.page.evaluate(`new Promise((resolve) => {
      new WebSocket("ws://127.0.0.1:${httpPort}/chat", "pb.v1").onclose = resolve;
    })`);
    assertMatch(stranger.faults.join(), /403/);
  });

  await t.step("the server ends in good order, and the page says that it is gone", async () => {
    const { code, lines, errors } = await server.end("SIGTERM");
    assertEquals([code, lines.at(-1)], [0, "Closed"]);
    assertMatch(errors, /^(Login of "(alice|bob)" .* refused: .*\n)+$/);
    await alice.shows("status", "Not connected.");
  });

  const isNetwork = (fault: string) => fault.includes("WebSocket connection to");
  assertEquals(alice.faults.concat(bob.faults).filter((fault) => !isNetwork(fault)), []);
});
