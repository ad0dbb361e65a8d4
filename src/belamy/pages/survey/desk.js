// Speaking with the server: the token goes in a header, and what cannot be delivered is sent again.

export const token = location.hash.slice(1);

export const element = (name) => document.getElementById(name);

/** The server said no, and asking again would not help. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Ask the server; without a connection, ask again until there is an answer. */
export async function ask(path, body) {
  const options = { headers: { "X-Belamy-Token": token }, cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  for (let pause = 300; ; pause = Math.min(2 * pause, 4000)) {
    try {
      const response = await fetch(path, options);
      if (response.ok) {
        element("connection").hidden = true;
        return response;
      }
      if (response.status < 500) throw new Refusal(response.status, await reason(response));
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
    element("connection").hidden = false;
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

export const facts = async (path, body) => (await ask(path, body)).json();

export function problem(error) {
  for (const section of document.querySelectorAll("main > *")) section.hidden = section.id !== "problem";
  element("problem-text").textContent = error.message;
}

async function reason(response) {
  try {
    return (await response.json()).message;
  } catch {
    return `The server answered ${response.status}.`;
  }
}
