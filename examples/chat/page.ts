/// <reference lib="dom" />
/** The page of the chat; `chat_server.ts` bundles it into `page.js`. */

import { type SessionState, UnauthorizedLogin, UsernamePassword } from "@perspective/broker";
import { ChatClient, type Line } from "./client.ts";

/** Finds an element of `index.html` by its id. */
function find<E extends Element>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`Cannot find #${id} in the page`);
}

const door = find("door", HTMLFormElement);
const nameInput = find("name", HTMLInputElement);
const passwordInput = find("password", HTMLInputElement);
const roomInput = find("room", HTMLInputElement);
const doorAlert = find("door-alert", HTMLElement);
const roomView = find("room-view", HTMLElement);
const roomTitle = find("room-title", HTMLElement);
const status = find("status", HTMLElement);
const retryButton = find("retry", HTMLButtonElement);
const leaveButton = find("leave", HTMLButtonElement);
const log = find("log", HTMLElement);
const peopleList = find("people", HTMLElement);
const sayForm = find("say", HTMLFormElement);
const textInput = find("text", HTMLInputElement);
const sayAlert = find("say-alert", HTMLElement);

let chat: ChatClient | undefined;

/** Logs in, and waits until the client has ended. */
async function enter(): Promise<void> {
  const [name, room] = [nameInput.value.trim(), roomInput.value.trim()];
  const url = new URL("chat", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  doorAlert.textContent = "";
  log.replaceChildren();
  peopleList.replaceChildren();
  roomTitle.textContent = room;
  chat = new ChatClient({
    url,
    credentials: new UsernamePassword(name, passwordInput.value),
    room,
    view: {
      said: (line) => showLine(line, line.who === name),
      people: showPeople,
      state: showState,
    },
  });
  const reason = await chat.closed;
  chat = undefined;
  roomView.hidden = true;
  door.hidden = false;
  if (reason === undefined) return nameInput.focus();
  const isWrong = reason instanceof UnauthorizedLogin;
  doorAlert.textContent = isWrong ? "Wrong name or password." : `${reason.message}.`;
  passwordInput.select();
}

function showState(state: SessionState): void {
  document.body.dataset.state = state.kind;
  retryButton.hidden = state.kind !== "waiting";
  switch (state.kind) {
    case "connecting":
      status.textContent = "Connecting…";
      break;
    case "connected":
      status.textContent = "Connected";
      if (!door.hidden) {
        door.hidden = true;
        roomView.hidden = false;
        passwordInput.value = "";
        textInput.focus();
      }
      break;
    case "waiting": {
      const seconds = Math.ceil(state.delay / 1000);
      status.textContent = `Not connected. Trying again in ${seconds} s.`;
      if (!door.hidden) doorAlert.textContent = `${state.reason.message}. Trying again.`;
      break;
    }
    case "closed":
      break;
  }
}

function showLine({ who, text, at }: Line, isOwn: boolean): void {
  const item = document.createElement("li");
  item.classList.toggle("own", isOwn);
  const time = document.createElement("time");
  const date = new Date(at);
  time.dateTime = date.toISOString();
  time.textContent = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const author = document.createElement("strong");
  author.textContent = who;
  const words = document.createElement("p");
  words.textContent = text;
  item.append(author, " ", time, words);
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(item);
  if (isAtEnd || isOwn) log.scrollTop = log.scrollHeight;
}

function showPeople(names: readonly string[]): void {
  peopleList.replaceChildren(...names.map((name) => {
    const item = document.createElement("li");
    item.textContent = name;
    return item;
  }));
}

/** Sends what was typed; if that fails, the text stays, so that it can be sent again. */
async function say(): Promise<void> {
  const text = textInput.value;
  textInput.value = "";
  sayAlert.textContent = "";
  try {
    await chat?.say(text);
  } catch (error) {
    sayAlert.textContent = error instanceof Error ? `${error.message}.` : String(error);
    if (textInput.value === "") textInput.value = text;
  }
}

door.addEventListener("submit", (event) => {
  event.preventDefault();
  if (chat === undefined) void enter();
});
sayForm.addEventListener("submit", (event) => {
  event.preventDefault();
  void say();
});
leaveButton.addEventListener("click", () => chat?.close());
retryButton.addEventListener("click", () => chat?.retry());
addEventListener("online", () => chat?.retry());
// Otherwise a page that the browser keeps for the back button would stay in the room.
addEventListener("pagehide", () => chat?.close());
